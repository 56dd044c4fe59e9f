"""What an address gave, as a file that the readers know: its ending by what it is, its text in UTF-8.

Nothing is parsed here. A type is claimed by the site and only chooses the reader, which looks at the content itself.
"""

import codecs
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from knowledge_base.reading.formats import ENDINGS, ending_of
from marketplace.kernel.errors import Invalid
from marketplace.kernel.safe_fetch import Fetched

BYTES_LOOKED_AT = 2_048


class NotRead(Invalid):
    """This address gives a kind of file that is not read. Name a page or a document."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebFile:
    """`ending` as in a file's name, with its point."""

    ending: str
    content: bytes


def web_file(fetched: Fetched) -> WebFile:
    """Raises NotRead."""
    ending = _ending(fetched)
    if ending not in ENDINGS:
        raise NotRead
    content = _in_utf8(fetched) if ending in _TEXTS else fetched.body
    return WebFile(ending=ending, content=content)


_OFFICE = "application/vnd.openxmlformats-officedocument"
_BY_TYPE = {
    "text/html": ".html",
    "application/xhtml+xml": ".html",
    "text/markdown": ".md",
    "text/x-markdown": ".md",
    "text/csv": ".csv",
    "application/pdf": ".pdf",
    "application/x-pdf": ".pdf",
    f"{_OFFICE}.wordprocessingml.document": ".docx",
    f"{_OFFICE}.spreadsheetml.sheet": ".xlsx",
}
_SAYS_LITTLE = frozenset(
    {"", "application/octet-stream", "binary/octet-stream", "application/zip", "text/plain"}
)
_TEXTS = frozenset({".html", ".htm", ".md", ".markdown", ".txt", ".csv", ".jsonl"})


def _ending(fetched: Fetched) -> str:
    known = _BY_TYPE.get(fetched.content_type)
    if known is not None:
        return known
    if fetched.content_type not in _SAYS_LITTLE:
        raise NotRead
    named = ending_of(urlsplit(fetched.address).path)
    if named in ENDINGS:
        return named
    return ".txt" if fetched.content_type == "text/plain" else _by_look(fetched.body)


def _by_look(body: bytes) -> str:
    head = body[:BYTES_LOOKED_AT].lstrip().lower()
    if head.startswith(b"%pdf-"):
        return ".pdf"
    return ".html" if head.startswith((b"<!doctype html", b"<html")) else ""


def _in_utf8(fetched: Fetched) -> bytes:
    """The text as UTF-8, by the mark at its beginning, what the site says, or what the page says of itself."""
    for mark, charset in _MARKS:
        if fetched.body.startswith(mark):
            return fetched.body.decode(charset, "replace").encode()
    said = _DECLARED.search(fetched.body[:BYTES_LOOKED_AT])
    charset = _text_charset(fetched.charset or (said[1].decode() if said else "utf-8"))
    return fetched.body if charset == "utf-8" else fetched.body.decode(charset, "replace").encode()


_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_DECLARED = re.compile(rb"<meta[^>]{0,200}charset\s*=\s*[\"']?\s*([A-Za-z0-9_.:-]{1,40})", re.IGNORECASE)
# Python knows encodings that no page has, some of which take minutes for a megabyte.
_PAGES_HAVE = re.compile(
    r"iso8859-\d+|cp125\d|cp874|koi8-[rtu]|mac-\w+|shift_jis|cp932|euc_(jp|kr)|iso2022_jp|gbk|gb2312|gb18030|big5|cp949"
)


def _text_charset(name: str) -> str:
    """The codec of a charset; UTF-8 for what pages do not have."""
    try:
        known = codecs.lookup(name).name
    except (LookupError, ValueError):
        return "utf-8"
    # What says Latin 1 is written in Windows-1252: that is what browsers read.
    if known in ("iso8859-1", "ascii"):
        return "cp1252"
    return known if _PAGES_HAVE.fullmatch(known) else "utf-8"
