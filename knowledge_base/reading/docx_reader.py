"""Word files: headings, lists and tables in their order, without what Word does not show."""

import io
import zipfile
from collections.abc import Iterator
from typing import Any

import docx
from docx.document import Document as WordDocument
from docx.opc.exceptions import OpcError
from docx.oxml.ns import qn
from lxml.etree import LxmlError

from knowledge_base.reading.archives import Archive, check_office
from knowledge_base.reading.documents import Outline, Unreadable, clean, hidden_characters, one_line
from knowledge_base.reading.html_reader import alt_text
from knowledge_base.reading.tables import table_lines

MAX_BLOCKS = 50_000
MAX_NESTING = 20
MAX_LEVEL = 6
HIDDEN_HALF_POINTS = 2
"""Letters of one point and less: nobody reads them."""

DAMAGED = "It is damaged. Open it in Word, save it anew and upload that."
TOO_MANY = f"It has more than {MAX_BLOCKS:,} paragraphs. Split it into several articles."

# lxml has no types; `Any` here is one of its elements.
Element = Any


def write_docx(content: bytes, outline: Outline) -> None:
    """Add the document to `outline`. Raises Unreadable."""
    check_office(Archive(content), "word/document.xml", "Word")
    try:
        document = docx.Document(io.BytesIO(content))
        outline.title = _told_title(document)
        _Writer(document, outline).write()
    except (OpcError, LxmlError, zipfile.BadZipFile, KeyError, ValueError, AttributeError) as error:
        raise Unreadable(DAMAGED) from error


def _told_title(document: WordDocument) -> str | None:
    title = one_line(clean(document.core_properties.title or ""))
    return None if title.lower() in _JUNK_TITLES else title


_JUNK_TITLES = frozenset({"", "word document", "untitled", "document"})


class _Writer:
    """Keeps what is open: how far each numbered list has come."""

    def __init__(self, document: WordDocument, outline: Outline) -> None:
        self._body = document.element.body
        self._outline = outline
        self._styles = _Styles(document)
        self._numbers: dict[tuple[str, int], int] = {}
        self._blocks = 0

    def write(self) -> None:
        for block in self._blocks_of(self._body, 0):
            if block.tag == qn("w:tbl"):
                self._table(block)
            else:
                self._paragraph(block)

    def _blocks_of(self, parent: Element, depth: int) -> Iterator[Element]:
        """Paragraphs and tables, those inside content controls too."""
        if depth > MAX_NESTING:
            raise Unreadable(DAMAGED)
        for child in parent.iterchildren():
            if child.tag in (qn("w:p"), qn("w:tbl")):
                self._blocks += 1
                if self._blocks > MAX_BLOCKS:
                    raise Unreadable(TOO_MANY)
                yield child
            elif child.tag in (qn("w:sdt"), qn("w:sdtContent"), qn("w:ins"), qn("w:customXml")):
                yield from self._blocks_of(child, depth + 1)

    def _paragraph(self, paragraph: Element) -> None:
        text = self._text(paragraph)
        style = self._styles.of(paragraph)
        if not text.strip():
            self._outline.paragraph_break()
        elif style.heading and text == self._outline.title:
            return
        elif style.heading:
            self._outline.heading(style.heading, text)
        elif style.list_id:
            bullet = self._bullet(style.list_id, style.list_level, style.is_numbered)
            self._outline.line(f"{'  ' * style.list_level}{bullet}{one_line(text)}")
        else:
            self._outline.paragraph_break()
            for line in text.split("\n"):
                self._outline.line(one_line(line))
            self._outline.paragraph_break()
        for box in _text_boxes(paragraph):
            for inner in self._blocks_of(box, 1):
                if inner.tag == qn("w:p"):
                    self._outline.line(one_line(self._text(inner)))

    def _bullet(self, list_id: str, level: int, is_numbered: bool) -> str:
        if not is_numbered:
            return "- "
        for deeper in range(level + 1, MAX_NESTING):
            self._numbers.pop((list_id, deeper), None)
        self._numbers[list_id, level] = number = self._numbers.get((list_id, level), 0) + 1
        return f"{number}. "

    def _table(self, table: Element) -> None:
        rows = [
            [self._cell(cell) for cell in row.iterchildren(qn("w:tc"))]
            for row in table.iterchildren(qn("w:tr"))
        ]
        self._outline.paragraph_break()
        for line in table_lines(rows):
            self._outline.line(line)
        self._outline.paragraph_break()

    def _cell(self, cell: Element) -> str:
        return " ".join(self._text(paragraph) for paragraph in cell.iter(qn("w:p")))

    def _text(self, paragraph: Element) -> str:
        words: list[str] = []
        was_hidden = False
        for run in _runs(paragraph):
            is_hidden = self._styles.hides(run)
            text = _run_text(run)
            if not is_hidden:
                words.append(text)
            elif text.strip() and not was_hidden:
                self._outline.hidden += 1
            was_hidden = is_hidden
        raw = "".join(words)
        self._outline.invisible += hidden_characters(raw)
        return clean(raw)


def _runs(paragraph: Element) -> Iterator[Element]:
    """The runs of a paragraph itself, those of links and insertions too; not of text boxes or deletions."""
    for child in paragraph.iterchildren():
        if child.tag == qn("w:r"):
            yield child
        elif child.tag in (qn("w:hyperlink"), qn("w:ins"), qn("w:smartTag"), qn("w:fldSimple"), qn("w:sdt"),
                           qn("w:sdtContent"), qn("w:bdo"), qn("w:dir")):  # fmt: skip
            yield from _runs(child)


