"""How does a program talk to a database? The same friendly methods over every transport.

`client` and `async_client` are what users hold; `collection_calls`, `point_calls` and
`search_calls` are their methods; `transport` and `rest` carry requests. Nothing here decides about
defaults, limits or permissions: those live in `ruvector.model`, so that every door of the database
answers alike.
"""
