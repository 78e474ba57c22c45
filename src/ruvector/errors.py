"""What can go wrong, and what is the caller told?

One tree. Each class carries its HTTP status, its gRPC code and the text that begins its message on
the wire (the contract of Qdrant's API), so that no adapter decides about errors. Messages name the
thing, the value, the limit and the way out.

RuvectorError
├── BadInput (ValueError)        400  the request contradicts itself or the collection
│   ├── MalformedRequest         400  it could not be read at all: bad JSON, wrong types
│   ├── ChecksumMismatch         400  a snapshot is not the one that was meant
│   └── UnsupportedEncoding      415  its body is compressed in a way that is not read
├── InvalidRequest (ValueError)  422  it was read, but a value lies outside its range
├── AlreadyExists                409
├── NotFound (LookupError)       404
├── Forbidden                    403
├── Unauthorized                 401  (plain text on the wire)
├── StandaloneMode               405  cluster operations on a single node
├── MethodNotAllowed             405
├── TimedOut (TimeoutError)      408
├── BodyTooLarge                 413
├── RateLimited                  429
├── ServiceError                 500
│   ├── StorageDamaged           500  bytes on disk are not what was written
│   └── ShardPoisoned            500  a commit failed; only a restart lifts it
├── Unavailable                  503
│   └── StorageBusy              503  the queue of waiting writes is full
├── StorageFull                  507  no space; reads and deletes still work
├── StorageLocked                     another process holds the folder
└── ConnectionFailed                  the client could not reach the server
"""

from typing import ClassVar


class RuvectorError(Exception):
    """Base of everything ruvector raises on purpose."""

    http_status: ClassVar[int] = 500
    grpc_code: ClassVar[str] = "INTERNAL"
    prefix: ClassVar[str] = "Service internal error: "
    grpc_prefix: ClassVar[str | None] = None  # where the words of HTTP do not fit

    @classmethod
    def grpc_text(cls) -> str:
        """Return what begins the message in gRPC."""
        return cls.prefix if cls.grpc_prefix is None else cls.grpc_prefix

    @property
    def message(self) -> str:
        """Return the text without the prefix of the wire."""
        return str(self.args[0]) if self.args else type(self).__name__


class BadInput(RuvectorError, ValueError):
    """The request contradicts itself, the collection or a limit."""

    http_status = 400
    grpc_code = "INVALID_ARGUMENT"
    prefix = "Wrong input: "


class MalformedRequest(BadInput):
    """The body could not be read: bad JSON, a wrong type, an unknown field."""

    prefix = "Format error in JSON body: "
    grpc_prefix = "Format error in message: "


class ChecksumMismatch(BadInput):
    """A file is not the one whose checksum was given."""

    grpc_code = "DATA_LOSS"
    prefix = "Checksum mismatch: "


class UnsupportedEncoding(BadInput):
    """The body is compressed in a way that this server does not read."""

    http_status = 415
    grpc_code = "UNIMPLEMENTED"
    prefix = "Bad request: "


class InvalidRequest(RuvectorError, ValueError):
    """The body was read, but a value lies outside its range."""

    http_status = 422
    grpc_code = "INVALID_ARGUMENT"
    prefix = "Validation error in JSON body: "
    grpc_prefix = "Validation error in body: "

    @classmethod
    def of(cls, path: str, value: object, rule: str) -> "InvalidRequest":
        """Return the error for one value, in the contract's words."""
        return cls(f"[{path}: value {value} invalid, {rule}]")


class AlreadyExists(RuvectorError):
    """A thing of that name is there already."""

    http_status = 409
    grpc_code = "ALREADY_EXISTS"
    prefix = "Wrong input: "


class NotFound(RuvectorError, LookupError):
    """No collection, point, alias or route of that name."""

    http_status = 404
    grpc_code = "NOT_FOUND"
    prefix = "Not found: "


class Forbidden(RuvectorError):
    """The key does not allow this."""

    http_status = 403
    grpc_code = "PERMISSION_DENIED"
    prefix = "Forbidden: "


class Unauthorized(RuvectorError):
    """No key, or a wrong one."""

    http_status = 401
    grpc_code = "UNAUTHENTICATED"
    prefix = ""


class StandaloneMode(RuvectorError):
    """A cluster operation was asked of a single node."""

    http_status = 405
    grpc_code = "UNIMPLEMENTED"
    prefix = ""


class MethodNotAllowed(RuvectorError):
    """The path exists, but not with this HTTP method."""

    http_status = 405
    grpc_code = "UNIMPLEMENTED"
    prefix = "Bad request: "


class TimedOut(RuvectorError, TimeoutError):
    """The time the caller allowed has passed; a write may still have happened."""

    http_status = 408
    grpc_code = "DEADLINE_EXCEEDED"
    prefix = "Timeout: "


class BodyTooLarge(RuvectorError):
    """The request body is larger than the server accepts."""

    http_status = 413
    grpc_code = "RESOURCE_EXHAUSTED"
    prefix = "Bad request: "


class RateLimited(RuvectorError):
    """Too many requests; come back later."""

    http_status = 429
    grpc_code = "RESOURCE_EXHAUSTED"
    prefix = "Rate limiting exceeded: "
    retry_after_seconds: float = 1.0


class ServiceError(RuvectorError):
    """The server failed; the request may be fine."""


class StorageDamaged(ServiceError):
    """Bytes on disk are not what was written: the shard is refused, the others go on."""


class ShardPoisoned(ServiceError):
    """A commit failed in a way that leaves the disk's state unknown; only a restart lifts it."""


class Unavailable(RuvectorError):
    """The shard cannot answer now."""

    http_status = 503
    grpc_code = "UNAVAILABLE"
    prefix = "Shard temporarily unavailable: "


class StorageBusy(Unavailable):
    """The queue of waiting writes is full."""


class StorageFull(RuvectorError):
    """The disk has no space left for writes; reads and deletes still work."""

    http_status = 507
    grpc_code = "RESOURCE_EXHAUSTED"
    prefix = "Insufficient storage: "


class StorageLocked(RuvectorError):
    """Another process, or another handle of this one, holds the folder for writing."""


class ConnectionFailed(RuvectorError, ConnectionError):
    """The client could not reach the server, or the answer broke off."""
