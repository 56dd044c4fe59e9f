"""What a PDF page shows: its marks that can be seen, with the unseen ones taken out of it and counted.

Text can be there and not be seen: drawn in no mode, in white on white, smaller than a point, beyond the page's edge or
fully transparent. Whoever approves the page cannot see it, so nobody may be told it.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from pypdf import PageObject, PdfReader
from pypdf.generic import ContentStream, DecodedStreamObject, DictionaryObject, IndirectObject, NameObject

from knowledge_base.reading.documents import Unreadable

MAX_PAGES = 2_000
MAX_NODES = 20_000
MAX_OPERATIONS = 300_000
MAX_CONTENT_BYTES = 5_000_000
MAX_FORM_DEPTH = 8
SMALLEST_POINTS = 1.0
EDGE_POINTS = 20.0
WHITE = 0.97
NO_TEXT_MODE = 3
CLIP_MODE = 7
RULES_OF_A_TABLE = 4

TOO_MANY_PAGES = f"It has more than {MAX_PAGES:,} pages. Split it into several files."
TOO_MANY_MARKS = (
    "One of its pages has too many marks to be read. "
    "Export it as a plainer PDF, or save its text as Markdown."
)
DAMAGED = "It is damaged. Open it, print or export it as PDF anew, and upload that."

Matrix = tuple[float, float, float, float, float, float]
IDENTITY: Matrix = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)
Box = tuple[float, float, float, float]
# pypdf's operands have no narrower type.
Operation = tuple[Any, bytes]


def pages_of(reader: PdfReader) -> Iterator[PageObject]:
    """The pages in their order. Raises Unreadable for a tree with loops or without end.

    The claimed count is not believed, and a page that the tree names again and again is no new page.
    """
    seen: set[tuple[int, int]] = set()
    root: Any = reader.trailer["/Root"].get_object()
    stack: list[tuple[Any, dict[str, Any]]] = [(root.raw_get("/Pages"), {})]
    found = 0
    while stack:
        reference, inherited = stack.pop()
        if isinstance(reference, IndirectObject):
            if (reference.idnum, reference.generation) in seen:
                raise Unreadable(DAMAGED)
            seen.add((reference.idnum, reference.generation))
        node = reference.get_object()
        if not isinstance(node, DictionaryObject) or len(seen) > MAX_NODES:
            raise Unreadable(TOO_MANY_PAGES if len(seen) > MAX_NODES else DAMAGED)
        handed_down = inherited | {name: node.raw_get(name) for name in _INHERITED if name in node}
        if "/Kids" in node:
            kids: Any = node["/Kids"].get_object()
            if len(kids) > MAX_NODES:
                raise Unreadable(TOO_MANY_PAGES)
            stack += [(kid, handed_down) for kid in reversed(kids)]
            continue
        found += 1
        if found > MAX_PAGES:
            raise Unreadable(TOO_MANY_PAGES)
        yield _page(reader, node, handed_down)


_INHERITED = ("/Resources", "/MediaBox", "/CropBox", "/Rotate")


def _page(reader: PdfReader, node: DictionaryObject, inherited: dict[str, Any]) -> PageObject:
    page = PageObject(reader)
    page.update(node)
    for name, value in inherited.items():
        page[NameObject(name)] = value
    return page


@dataclass(slots=True)
class Shown:
    """What taking out the unseen found on a page."""

    hidden: int = 0
    has_image: bool = False
    rules: int = 0

    @property
    def may_have_table(self) -> bool:
        return self.rules >= RULES_OF_A_TABLE


def take_out_hidden(page: PageObject, reader: PdfReader) -> Shown:
    """Remove from `page` the text that it does not show. Raises Unreadable when it has too many marks."""
    shown = Shown()
    contents = page.get_contents()
    if contents is None:
        return shown
    sweep = _Sweep(shown, reader, _box(page))
    if len(contents.get_data()) > MAX_CONTENT_BYTES:
        raise Unreadable(TOO_MANY_MARKS)
    kept = sweep.run(contents, page.get("/Resources"), IDENTITY, 0)
    if shown.hidden:
        contents.operations = kept
        page[NameObject("/Contents")] = contents
    return shown


def _box(page: PageObject) -> Box:
    box = page.cropbox
    return (
        float(box.left) - EDGE_POINTS,
        float(box.bottom) - EDGE_POINTS,
        float(box.right) + EDGE_POINTS,
        float(box.top) + EDGE_POINTS,
    )


@dataclass(slots=True)
class _State:
    """The graphics state, as far as it decides what is seen."""

    at: Matrix
    is_white: bool = False
    is_clear: bool = False
    mode: int = 0
    size: float = 0.0
    leading: float = 0.0

    def copy(self) -> "_State":
        return _State(self.at, self.is_white, self.is_clear, self.mode, self.size, self.leading)


@dataclass(slots=True)
class _Sweep:
    """Walks the marks of a page and of the forms it uses."""

    shown: Shown
    reader: PdfReader
    page: Box
    backdrops: list[Box] = field(default_factory=list)
    was_hidden: bool = False
    operations: int = 0

    def run(self, stream: ContentStream, resources: Any, at: Matrix, depth: int) -> list[Operation]:
        """The operations without those that show text nobody sees."""
        state, saved = _State(at), []
        line = text = IDENTITY
        path: list[Box] = []
        kept: list[Operation] = []
        for operands, operator in stream.operations:
            self.operations += 1
            if self.operations > MAX_OPERATIONS:
                raise Unreadable(TOO_MANY_MARKS)
            try:
                match operator:
                    case b"q":
                        saved.append(state.copy())
                    case b"Q" if saved:
                        state = saved.pop()
                    case b"cm":
                        state.at = _times(_matrix(operands), state.at)
                    case b"BT":
                        line = text = IDENTITY
                    case b"Tm":
                        line = text = _matrix(operands)
                    case b"Td" | b"TD":
                        if operator == b"TD":
                            state.leading = -float(operands[1])
                        line = text = _times((1, 0, 0, 1, float(operands[0]), float(operands[1])), line)
                    case b"T*":
                        line = text = _times((1, 0, 0, 1, 0, -state.leading), line)
                    case b"TL":
                        state.leading = float(operands[0])
                    case b"Tf":
                        state.size = float(operands[1])
                    case b"Tr":
                        state.mode = int(operands[0])
                    case b"g" | b"rg" | b"k" | b"sc" | b"scn":
                        state.is_white = _is_white(operands)
                    case b"cs":
                        state.is_white = False
                    case b"gs":
                        state.is_clear = self._is_clear(operands, resources, state.is_clear)
                    case b"re":
                        path.append(_rectangle(operands, state.at))
                        self.shown.rules += 1
                    case b"l":
                        self.shown.rules += 1
                    case b"f" | b"F" | b"f*" | b"B" | b"B*" | b"b" | b"b*":
                        if not state.is_white and not state.is_clear:
                            self.backdrops += path
                        path = []
                    case b"S" | b"s" | b"n":
                        path = []
                    case b"sh":
                        self.backdrops.append(self.page)
                    case b"BI" | b"INLINE IMAGE":
                        self._image(state.at)
                    case b"Do":
                        self._object(operands, resources, state.at, depth)
                    case b"'" | b'"':
                        line = text = _times((1, 0, 0, 1, 0, -state.leading), line)
            except (IndexError, TypeError, ValueError, OverflowError):
                pass  # a mark without its numbers draws nothing
            if operator in _SHOWS:
                is_hidden = self._hides(state, text)
                self.shown.hidden += is_hidden and not self.was_hidden
                self.was_hidden = is_hidden
                if is_hidden:
                    continue
            kept.append((operands, operator))
        return kept

    def _hides(self, state: _State, text: Matrix) -> bool:
        placed = _times(text, state.at)
        size = abs(state.size) * math.hypot(placed[2], placed[3])
        point = placed[4], placed[5]
        return (
            state.mode in (NO_TEXT_MODE, CLIP_MODE)
            or state.is_clear
            or size <= SMALLEST_POINTS
            or not _holds(self.page, point)
            or (state.is_white and not any(_holds(backdrop, point) for backdrop in self.backdrops))
        )

    def _is_clear(self, operands: Sequence[Any], resources: Any, was: bool) -> bool:
        states = _entry(resources, "/ExtGState")
        chosen = states.get(operands[0]) if isinstance(states, DictionaryObject) else None
        chosen = chosen.get_object() if chosen is not None else None
        opacity = chosen.get("/ca") if isinstance(chosen, DictionaryObject) else None
        return was if opacity is None else float(opacity) <= 1 - WHITE

    def _image(self, at: Matrix) -> None:
        self.shown.has_image = True
        self.backdrops.append(_rectangle((0, 0, 1, 1), at))

    def _object(self, operands: Sequence[Any], resources: Any, at: Matrix, depth: int) -> None:
        objects = _entry(resources, "/XObject")
        chosen = objects.get(operands[0]) if isinstance(objects, DictionaryObject) else None
        chosen = chosen.get_object() if chosen is not None else None
        if not isinstance(chosen, DictionaryObject):
            return
        if chosen.get("/Subtype") == "/Image":
            self._image(at)
        elif chosen.get("/Subtype") == "/Form":
            # pypdf would follow forms that draw themselves, or each other twice, for as long as it may.
            if depth == MAX_FORM_DEPTH:
                raise Unreadable(TOO_MANY_MARKS)
            self._form(objects, operands[0], chosen, resources, at, depth)

    def _form(
        self, objects: DictionaryObject, name: Any, form: Any, resources: Any, at: Matrix, depth: int
    ) -> None:
        stream = ContentStream(form, self.reader)
        before = self.shown.hidden
        placed = _times(_matrix(form["/Matrix"]), at) if "/Matrix" in form else at
        kept = self.run(stream, form.get("/Resources", resources), placed, depth + 1)
        if self.shown.hidden == before and len(kept) == len(stream.operations):
            return
        stream.operations = kept
        swept = DecodedStreamObject()
        swept.update({key: value for key, value in form.items() if key not in _PACKING})
        swept.set_data(stream.get_data())
        objects[NameObject(name)] = swept


_SHOWS = frozenset({b"Tj", b"TJ", b"'", b'"'})
_PACKING = frozenset({"/Filter", "/DecodeParms", "/Length"})


def _entry(resources: Any, name: str) -> Any:
    found = resources.get_object() if resources is not None else None
    entry = found.get(name) if isinstance(found, DictionaryObject) else None
    return entry.get_object() if entry is not None else None


def _matrix(operands: Sequence[Any]) -> Matrix:
    a, b, c, d, e, f = (float(number) for number in operands)
    return a, b, c, d, e, f


def _times(one: Matrix, other: Matrix) -> Matrix:
    a, b, c, d, e, f = one
    p, q, r, s, t, u = other
    return (a * p + b * r, a * q + b * s, c * p + d * r, c * q + d * s, e * p + f * r + t, e * q + f * s + u)


def _is_white(operands: Sequence[Any]) -> bool:
    """Of a colour in grey, RGB or CMYK; a pattern is none."""
    numbers = [float(number) for number in operands]
    if len(numbers) == 4:
        return all(number <= 1 - WHITE for number in numbers)
    return len(numbers) in (1, 3) and all(number >= WHITE for number in numbers)


def _rectangle(operands: Sequence[Any], at: Matrix) -> Box:
    x, y, width, height = (float(number) for number in operands)
    corners = [
        (left * at[0] + low * at[2] + at[4], left * at[1] + low * at[3] + at[5])
        for left in (x, x + width)
        for low in (y, y + height)
    ]
    xs, ys = [corner[0] for corner in corners], [corner[1] for corner in corners]
    return min(xs), min(ys), max(xs), max(ys)


def _holds(box: Box, point: tuple[float, float]) -> bool:
    return box[0] <= point[0] <= box[2] and box[1] <= point[1] <= box[3]
