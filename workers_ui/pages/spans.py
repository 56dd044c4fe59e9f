"""Spans of time in whole words."""

MINUTES_AN_HOUR = 60
MINUTES_A_DAY = 24 * 60


def span(minutes: int) -> str:
    """ "45 minutes", "2 hours", "1 hour 30 minutes", "3 days"."""
    parts = (
        (minutes // MINUTES_A_DAY, "day"),
        (minutes % MINUTES_A_DAY // MINUTES_AN_HOUR, "hour"),
        (minutes % MINUTES_AN_HOUR, "minute"),
    )
    return " ".join(f"{count} {unit}{'' if count == 1 else 's'}" for count, unit in parts if count)
