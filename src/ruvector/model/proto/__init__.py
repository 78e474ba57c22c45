"""How do requests and results look as gRPC messages?

The third form of what `model.requests` and `model.results` define, beside the Structs and the JSON
of `model.wire`: `schema` has the messages' classes, made of the `.proto` files. Both the server and
the client of ours translate with these tables, and nothing else does. Needs protobuf, which the
extras `server` and `grpc` install; nothing below this room imports it.
"""
