"""How do gRPC calls become requests? Qdrant's services over the same engine as REST.

Calls are answered by threads of grpcio's own pool, beside the event loop of REST
(docs/decisions/0013-grpcio-protobuf.md). What a message means stands in `ruvector.model.proto`.
"""
