"""How a brand keeps control: one area of pages, told apart by tabs. Each page adds its tab here."""

from dataclasses import dataclass

SECTIONS: tuple[tuple[str, str], ...] = (
    ("sharing", "Sharing"),
    ("eligibility", "Eligibility"),
    ("prices", "Prices"),
    ("service-levels", "Service levels"),
    ("stages", "Stages"),
    ("switches", "Switches"),
    ("replies", "Replies"),
    ("voice", "Voice"),
    ("reply-rules", "Reply rules"),
)
"""(last part of the address, what the tab says), in the order of the tabs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A tab of the control area."""

    href: str
    label: str
    current: bool


def control_sections(slug: str, current: str) -> tuple[Section, ...]:
    """The tabs of the control area of the brand at `slug`; `current` is the address part of the open page."""
    return tuple(
        Section(href=f"/b/{slug}/control/{part}", label=label, current=part == current)
        for part, label in SECTIONS
    )
