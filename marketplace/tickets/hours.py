"""Hours of the day in a brand's zone: from 22 to 6 wraps round midnight."""

from marketplace.kernel.errors import Invalid

HOURS_IN_A_DAY = 24

Window = tuple[int, int]


class BadHours(Invalid):
    """Give two different hours from 0 to 23, or none for the whole day."""


def window_of(from_hour: int | None, to_hour: int | None) -> Window | None:
    """The window, None for the whole day. Raises BadHours."""
    if from_hour is None and to_hour is None:
        return None
    if from_hour is None or to_hour is None or from_hour == to_hour:
        raise BadHours
    if not (0 <= from_hour < HOURS_IN_A_DAY and 0 <= to_hour < HOURS_IN_A_DAY):
        raise BadHours
    return from_hour, to_hour


def covers(window: Window, hour: int) -> bool:
    """Whether `hour` lies in the window; its end does not."""
    begins, ends = window
    return begins <= hour < ends if begins < ends else hour >= begins or hour < ends
