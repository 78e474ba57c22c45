"""Which rows match a filter? Payload indexes and the planner that uses them."""

from ruvector.index.payload.fields import FieldIndex
from ruvector.index.payload.indexes import PayloadIndexes
from ruvector.index.payload.planner import RowSource
from ruvector.index.payload.schemas import INDEX_TYPES, create_field_index

__all__ = ["INDEX_TYPES", "FieldIndex", "PayloadIndexes", "RowSource", "create_field_index"]
