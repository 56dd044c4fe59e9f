"""Personal data that a reply repeats to its customer: what they wrote themselves, and need not read again.

A reply may be read by others than its customer, and stays in their mailbox. Street addresses are told by their form (a
number with a street's name, in English or German), and only those that the customer wrote count.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

HIDDEN_ADDRESS = "[address hidden]"
LONGEST_WRITTEN = 50_000
"""Characters of what the customer wrote that are looked through, the newest: a reply is checked at each pause."""

_STREETS = (
    r"street|st|road|rd|avenue|ave|lane|ln|drive|dr|boulevard|blvd|court|ct|place|pl|square|sq|terrace|way|close"
    r"|crescent|highway|hwy|parkway|pkwy|row|walk|gardens"
)
_ADDRESS = re.compile(
    rf"(?<![\w-])[0-9]{{1,5}}[a-z]?\s+(?:[^\W\d_][\w'’.-]{{0,30}}\s+){{1,4}}?(?:{_STREETS})\b"
    r"|(?<![\w-])[^\W\d_][\w-]{1,40}(?:straße|strasse|str\.|weg|platz|allee|gasse|damm|ufer)\s+[0-9]{1,4}[a-z]?\b",
    re.IGNORECASE,
)
_BETWEEN = re.compile(r"[\s().,/-]+")


@dataclass(frozen=True, slots=True)
class Written:
    """What a customer wrote, and their e-mail address, made comparable."""

    squeezed: str

    def holds(self, piece: str) -> bool:
        """Whether the customer wrote `piece`, however it is grouped or spelled in capitals."""
        return squeeze(piece) in self.squeezed


def written_by(texts: Sequence[str]) -> Written:
    """`texts` oldest first."""
    return Written(squeeze("\n".join(texts)[-LONGEST_WRITTEN:]))


def find_addresses(text: str) -> Iterator[tuple[int, int]]:
    """Where `text` has the form of a street and a house number."""
    for found in _ADDRESS.finditer(text):
        yield found.span()


def squeeze(text: str) -> str:
    """`text` without what people put between the parts of a number, a name or an address."""
    return _BETWEEN.sub("", text).casefold()
