"""Where in its article a passage stands, as every page writes it."""

from collections.abc import Sequence

SECTION_JOINT = " › "


def place_of(section_path: Sequence[str], page: int | None) -> str:
    """The headings above a passage, and the page of a paged file."""
    return SECTION_JOINT.join([*section_path, *([f"page {page}"] if page else [])])
