"""A stretch of time as a person types and reads it: "1 h 30 min", "45 min", "20 s"."""

import re

from marketplace.kernel.errors import Invalid

SECONDS_IN = {"h": 3_600, "min": 60, "s": 1}
DIGITS_MAX = 6
_PART = re.compile(r"\s*([0-9]+)\s*(h|min|m|s)(?![a-z])\.?", re.IGNORECASE)


class UnreadableDuration(Invalid):
    """Write a time such as 24 h, 90 min, 1 h 30 min or 20 s."""


def typed_duration(text: str) -> int:
    """Seconds. Raises UnreadableDuration: a number without its unit could mean anything."""
    seconds, rest, units = 0, text.strip(), []
    while rest:
        part = _PART.match(rest)
        if part is None or len(part[1]) > DIGITS_MAX:
            raise UnreadableDuration
        unit = "min" if part[2].lower() in ("m", "min") else part[2].lower()
        units.append(unit)
        seconds += int(part[1]) * SECONDS_IN[unit]
        rest = rest[part.end() :].strip()
    if not units or len(set(units)) < len(units):
        raise UnreadableDuration
    return seconds


def written_duration(seconds: int) -> str:
    """The shortest way to write it: "90 min" and "1 h 30 min" are the same, and this says the second."""
    if seconds == 0:
        return "0 s"
    parts, left = [], seconds
    for unit, size in SECONDS_IN.items():
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts)
