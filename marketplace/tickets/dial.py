"""Which tickets a dial shares: decided by the ticket's own name, so again and anywhere it is the same.

Monotone: every ticket has one fixed place on the dial, so a higher dial only adds tickets.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from marketplace.tickets.hours import Window, covers

EVERYTHING = 100
PLACES = 10_000
PLACES_PER_PERCENT = PLACES // 100


@dataclass(frozen=True, slots=True, kw_only=True)
class DialRule:
    """Share `percent` of a hundred: of `category` (None: any), at `hours` of the brand's day (None: all)."""

    category: str | None
    hours: Window | None
    percent: int

    def holds(self, category: str, hour: int) -> bool:
        return self.category in (None, category) and (self.hours is None or covers(self.hours, hour))


def is_shared(salt: str, external_id: str, percent: int) -> bool:
    """Whether the ticket lies below `percent` (0 to 100) on the dial of the brand with `salt`."""
    return place(salt, external_id) < percent * PLACES_PER_PERCENT


def place(salt: str, external_id: str) -> int:
    """The ticket's place on the dial, from 0 up to PLACES."""
    digest = hashlib.sha256(f"{salt}\0{external_id}".encode()).digest()
    return int.from_bytes(digest[:8]) % PLACES


def percent_by(rules: Iterable[DialRule], *, category: str, hour: int) -> int:
    """What the most exact rule says: category and hours, category, hours, all; without a rule, everything."""
    holding = [rule for rule in rules if rule.holds(category, hour)]
    best = max(holding, key=_exactness, default=None)
    return EVERYTHING if best is None else best.percent


def _exactness(rule: DialRule) -> tuple[bool, bool]:
    return rule.category is not None, rule.hours is not None
