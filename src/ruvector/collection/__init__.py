"""One collection on one node: rows and ids, growing and sealed segments, shard, maintenance,
catalog.
"""
