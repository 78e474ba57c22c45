"""What does an answer tell of what its request used? Words that models read, and the machine.

The numbers are those of `kernel.meters`, under the names of the wire; `cpu` is microseconds.
"""

from typing import Any

from ruvector.kernel import meters


def usage_of(tokens: dict[str, int] | None) -> dict[str, Any] | None:
    """Return what an answer tells of what it used, None for nothing; ends the count.

    `tokens`: words that models read, by model.
    """
    hardware = hardware_used() if meters.is_on else None
    if tokens is None and hardware is None:
        return None
    found: dict[str, Any] = {}
    if hardware is not None:
        found["hardware"] = hardware
    if tokens is not None:
        models = {name: {"tokens": number} for name, number in tokens.items()}
        found["inference"] = {"models": models}
    return found


def hardware_used() -> dict[str, int] | None:
    """Return what this thread's request used of the machine, None where nobody counted."""
    meter = meters.end()
    if meter is None:
        return None
    return {
        "cpu": meter.cpu_ns // 1000,
        "payload_io_read": meter.payload_read,
        "payload_io_write": meter.payload_write,
        "payload_index_io_read": meter.index_read,
        "payload_index_io_write": meter.index_write,
        "vector_io_read": meter.vector_read,
        "vector_io_write": meter.vector_write,
    }
