"""How is a result read on a terminal? Plain tables; what is missing stands in them too."""

from collections.abc import Sequence
from typing import Any

from ruvector.bench.curves import RECALLS, Curve, at_recall

NONE = "-"


def table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Return a table; numbers are set to the right, None is a dash."""
    cells = [list(head), *([figure(value) for value in row] for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(head))]
    to_left = [
        all(isinstance(row[column], str) for row in rows) and bool(rows)
        for column in range(len(head))
    ]
    lines = [
        "  ".join(
            cell.ljust(width) if left else cell.rjust(width)
            for cell, width, left in zip(line, widths, to_left, strict=True)
        ).rstrip()
        for line in cells
    ]
    return "\n".join([lines[0], "-" * max(map(len, lines)), *lines[1:]])


def figure(value: Any) -> str:
    """Return a value with as many digits as it is worth."""
    if value is None:
        return NONE
    if not isinstance(value, float):
        return f"{value:,}" if isinstance(value, int) else str(value)
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.4f}" if abs(value) < 1 else f"{value:.2f}"


def curves(found: Sequence[Curve], ours: str = "ruvector") -> str:
    """Return build time, size and speed at equal recall, and who could not be measured."""
    base = next((curve for curve in found if curve.name == ours), None)
    speeds = {
        curve.name: [at_recall(curve.points, wanted) for wanted in RECALLS] for curve in found
    }
    head = ["peer", "version", "build s", "bytes/vector"]
    head += [f"QPS at {wanted:.2f}" for wanted in RECALLS]
    head += [f"ours / its at {wanted:.2f}" for wanted in RECALLS[1:]]
    rows: list[list[Any]] = []
    for curve in found:
        if curve.missing:
            continue
        own, best = speeds[curve.name], speeds[base.name] if base else [None] * len(RECALLS)
        size = figure(curve.bytes_per_vector) + ("*" if curve.bytes_are_measured else " ")
        ratios = [ratio(mine, its) for mine, its in zip(best, own, strict=True)]
        rows.append([curve.name, curve.version, curve.build_seconds, size, *own, *ratios[1:]])
    lines = [table(head, rows), "* growth of resident memory; without a star the library's word"]
    lines += [f"{curve.name}: {curve.missing}" for curve in found if curve.missing]
    return "\n".join(lines)


def settings(found: Sequence[Curve]) -> str:
    """Return every setting that was measured."""
    rows = [
        [curve.name, point.beam, point.recall, point.qps, point.p50_us, point.p99_us]
        for curve in found
        for point in curve.points
    ]
    return table(["peer", "beam", "recall@10", "QPS", "p50 us", "p99 us"], rows)


Bar = tuple[str, float, float | None]


def bars(at_least: Sequence[Bar], at_most: Sequence[Bar] = ()) -> str:
    """Return each bar with what was measured beside it; None was not measured."""
    rows = [
        [name, sign, wanted, measured, verdict(sign, wanted, measured)]
        for sign, listed in ((">=", at_least), ("<=", at_most))
        for name, wanted, measured in listed
    ]
    return table(["bar", "", "wanted", "measured", ""], rows)


def verdict(sign: str, wanted: float, measured: float | None) -> str:
    """Return whether a bar is reached."""
    if measured is None:
        return NONE
    return "reached" if (measured >= wanted if sign == ">=" else measured <= wanted) else "missed"


def ratio(over: float | None, under: float | None) -> float | None:
    """Return a quotient; None where one of the two is not known."""
    return over / under if over and under else None
