"""Opening ZIP archives, which Office files are too, only after their directory has been judged.

A header's sizes may lie, so what is unpacked is counted as well.
"""

import io
import re
import stat
import struct
import zipfile
import zlib
from itertools import pairwise

from knowledge_base.reading.documents import Unreadable

MAX_ENTRIES = 2_000
MAX_UNPACKED_BYTES = 200_000_000
MAX_RATIO = 100
RATIO_COUNTS_FROM_BYTES = 100_000
"""Below this an entry may be packed as tightly as it likes: a page of blanks is no bomb."""

MAX_DIRECTORY_BYTES = 1_000_000
MAX_XML_BYTES = 30_000_000
"""What one part of an Office file may unpack to: a parsed tree takes ten times as much."""

DAMAGED = "The archive is damaged. Pack it anew and upload that."
BOMB = "It unpacks to far more than it weighs, as archives do that are made to do harm. Pack its files anew."

_END = b"PK\x05\x06"
_END_BYTES = 22
_LOCATOR_BYTES = 20
_LOCATOR = b"PK\x06\x07"
_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_IS_ENCRYPTED = 0x1
_LOCAL_HEADER_BYTES = 30


class Archive:
    """A judged archive; `read` counts what it unpacks."""

    def __init__(self, content: bytes) -> None:
        """Raises Unreadable."""
        _check_directory_size(content)
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(content))
        except (zipfile.BadZipFile, ValueError, struct.error, NotImplementedError, OSError) as error:
            raise Unreadable(DAMAGED) from error
        self._left = MAX_UNPACKED_BYTES
        self.entries = {entry.filename: entry for entry in self._zip.infolist() if not entry.is_dir()}
        _check(self._zip.infolist())

    def read(self, name: str, *, most: int = MAX_UNPACKED_BYTES) -> bytes:
        """An entry's content. Raises Unreadable for what is damaged or larger than `most`."""
        try:
            with self._zip.open(self.entries[name]) as opened:
                content = opened.read(min(most, self._left) + 1)
        except (zipfile.BadZipFile, zlib.error, EOFError, KeyError, OSError, NotImplementedError) as error:
            raise Unreadable(DAMAGED) from error
        except RuntimeError as error:
            raise Unreadable(_PROTECTED) from error
        self._left -= len(content)
        if len(content) > most or self._left < 0:
            raise Unreadable(BOMB)
        return content


def check_office(archive: Archive, main_part: str, program: str) -> None:
    """Raises Unreadable unless this is a file of `program` without macros or tricks in its XML."""
    if main_part not in archive.entries:
        raise Unreadable(f"It is not a {program} file. Open it in its own program and save it as one.")
    if any(name.lower().endswith("vbaproject.bin") for name in archive.entries):
        raise Unreadable(f"It holds macros. Save it in {program} without macros and upload that.")
    for name in archive.entries:
        if name.lower().endswith((".xml", ".rels", ".vml")):
            _check_xml(archive.read(name, most=MAX_XML_BYTES))


_DECLARES = re.compile(rb"<!\s*(?:DOCTYPE|ENTITY)", re.IGNORECASE)


def _check_xml(part: bytes) -> None:
    """Office programs write no document type; whoever does wants entities that explode or fetch files."""
    plain = part.replace(b"\0", b"") if b"\0" in part[:64] else part  # UTF-16 and UTF-32 alike
    if _DECLARES.search(plain):
        raise Unreadable(
            "Its XML declares entities, which Office programs never write. Open it and save it anew."
        )


_PROTECTED = "It is protected by a password. Remove the password and upload it again."


def _check_directory_size(content: bytes) -> None:
    """Before anything is built of it: a directory of a million entries would fill the memory."""
    end = content.rfind(_END, max(0, len(content) - 65_535 - _END_BYTES))
    if end < 0 or len(content) < end + _END_BYTES:
        raise Unreadable(DAMAGED)
    entries, directory_bytes = struct.unpack_from("<HL", content, end + 10)
    if content[max(0, end - _LOCATOR_BYTES) : end].startswith(_LOCATOR):
        raise Unreadable("It is a ZIP64 archive. Pack its files as a plain ZIP.")
    if entries > MAX_ENTRIES or directory_bytes > MAX_DIRECTORY_BYTES:
        raise Unreadable(f"It has more than {MAX_ENTRIES:,} files. Split it into several archives.")


def _check(entries: list[zipfile.ZipInfo]) -> None:
    if len(entries) > MAX_ENTRIES:
        raise Unreadable(f"It has more than {MAX_ENTRIES:,} files. Split it into several archives.")
    if sum(entry.file_size for entry in entries) > MAX_UNPACKED_BYTES:
        raise Unreadable(
            f"It unpacks to more than {MAX_UNPACKED_BYTES // 1_000_000} MB. Split it into several archives."
        )
    for entry in entries:
        _check_entry(entry)
    _check_overlaps(entries)


def _check_entry(entry: zipfile.ZipInfo) -> None:
    name = entry.filename
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise Unreadable(f"It holds a link ({name}). Pack the files themselves.")
    if name.startswith(("/", "\\")) or ".." in re.split(r"[/\\]", name) or re.match(r"[A-Za-z]:", name):
        raise Unreadable(f"It holds a file that points out of the archive ({name}). Pack its files anew.")
    if entry.flag_bits & _IS_ENCRYPTED:
        raise Unreadable(_PROTECTED)
    if entry.compress_type not in _METHODS:
        raise Unreadable("It is packed in an unusual way. Pack it as a plain ZIP.")
    if entry.file_size > max(RATIO_COUNTS_FROM_BYTES, MAX_RATIO * entry.compress_size):
        raise Unreadable(BOMB)


def _check_overlaps(entries: list[zipfile.ZipInfo]) -> None:
    """Entries that share their packed bytes unpack to more than their sizes tell (Fifield, 2019)."""
    for one, following in pairwise(sorted(entries, key=lambda entry: entry.header_offset)):
        if one.header_offset + _LOCAL_HEADER_BYTES + one.compress_size > following.header_offset:
            raise Unreadable(BOMB)
