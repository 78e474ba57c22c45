"""Did a client's tour answer what every tour must answer? The differences, step by step."""

import math
from typing import Any

from tests.clients.tour import EXPECTED, POINTS

# Single precision, printed by seven languages: some as float32, some widened to float64.
TOLERANCE = 1e-6


def differences(answers: dict[str, Any], without: frozenset[str] = frozenset()) -> list[str]:
    """Return one line for every step that is missing, unknown or answers otherwise.

    Steps named in `without` must be missing, so that an exception cannot outlive its reason.
    """
    expected = EXPECTED | {"retrieve": POINTS}
    lines = [f"{name}: not made" for name in expected.keys() - answers.keys() - without]
    lines += [f"{name}: unknown step" for name in answers.keys() - expected.keys()]
    lines += [f"{name}: was to be left out" for name in answers.keys() & without]
    lines += [
        f"{name}: expected {expected[name]}, answered {answers[name]}"
        for name in answers.keys() & expected.keys()
        if not same(expected[name], answers[name])
    ]
    return sorted(lines)


def same(expected: Any, answered: Any) -> bool:
    """Compare JSON: true is not 1, integers are exact, other numbers agree in single precision."""
    if isinstance(expected, dict) and isinstance(answered, dict):
        return expected.keys() == answered.keys() and all(
            same(value, answered[key]) for key, value in expected.items()
        )
    if isinstance(expected, list) and isinstance(answered, list):
        return len(expected) == len(answered) and all(map(same, expected, answered))
    if isinstance(expected, float) and type(answered) in (int, float):
        return math.isclose(expected, answered, rel_tol=TOLERANCE)
    return type(expected) is type(answered) and bool(expected == answered)
