"""How do results look in a notebook? Small tables; every text is escaped, as it is a stranger's."""

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

MAX_SHOWN_CHARACTERS = 500  # of one cell


def table_html(title: str, heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Return an HTML table with a title."""
    head = "".join(f"<th>{_cell(text)}</th>" for text in heads)
    body = "".join(
        "<tr>" + "".join(f"<td>{_cell(value)}</td>" for value in row) + "</tr>" for row in rows
    )
    return (
        f"<table><caption>{_cell(title)}</caption>"
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    )


def point_html(point: Any) -> str:
    """Return a record or a hit as a table: id, score, and a row for each key of the payload."""
    rows: list[tuple[str, Any]] = [("id", point.id)]
    score = getattr(point, "score", None)
    if score is not None:
        rows.append(("score", f"{score:.6g}"))
    rows.extend((f"payload.{key}", value) for key, value in (point.payload or {}).items())
    if point.vector is not None:
        rows.append(("vector", point.vector))
    return table_html(type(point).__name__, ("", ""), rows)


def point_text(point: Any) -> str:
    """Return a record or a hit as one line: what it has, with the payload as a dict."""
    names = ("id", "score", "payload", "vector", "order_value")
    values = {name: getattr(point, name, None) for name in names}
    fields = [f"{name}={value!r}" for name, value in values.items() if value is not None]
    return f"{type(point).__name__}({', '.join(fields)})"


def _cell(value: Any) -> str:
    text = str(value)
    if len(text) > MAX_SHOWN_CHARACTERS:
        text = text[:MAX_SHOWN_CHARACTERS] + "..."
    return escape(text)
