"""How do requests look as JSON? Reading bodies into requests, and writing requests as bodies."""

from ruvector.model.wire.answer_pieces import encode_pieces
from ruvector.model.wire.decode import decode_request
from ruvector.model.wire.encode import encode_json, encode_request

__all__ = ["decode_request", "encode_json", "encode_pieces", "encode_request"]
