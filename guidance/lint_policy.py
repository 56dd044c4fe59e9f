"""What a brand lets the check of a reply do about each kind of finding: block, warn, or leave it.

Some kinds are no matter of taste: an empty reply, an open slot or a whole card number is never sent, whatever a brand
chooses.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType

from guidance.findings import Finding, FindingKind, Severity


class Level(StrEnum):
    """A block keeps the reply here, a warning is shown before it leaves, off looks for nothing."""

    BLOCK = "block"
    WARN = "warn"
    OFF = "off"


ALWAYS_BLOCK = frozenset(
    {
        FindingKind.EMPTY,
        FindingKind.TOO_LONG,
        FindingKind.UNFILLED_SLOT,
        FindingKind.CARD_NUMBER,
        FindingKind.OUTDATED,
    }
)
USUAL: Mapping[FindingKind, Level] = MappingProxyType(
    {
        FindingKind.AVOIDED_WORD: Level.BLOCK,
        FindingKind.LINK: Level.BLOCK,
        FindingKind.VOICE: Level.WARN,
        FindingKind.PROMISE: Level.WARN,
        FindingKind.UNSUPPORTED_FIGURE: Level.WARN,
        FindingKind.UNSUPPORTED_SENTENCE: Level.WARN,
        FindingKind.CUSTOMER_DATA: Level.WARN,
        FindingKind.PERSONAL_DATA: Level.WARN,
    }
)
"""What holds for a brand that chose nothing, and for a kind that its choice does not name; in the order of its page."""


@dataclass(frozen=True, slots=True)
class LintPolicy:
    """A brand's choice; a kind it does not name is as USUAL."""

    levels: Mapping[FindingKind, Level]

    def level(self, kind: FindingKind) -> Level:
        return Level.BLOCK if kind in ALWAYS_BLOCK else self.levels.get(kind, USUAL[kind])

    def weighed(self, findings: Iterable[Finding]) -> tuple[Finding, ...]:
        """The findings as they weigh here, without those that are left."""
        return tuple(
            replace(one, severity=Severity(level))
            for one in findings
            if (level := self.level(one.kind)) is not Level.OFF
        )


USUAL_POLICY = LintPolicy(USUAL)
