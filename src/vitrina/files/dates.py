"""Dates as shops write them, and whether a span of time is on."""

from __future__ import annotations

import datetime
import re

_DAY = r"(\d{1,2})"
_YEAR = r"(\d{4}|\d{2})(?!\d)"
_SLASHED = re.compile(rf"{_DAY}/{_DAY}/{_YEAR}")  # 1/31/24, as Magento writes it
_DOTTED = re.compile(rf"{_DAY}\.\s?{_DAY}\.\s?{_YEAR}")  # 31.1.2024
_ISO = re.compile(r"(\d{4})[-/](\d{1,2})[-/](\d{1,2})")


def is_on(starts: str, ends: str) -> bool:
    """Whether now is between two dates, the last day included.

    The first may be a span `from/to`. A date that is missing, or cannot be read, is no limit.
    """
    if starts.count("/") == 1:
        starts, ends = starts.split("/")
    begin, end = moment(starts), moment(ends, last=True)
    return not (begin and begin > _now(begin)) and not (end and end < _now(end))


def moment(text: str, *, last: bool = False) -> datetime.datetime | None:
    """The moment that a text names; of a date alone the start of the day, or with `last` its end.

    1/2/24 is the 2nd of January, and 31/1/24 the 31st. None if it is no date.
    """
    text = text.strip()
    try:
        found = datetime.datetime.fromisoformat(text)
    except ValueError:
        day = _day(text)
        if day is None:
            return None
        found = datetime.datetime.combine(day, datetime.time())
    if last and found.time() == datetime.time():
        found = found.replace(hour=23, minute=59, second=59)
    return found


def _day(text: str) -> datetime.date | None:
    """A date that is not written as machines write it; what stands after it is left out."""
    if found := _ISO.match(text):
        year, month, day = map(int, found.groups())
    elif found := _SLASHED.match(text):
        month, day, year = map(int, found.groups())
        if month > 12:
            month, day = day, month
    elif found := _DOTTED.match(text):
        day, month, year = map(int, found.groups())
    else:
        return None
    try:
        return datetime.date(year + 2000 if year < 100 else year, month, day)
    except ValueError:  # 0000-00-00 is no date
        return None


def _now(like: datetime.datetime) -> datetime.datetime:
    return datetime.datetime.now(like.tzinfo)
