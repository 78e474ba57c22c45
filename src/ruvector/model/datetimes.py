"""Which moment does this text name?

The forms are those Qdrant reads: a date, or a date and a time joined by ``T``, ``t`` or a space,
with or without seconds; seconds may have a fraction and an offset (``Z``, ``+01:00``, ``+0100``,
``+01``, `` UTC``). Without an offset the text means UTC. A moment is an int: microseconds since
1970-01-01T00:00Z; finer fractions are cut off.
"""

import contextlib
import re
from datetime import UTC, date, datetime, timedelta
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1)
_EPOCH_UTC: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_ORDINAL: Final = date(1970, 1, 1).toordinal()
_MICROSECONDS_PER_DAY: Final = 86_400_000_000
_TEXT_MAX: Final = 100

_FORM: Final = re.compile(
    r"\s*([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})"
    r"(?:[Tt ]([0-9]{1,2}):([0-9]{1,2})"
    r"(?::([0-9]{1,2})(?:\.([0-9]+))?"
    r"(?: ?([Zz]|[+-][0-9]{2}(?::?[0-9]{2})?)| (UTC))?)?)?"
)


def parse_datetime(text: str) -> int | None:
    """Return the moment in microseconds since the epoch, or None if the text is not one.

    >>> parse_datetime("1970-01-01T00:00:01.5Z")
    1500000
    >>> parse_datetime("yesterday") is None
    True
    """
    if len(text) > _TEXT_MAX:
        return None
    # Full timestamps go through the interpreter's own parser, faster than the pattern.
    # The shape is checked because it also reads forms that are not ours ("20240101", "12,5").
    if _is_full(text):
        with contextlib.suppress(ValueError, OverflowError):
            return microseconds_of(datetime.fromisoformat(text))
    return _parse_by_form(text)


def utc_text(seconds: float) -> str:
    """Return the moment so many seconds after the epoch as text.

    >>> utc_text(1.5)
    '1970-01-01T00:00:01.500000Z'
    """
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def microseconds_of(moment: datetime | date) -> int:
    """Return the microseconds since the epoch; a moment without an offset is taken as UTC."""
    if not isinstance(moment, datetime):
        return (moment.toordinal() - _EPOCH_ORDINAL) * _MICROSECONDS_PER_DAY
    since = moment - (_EPOCH if moment.tzinfo is None else _EPOCH_UTC)
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def _is_full(text: str) -> bool:
    return (
        len(text) >= 19
        and text[4] == text[7] == "-"
        and text[10] in "T "
        and text[11:13] < "24"
        and text[13] == text[16] == ":"
        and "," not in text
    )


def _parse_by_form(text: str) -> int | None:
    form = _FORM.fullmatch(text)
    if form is None:
        return None
    year, month, day, hour, minute, second, fraction, offset, _utc = form.groups()
    try:
        ordinal = date(int(year), int(month), int(day)).toordinal()
    except ValueError:
        return None
    hours, minutes, seconds = int(hour or 0), int(minute or 0), int(second or 0)
    if hours > 23 or minutes > 59 or seconds > 59:
        return None
    ahead = _offset_of(offset)
    if ahead is None:
        return None
    microseconds = int((fraction or "")[:6].ljust(6, "0"))
    time = timedelta(hours=hours, minutes=minutes, seconds=seconds, microseconds=microseconds)
    return (ordinal - _EPOCH_ORDINAL) * _MICROSECONDS_PER_DAY + (time - ahead) // timedelta(
        microseconds=1
    )


def _offset_of(text: str | None) -> timedelta | None:
    if text is None or text in "Zz":
        return timedelta()
    digits = text[1:].replace(":", "")
    hours, minutes = int(digits[:2]), int(digits[2:] or 0)
    if hours > 23 or minutes > 59:
        return None
    ahead = timedelta(hours=hours, minutes=minutes)
    return -ahead if text[0] == "-" else ahead
