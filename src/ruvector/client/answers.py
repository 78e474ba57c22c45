"""What did the server answer? Bytes into the operation's result, or into the matching exception.

The table of exceptions is `ruvector.errors` itself: status and prefix of each class. Several
classes share a status; the prefix tells them apart, and the first of the table stands for the
rest.
"""

from functools import cache
from typing import Any

import msgspec
import numpy as np

from ruvector import errors as e
from ruvector.errors import RuvectorError
from ruvector.model.points import Hit, Record
from ruvector.model.query_vectors import SparseVector
from ruvector.model.results import GroupsResult, QueryResult, ScrollResult

ERROR_CLASSES: tuple[type[RuvectorError], ...] = (
    e.BadInput,
    e.MalformedRequest,
    e.ChecksumMismatch,
    e.UnsupportedEncoding,
    e.InvalidRequest,
    e.AlreadyExists,
    e.NotFound,
    e.Forbidden,
    e.Unauthorized,
    e.StandaloneMode,
    e.MethodNotAllowed,
    e.TimedOut,
    e.BodyTooLarge,
    e.RateLimited,
    e.ServiceError,
    e.Unavailable,
    e.StorageFull,
)
_SHOWN_CHARACTERS = 300  # of an answer that is not ours, such as a proxy's error page


class _Status(msgspec.Struct):
    error: str


class _ErrorAnswer(msgspec.Struct):
    status: _Status


_error_decoder = msgspec.json.Decoder(_ErrorAnswer)


@cache
def _result_decoder(result: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(msgspec.defstruct("Answer", [("result", result)]))


def decode_result(body: bytes, result: Any, url: str) -> Any:
    """Return the `result` of an answer; ConnectionFailed where this is not one."""
    try:
        value = _result_decoder(result).decode(body).result
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise e.ConnectionFailed(
            f"{url} answered, but not as a ruvector server does ({error}): {_shown(body)}; "
            "check that the url is that of its REST port"
        ) from error
    _restore_vectors(value)
    return value


def error_of(status: int, body: bytes, url: str) -> RuvectorError:
    """Return the exception that an answer with this status stands for."""
    try:
        text = _error_decoder.decode(body).status.error
    except (msgspec.DecodeError, ValueError, RecursionError):
        text = _shown(body)
    classes = [known for known in ERROR_CLASSES if known.http_status == status]
    for known in sorted(classes, key=lambda known: len(known.prefix), reverse=True):
        if text.startswith(known.prefix):
            return known(text.removeprefix(known.prefix))
    if classes:
        return classes[0](text)
    return e.ServiceError(f"{url} answered with HTTP status {status}: {text}")


def _shown(body: bytes) -> str:
    text = body.decode("utf-8", "replace").strip()
    return text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "..."


def _restore_vectors(value: Any) -> None:
    if isinstance(value, Hit | Record):
        if value.vector is not None:
            value.vector = _array(value.vector)
    elif isinstance(value, QueryResult | ScrollResult):
        _restore_vectors(value.points)
    elif isinstance(value, GroupsResult):
        for group in value.groups:
            _restore_vectors(group.hits)
            _restore_vectors(group.lookup)
    elif isinstance(value, list):
        for item in value:
            _restore_vectors(item)


def _array(vector: Any) -> Any:
    if isinstance(vector, dict):
        return {name: _named_array(part) for name, part in vector.items()}
    return _numbers(vector)


def _named_array(vector: Any) -> Any:
    if isinstance(vector, dict):
        indices = np.array(vector["indices"], dtype=np.uint32)
        return SparseVector(indices, _numbers(vector["values"]))
    return _numbers(vector)


def _numbers(vector: Any) -> Any:
    return np.array(vector, dtype=np.float32)
