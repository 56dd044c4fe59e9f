"""The port of whoever reads files, on this machine or on many."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from knowledge_base.reading.apart import read_all_apart
from knowledge_base.reading.wire import Reading

NamedFile = tuple[str, bytes]
"""A name and its content."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Portion:
    """How much is given to a reader at once; whoever gives it holds that much in memory."""

    files: int
    content_bytes: int


class Reader(Protocol):
    """Reads strangers' files, each in a limited child process, wherever that is."""

    @property
    def portion(self) -> Portion:
        """Up to how much it gains by more than the caller's next step needs."""

    def read(self, files: Sequence[NamedFile]) -> Iterator[Reading]:
        """What each file holds, in their order and each exactly once, as it is asked for.

        A bad file is a refusal in its own reading and costs no other file anything.
        """


class LocalReader:
    """In children of this process. It reads no faster for knowing what comes next."""

    portion = Portion(files=0, content_bytes=0)

    def read(self, files: Sequence[NamedFile]) -> Iterator[Reading]:
        return read_all_apart(files)
