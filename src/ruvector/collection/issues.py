"""What makes this collection slower than it need be, and what helps?

So far one kind: filters that read payloads because no index answers for a field.
"""

from urllib.parse import quote

from ruvector.collection.unindexed import UnindexedField, UnindexedFields
from ruvector.model.datetimes import utc_text
from ruvector.model.reports import Action, ImmediateSolution, Issue, Solution


def issues_of(collection: str, unindexed: UnindexedFields) -> list[Issue]:
    """Return the issues of a collection, the one with the most payloads read first."""
    return [_missing_index(collection, field) for field in unindexed.report()]


def _missing_index(collection: str, field: UnindexedField) -> Issue:
    action = Action(
        method="PUT",
        uri=f"/collections/{quote(collection, safe='')}/index",
        headers={"content-type": "application/json"},
        body={"field_name": field.field, "field_schema": field.schema},
    )
    return Issue(
        id=f"UNINDEXED_FIELD/{collection}/{field.field}/{field.schema}",
        description=(
            f"Unindexed field `{field.field}` slowed down {field.times} filters in collection "
            f"`{collection}`: they read {field.payloads_read} payloads"
        ),
        solution=Solution(
            ImmediateSolution(
                f"Create an index of type {field.schema} on field `{field.field}`", action
            )
        ),
        timestamp=utc_text(field.last_moment),
        related_collection=collection,
        times=field.times,
        payloads_read=field.payloads_read,
    )
