"""How many conditions may a filter's message have before anybody reads it?

As many as a filter may have at all, which is judged once it is read; but reading three million of
them takes seconds, and letting go of them another.
"""

from typing import Any

from ruvector.errors import BadInput
from ruvector.model.filter_reading import CONDITIONS_MAX
from ruvector.model.proto.plain import Record

_CLAUSES = ("must", "should", "must_not")


class Filter(Record):
    """A filter's fields."""

    def read(self, message: Any) -> dict[str, Any]:
        """Return the fields that are set; BadInput for too many conditions."""
        _check_size(message)
        return super().read(message)


def _check_size(message: Any) -> None:
    """Count without reading; protobuf's own count of bytes would hold the interpreter."""
    count, waiting = 0, [message]
    while waiting:
        each = waiting.pop()
        clauses = [getattr(each, name) for name in _CLAUSES]
        if each.HasField("min_should"):
            clauses.append(each.min_should.conditions)
        count += sum(map(len, clauses))
        if count > CONDITIONS_MAX:
            raise BadInput(f"a filter has more than {CONDITIONS_MAX} conditions")
        for condition in (condition for clause in clauses for condition in clause):
            kind = condition.WhichOneof("condition_one_of")
            if kind == "filter":
                waiting.append(condition.filter)
            elif kind == "nested":
                waiting.append(condition.nested.filter)
