"""How do gRPC calls become requests? Qdrant's services over the same engine as REST.

Connections are served on the event loop of REST, and calls go its way: quick searches on the loop,
everything else in its pool of threads (docs/decisions/0017-ngh2.md). What a message means stands in
`ruvector.model.proto`.
"""
