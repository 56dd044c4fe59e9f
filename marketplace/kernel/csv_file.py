"""A CSV written whole before its first byte leaves: its length, rows and checksum are known, and no transaction is
open while somebody loads it slowly. It stands on disk once it is large.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile

from marketplace.kernel.csv_out import csv_out

IN_MEMORY_BYTES = 1_000_000
PIECE_BYTES = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class CsvFile:
    """`rows` does not count the line of column names; `digest` is the SHA-256 of all its bytes."""

    file: "SpooledTemporaryFile[bytes]"
    size_bytes: int
    rows: int
    digest: bytes

    def pieces(self) -> Iterator[bytes]:
        """The file from its beginning, once."""
        with self.file:
            self.file.seek(0)
            while piece := self.file.read(PIECE_BYTES):
                yield piece


def csv_file(columns: Sequence[str], rows: Iterable[Sequence[str | int]]) -> CsvFile:
    """`columns` and `rows`, guarded as `csv_out` guards them."""
    digest, counted = hashlib.sha256(), 0

    def all_rows() -> Iterator[Sequence[str | int]]:
        nonlocal counted
        yield columns
        for row in rows:
            counted += 1
            yield row

    with ExitStack() as unless_written:
        file = unless_written.enter_context(SpooledTemporaryFile(max_size=IN_MEMORY_BYTES))
        for piece in csv_out(all_rows()):
            digest.update(piece)
            file.write(piece)
        unless_written.pop_all()  # whoever reads it closes it
    return CsvFile(file=file, size_bytes=file.tell(), rows=counted, digest=digest.digest())