def _run_text(run: Element) -> str:
    words = []
    for child in run.iterchildren():
        if child.tag == qn("w:t"):
            words.append(child.text or "")
        elif child.tag in (qn("w:tab"), qn("w:ptab")):
            words.append(" ")
        elif child.tag in (qn("w:br"), qn("w:cr")):
            words.append("\n")
        elif child.tag == qn("w:noBreakHyphen"):
            words.append("-")
        elif child.tag == qn("w:drawing"):
            words += [f" {alt_text(shown.get('descr'))} " for shown in child.iter(qn("wp:docPr"))]
    return "".join(words)


def _text_boxes(paragraph: Element) -> Iterator[Element]:
    """Boxes stand twice, for new programs and as a fallback for old ones: the first counts."""
    for box in paragraph.iter(qn("w:txbxContent")):
        if not any("Fallback" in str(above.tag) for above in box.iterancestors()):
            yield box


class _Style:
    """What a paragraph is by its style and its own marks."""

    __slots__ = ("heading", "is_numbered", "list_id", "list_level")

    def __init__(self) -> None:
        self.heading = 0
        self.list_id = ""
        self.list_level = 0
        self.is_numbered = False


class _Styles:
    """The document's styles: which are headings, which are lists, which hide."""

    def __init__(self, document: WordDocument) -> None:
        self._levels: dict[str, int] = {}
        self._lists: dict[str, Element] = {}
        self._hiding: set[str] = set()
        for style in document.styles.element.iterchildren(qn("w:style")):
            self._learn(style)
        self._numbered = _numbered_lists(document)

    def _learn(self, style: Element) -> None:
        key = style.get(qn("w:styleId")) or ""
        name = (_value(style.find(qn("w:name"))) or "").lower()
        if name == "title":
            self._levels[key] = 1
        elif name.startswith("heading ") and name[8:].isdigit():
            self._levels[key] = min(int(name[8:]), MAX_LEVEL)
        numbering = style.find(f"{qn('w:pPr')}/{qn('w:numPr')}")
        if numbering is not None:
            self._lists[key] = numbering
        if _hides(style.find(qn("w:rPr"))):
            self._hiding.add(key)

    def of(self, paragraph: Element) -> _Style:
        found = _Style()
        marks = paragraph.find(qn("w:pPr"))
        if marks is None:
            return found
        key = _value(marks.find(qn("w:pStyle"))) or ""
        found.heading = self._levels.get(key, 0) or _outline_level(marks)
        numbering = marks.find(qn("w:numPr"))
        if numbering is None:
            numbering = self._lists.get(key)
        if numbering is not None:
            list_id = _value(numbering.find(qn("w:numId"))) or ""
            found.list_id = "" if list_id == "0" else list_id
            level = _value(numbering.find(qn("w:ilvl"))) or "0"
            found.list_level = min(int(level), MAX_NESTING - 1) if level.isdigit() else 0
            found.is_numbered = (found.list_id, found.list_level) in self._numbered
        # A numbered heading is a heading.
        if found.heading:
            found.list_id = ""
        return found

    def hides(self, run: Element) -> bool:
        marks = run.find(qn("w:rPr"))
        if marks is None:
            return self._paragraph_style_hides(run)
        shown = marks.find(qn("w:vanish"))
        if shown is not None and not _is_on(shown):
            return False
        style = _value(marks.find(qn("w:rStyle"))) or ""
        return _hides(marks) or style in self._hiding or self._paragraph_style_hides(run)

    def _paragraph_style_hides(self, run: Element) -> bool:
        style = run.getparent().find(f"{qn('w:pPr')}/{qn('w:pStyle')}")
        return style is not None and _value(style) in self._hiding


def _hides(marks: Element | None) -> bool:
    if marks is None:
        return False
    vanish = marks.find(qn("w:vanish"))
    if vanish is not None and _is_on(vanish):
        return True
    size = _value(marks.find(qn("w:sz"))) or ""
    return size.isdigit() and int(size) <= HIDDEN_HALF_POINTS


def _is_on(mark: Element) -> bool:
    return (_value(mark) or "true").lower() not in ("0", "false", "off", "none")


def _outline_level(marks: Element) -> int:
    level = _value(marks.find(qn("w:outlineLvl"))) or ""
    return min(int(level) + 1, MAX_LEVEL) if level.isdigit() and int(level) < 9 else 0


def _numbered_lists(document: WordDocument) -> set[tuple[str, int]]:
    """The lists, by id and level, whose items are counted and not bulleted."""
    part = next(
        (part for part in document.part.package.iter_parts() if part.partname.endswith("/numbering.xml")),
        None,
    )
    element = getattr(part, "element", None)
    if element is None:
        return set()
    kinds: dict[str, dict[int, str]] = {}
    for abstract in element.iterchildren(qn("w:abstractNum")):
        levels = {
            int(level.get(qn("w:ilvl")) or 0): _value(level.find(qn("w:numFmt"))) or "bullet"
            for level in abstract.iterchildren(qn("w:lvl"))
        }
        kinds[abstract.get(qn("w:abstractNumId")) or ""] = levels
    return {
        (number.get(qn("w:numId")) or "", level)
        for number in element.iterchildren(qn("w:num"))
        for level, kind in kinds.get(_value(number.find(qn("w:abstractNumId"))) or "", {}).items()
        if kind not in ("bullet", "none")
    }


def _value(mark: Element | None) -> str | None:
    return None if mark is None else mark.get(qn("w:val"))
