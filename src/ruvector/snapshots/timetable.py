"""When is the next snapshot due? `every 6h`, or a line of cron in UTC. Pure functions of a moment.

`every` counts from the beginning of 1970, so that a restart changes nothing. In a line of cron
(minute, hour, day of the month, month, day of the week) a field is `*`, a number, a range or a
list of them, each with `/step` if wanted; where both days are restricted, either will do.
"""

import re
from datetime import UTC, datetime, timedelta

from ruvector.errors import BadInput

_EVERY = re.compile(r"every\s+(\d{1,6})\s*([mhd])")
_SECONDS = {"m": 60, "h": 3600, "d": 86_400}
_FIELDS = (("minute", 0, 59), ("hour", 0, 23), ("day", 1, 31), ("month", 1, 12), ("weekday", 0, 7))
_PART = re.compile(r"(\*|\d{1,2}(?:-\d{1,2})?)(?:/(\d{1,2}))?")
_HORIZON_DAYS = 366 * 9  # the 29th of February, over a century without one
_FORM = "use `every 30m`, `every 6h`, `every 1d`, or five fields of cron such as `0 3 * * *`"


class Timetable:
    """The moments of one schedule. BadInput where the text is none."""

    def __init__(self, text: str) -> None:
        self._seconds = 0
        self._sets: list[frozenset[int]] = []
        if every := _EVERY.fullmatch(text.strip().lower()):
            self._seconds = int(every[1]) * _SECONDS[every[2]]
            if not self._seconds:
                raise BadInput(f"snapshots.schedule is {text!r}: it must be at least every 1m")
            return
        fields = text.split()
        if len(fields) != len(_FIELDS):
            raise BadInput(f"snapshots.schedule is {text[:100]!r}; {_FORM}")
        self._sets = [
            _numbers(field, *limits) for field, limits in zip(fields, _FIELDS, strict=True)
        ]
        self._restricts_both = fields[2] != "*" and fields[4] != "*"
        self.next_after(datetime.now(UTC))  # raises where it never comes

    def next_after(self, moment: datetime) -> datetime:
        """Return the first moment after this one, in UTC."""
        moment = moment.astimezone(UTC)
        if self._seconds:
            passed = int(moment.timestamp()) // self._seconds
            return datetime.fromtimestamp((passed + 1) * self._seconds, UTC)
        minutes, hours, *_ = self._sets
        first = moment.replace(second=0, microsecond=0) + timedelta(minutes=1)
        for days in range(_HORIZON_DAYS):
            day = (first + timedelta(days=days)).date()
            if not self._is_day(day.year, day.month, day.day):
                continue
            for hour in sorted(hours):
                for minute in sorted(minutes):
                    found = datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC)
                    if found >= first:
                        return found
        raise BadInput("snapshots.schedule names a day that never comes")

    def _is_day(self, year: int, month: int, day: int) -> bool:
        _, _, days, months, weekdays = self._sets
        if month not in months:
            return False
        weekday = datetime(year, month, day, tzinfo=UTC).isoweekday() % 7
        in_month, in_week = day in days, weekday in weekdays
        return (in_month or in_week) if self._restricts_both else (in_month and in_week)


def _numbers(field: str, name: str, low: int, high: int) -> frozenset[int]:
    found: set[int] = set()
    for part in field.split(","):
        match = _PART.fullmatch(part)
        if match is None:
            raise BadInput(f"snapshots.schedule: {part[:50]!r} is no {name}; {_FORM}")
        first, _, last = match[1].partition("-")
        start = low if first == "*" else int(first)
        stop = high if first == "*" or (match[2] and not last) else int(last or first)
        step = int(match[2] or 1)
        if not (low <= start <= stop <= high and step):
            raise BadInput(f"snapshots.schedule: {part!r} is no {name} from {low} to {high}")
        found.update(range(start, stop + 1, step))
    return frozenset(number % 7 for number in found) if name == "weekday" else frozenset(found)
