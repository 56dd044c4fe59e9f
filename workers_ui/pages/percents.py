"""Shares and counts as a person types them: exactly, or refused with an example."""

import re

from marketplace.kernel.errors import Invalid

_SHARE = re.compile(r"([0-9]{1,3})(?:[.,]([0-9]{1,2}))?\s*%?")
_WHOLE = re.compile(r"[0-9]{1,9}")


class UnreadableShare(Invalid):
    """Write a share such as 75 or 87.5, from 0 to 100."""


class UnreadableNumber(Invalid):
    """Write a whole number, digits alone."""


def typed_share(text: str) -> int:
    """ "75", "87,5" or "90 %" in basis points. Raises UnreadableShare."""
    found = _SHARE.fullmatch(text.strip())
    if found is None:
        raise UnreadableShare
    share = int(found[1]) * 100 + int((found[2] or "").ljust(2, "0"))
    if share > 100_00:
        raise UnreadableShare
    return share


def typed_number(text: str) -> int:
    """A whole number from 0 on. Raises UnreadableNumber."""
    if not _WHOLE.fullmatch(text.strip()):
        raise UnreadableNumber
    return int(text)


def typed_percents(text: str) -> tuple[int, ...]:
    """ "5, 25, 100" as whole percentages. Raises UnreadableNumber."""
    parts = [part.strip().removesuffix("%").strip() for part in re.split(r"[,;\s/]+(?=[0-9])", text.strip())]
    if not all(_WHOLE.fullmatch(part) for part in parts):
        raise UnreadableNumber("Write whole percentages with commas between them, such as 5, 25, 100.")
    return tuple(int(part) for part in parts)


def share_label(basis_points: int) -> str:
    """ "75 %", "87.5 %"; rounded down to a tenth, so that nothing looks as if it had reached what it has not."""
    return f"{basis_points // 10 / 10:g}\N{NO-BREAK SPACE}%"
