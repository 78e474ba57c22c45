"""Is this token genuine? JSON Web Tokens (RFC 7519) signed with HMAC-SHA256, and nothing else.

The algorithm is a constant of ours: what a header says is compared with it and never followed.
Base64url is read strictly, so that a token has one spelling. A token that is not one is None, for
all reasons alike.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable
from typing import Any

import msgspec

ALGORITHM = "HS256"
MAX_TOKEN_BYTES = 48 * 1024  # about 600 collections; a request head may have 64 KiB
HEADER_FIELDS = frozenset({"alg", "typ", "kid"})  # kid is a label; others would change the meaning
_ALPHABET = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


def sign(claims: dict[str, Any], key: bytes) -> str:
    """Return the token of these claims."""
    header = msgspec.json.encode({"alg": ALGORITHM, "typ": "JWT"})
    signed = b".".join((_encode(header), _encode(msgspec.json.encode(claims))))
    return b".".join((signed, _encode(_signature(signed, key)))).decode()


def claims_of(token: bytes, keys: Iterable[bytes]) -> dict[str, Any] | None:
    """Return the claims of a token that one of the keys has signed, or None."""
    parts = token.split(b".")
    if len(parts) != 3 or len(token) > MAX_TOKEN_BYTES:
        return None
    header, body, signature = (_decode(part) for part in parts)
    if header is None or body is None or signature is None:
        return None
    signed = b".".join(parts[:2])
    matches = [hmac.compare_digest(_signature(signed, key), signature) for key in keys]
    if not any(matches) or not _is_ours(_object(header)):
        return None
    return _object(body)


def _is_ours(header: dict[str, Any] | None) -> bool:
    return (
        header is not None
        and header.get("alg") == ALGORITHM
        and str(header.get("typ", "JWT")).upper() == "JWT"
        and header.keys() <= HEADER_FIELDS
    )


def _signature(signed: bytes, key: bytes) -> bytes:
    return hmac.digest(key, signed, hashlib.sha256)


def _encode(text: bytes) -> bytes:
    return base64.urlsafe_b64encode(text).rstrip(b"=")


def _decode(text: bytes) -> bytes | None:
    if not _ALPHABET.issuperset(text):
        return None
    try:
        decoded = base64.urlsafe_b64decode(text + b"=" * (-len(text) % 4))
    except binascii.Error:
        return None
    return decoded if _encode(decoded) == text else None  # the last character has spare bits


def _object(text: bytes) -> dict[str, Any] | None:
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
