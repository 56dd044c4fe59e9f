"""HTML to sections of plain text, without what a visitor of the page would not read or see."""

import re
from collections import Counter
from collections.abc import Iterator

from selectolax.lexbor import LexborHTMLParser, LexborNode

from knowledge_base.reading.documents import Outline, Unreadable, clean, hidden_characters, one_line

MAX_TAG_DEPTH = 256
MIN_ALT_WORDS = 4


def tags(names: str) -> frozenset[str]:
    return frozenset(names.split())


# Furniture of a page, and what is not prose.
DROPPED_TAGS = tags(
    "script style nav template noscript svg math iframe object embed canvas audio video head "
    "button select input textarea datalist dialog"
)
INLINE_TAGS = tags(
    "a abbr acronym b bdi bdo big cite code data del dfn em font i ins kbd label mark meter output "
    "picture progress q rp rt ruby s samp small span strike strong sub sup time tt u var wbr"
)
_BREAKING_TAGS = tags("p pre table ul ol dl blockquote section article figure details")
_HEADINGS = frozenset(f"h{level}" for level in range(1, 7))
_HIDING_STYLE = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse)|opacity\s*:\s*0(?![.\d]*[1-9])"
    r"|font-size\s*:\s*(?:0(?![.\d]*[1-9])|1(?:\.\d+)?\s*(?:px|pt)?\s*(?:;|!|$))"
    r"|(?:left|top|right|text-indent)\s*:\s*-\d{3,}"
    r"|transform\s*:\s*scale\(\s*0\s*[,)]",
    re.IGNORECASE,
)
_HIDING_SIZE = re.compile(
    r"(?<![-\w])(?:max-)?(?:width|height)\s*:\s*[01](?:px|pt|em)?\s*(?:;|!|$)", re.IGNORECASE
)
_CUT_OFF = re.compile(r"overflow\s*:\s*hidden|clip\s*:\s*rect", re.IGNORECASE)
_WHITE = re.compile(
    r"(?<![-\w])color\s*:\s*(?:white|snow|#fff(?:fff)?f{0,2}|rgba?\(\s*255\s*,\s*255\s*,\s*255[^)]*\)"
    r"|transparent|rgba\([^)]*,\s*0\s*\))\s*(?:;|!|$)",
    re.IGNORECASE,
)
_PAINTED = re.compile(r"background", re.IGNORECASE)


def parsed(html: str) -> LexborHTMLParser:
    """The parsed page. Raises Unreadable for nesting that would keep the parser busy for minutes."""
    text = _without_unread_regions(html)
    if _tag_depth(text) > MAX_TAG_DEPTH:
        raise Unreadable(
            f"Its tags are nested more than {MAX_TAG_DEPTH} deep. Export the page again as plain HTML."
        )
    return LexborHTMLParser(text)


def article_of(page: LexborHTMLParser) -> LexborNode | None:
    """The article without the site around it: the only <main> or <article>, else the page without its furniture.

    A header with a first heading is the article's own title.
    """
    for marked in ("main", "[role=main]", "article"):
        found = page.css(marked)
        if len(found) == 1:
            return found[0]
    for part in page.css(_FURNITURE):
        if _is_of_the_site(part) and not part.css("h1"):
            part.decompose()
    return page.root


_FURNITURE = "header, footer, aside, [role=banner], [role=contentinfo], [role=complementary]"


def _is_of_the_site(part: LexborNode) -> bool:
    """Whether it stands beside the articles of a page, not in one."""
    parent = part.parent
    while parent is not None and parent.tag == "div":
        parent = parent.parent
    return parent is None or parent.tag in ("body", "html")


def write_html(root: LexborNode, outline: Outline) -> None:
    """Add everything readable under `root` to `outline`."""
    writer = _Writer(outline)
    for entering, node in _visible(root, outline):
        if entering:
            writer.enter(node)
        else:
            writer.leave(node)
    writer.flush()


def is_hidden(tag: str, attributes: dict[str, str | None]) -> bool:
    return (
        tag in DROPPED_TAGS
        or "hidden" in attributes
        or attributes.get("aria-hidden") == "true"
        or _is_hidden_by_style(attributes.get("style") or "")
    )


def _is_hidden_by_style(style: str) -> bool:
    if not style:
        return False
    return bool(_HIDING_STYLE.search(style) or (_HIDING_SIZE.search(style) and _CUT_OFF.search(style)))


def _is_white_on_white(node: LexborNode) -> bool:
    """White text where nothing around it may have painted a background."""
    if not (_WHITE.search(node.attributes.get("style") or "") or _is_white_font(node)):
        return False
    around: LexborNode | None = node
    while around is not None and around.is_element_node:
        attributes = around.attributes
        if _PAINTED.search(attributes.get("style") or "") or "class" in attributes or "bgcolor" in attributes:
            return False
        around = around.parent
    return True


def _is_white_font(node: LexborNode) -> bool:
    return node.tag == "font" and (node.attributes.get("color") or "").lower() in ("white", "#fff", "#ffffff")


def alt_text(alt: str | None) -> str:
    """A picture's description in parentheses when it is one, not a file name or a label."""
    words = (alt or "").split()
    return f"({' '.join(words)})" if len(words) >= MIN_ALT_WORDS else ""


_REGION_START = re.compile(r"<!--|<(script|style|svg)\b", re.IGNORECASE)


def _without_unread_regions(html: str) -> str:
    """Cut comments, scripts, styles and drawings, so that the depth scan counts prose only. Linear.

    A region that never ends is left in place: the scan then counts its tags, which errs on the safe side.
    """
    lowered = html.lower() if html.isascii() else html
    kept: list[str] = []
    position = 0
    endless: set[str] = set()
    for start in _REGION_START.finditer(html):
        if start.start() < position:
            continue
        end_mark = f"</{start[1].lower()}" if start[1] else "-->"
        if end_mark in endless:
            continue
        end = lowered.find(end_mark, start.end())
        close = html.find(">", end) if end >= 0 else -1
        if close < 0:
            endless.add(end_mark)
            continue
        kept.append(html[position : start.start()])
        position = close + 1
    kept.append(html[position:])
    return " ".join(kept)


_TAG = re.compile(r"<(/?)([a-zA-Z][^\s/>]*)")
VOID_TAGS = tags("area base br col embed hr img input link meta param source track wbr")
# Their end tags are optional: an open one is closed by the next, so they cannot nest by themselves.
_SELF_ENDING_TAGS = tags(
    "p li dt dd tr td th thead tbody tfoot colgroup option optgroup rp rt html head body"
)


def _tag_depth(html: str) -> int:
    """The deepest nesting a parser could build, counted without building it."""
    opened: Counter[str] = Counter()
    depth = deepest = 0
    for tag in _TAG.finditer(html):
        name = tag[2].lower()
        if name in VOID_TAGS or name in _SELF_ENDING_TAGS:
            continue
        if not tag[1]:
            opened[name] += 1
            depth += 1
            deepest = max(deepest, depth)
        elif opened[name]:
            opened[name] -= 1
            depth -= 1
    return deepest


def _visible(root: LexborNode, outline: Outline) -> Iterator[tuple[bool, LexborNode]]:
    """Every visible node twice, entering and leaving, without recursion; the hidden are counted."""
    stack: list[tuple[bool, LexborNode]] = [(True, root)]
    while stack:
        entering, node = stack.pop()
        if not entering:
            yield False, node
            continue
        if node.is_element_node:
            tag = node.tag or ""
            if is_hidden(tag, node.attributes) or _is_white_on_white(node):
                outline.hidden += tag not in DROPPED_TAGS and bool((node.text() or "").strip())
                continue
        yield True, node
        stack.append((False, node))
        child = node.last_child
        while child is not None:
            stack.append((True, child))
            child = child.prev


class _Writer:
    """Keeps what is open: the words of the line being read, lists, the table row, the heading."""

    def __init__(self, outline: Outline) -> None:
        self._outline = outline
        self._words: list[str] = []
        self._lists: list[int | None] = []
        self._bullet = ""
        self._cells: list[str] | None = None
        self._cell_depth = 0
        self._preformatted = 0

    def enter(self, node: LexborNode) -> None:
        if node.is_text_node:
            text = node.text_content or ""
            self._outline.invisible += hidden_characters(text)
            self._words.append(self._text(clean(text)))
            return
        tag = node.tag or ""
        if tag == "br":
            self._words.append("\n")
        elif tag == "img":
            self._words.append(f" {alt_text(node.attributes.get('alt'))} ")
        elif tag in ("td", "th"):
            self._enter_cell()
        elif node.is_element_node and tag not in INLINE_TAGS:
            self.flush()
            self._enter_block(tag)

    def leave(self, node: LexborNode) -> None:
        tag = node.tag or ""
        if not node.is_element_node or tag in INLINE_TAGS or tag in ("br", "img"):
            return
        if tag in ("td", "th"):
            self._leave_cell()
        elif tag in _HEADINGS and not self._cell_depth and not self._lists:
            self._outline.heading(int(tag[1]), self._take())
        else:
            self.flush()
            self._leave_block(tag)

    def flush(self) -> None:
        """End the line being read. Inside a table cell everything stays on the row's line."""
        if self._cell_depth:
            self._words.append(" ")
            return
        text = self._take()
        lines = text.split("\n") if self._preformatted else [one_line(line) for line in text.split("\n")]
        for line in lines:
            if line.strip():
                indent = "  " * (len(self._lists) - 1)
                self._outline.line(f"{indent}{self._bullet}{line}" if self._lists else line)
                self._bullet = "  " if self._lists else ""

    def _text(self, text: str) -> str:
        # Line breaks of the source are spaces, unless in <pre>: only <br> and blocks end a line.
        return text if self._preformatted else re.sub(r"\s+", " ", text)

    def _take(self) -> str:
        text = "".join(self._words)
        self._words = []
        return text

    def _enter_block(self, tag: str) -> None:
        if self._cell_depth:
            return
        if tag in ("ul", "ol"):
            self._lists.append(0 if tag == "ol" else None)
        elif tag == "li":
            self._bullet = self._next_bullet()
        elif tag == "pre":
            self._preformatted += 1
        elif tag == "tr":
            self._cells = []
        if tag in (_BREAKING_TAGS | _HEADINGS) and not self._lists:
            self._outline.paragraph_break()

    def _leave_block(self, tag: str) -> None:
        if self._cell_depth:
            return
        if tag in ("ul", "ol") and self._lists:
            self._lists.pop()
        elif tag == "pre":
            self._preformatted -= 1
        elif tag == "tr" and self._cells is not None:
            if any(self._cells):
                self._outline.line(" | ".join(self._cells))
            self._cells = None
        if tag in _BREAKING_TAGS and not self._lists:
            self._outline.paragraph_break()

    def _next_bullet(self) -> str:
        number = self._lists[-1] if self._lists else None
        if number is None:
            return "- "
        self._lists[-1] = number + 1
        return f"{number + 1}. "

    def _enter_cell(self) -> None:
        if not self._cell_depth:
            self.flush()
        self._cell_depth += 1
        self._words.append(" ")

    def _leave_cell(self) -> None:
        self._cell_depth -= 1
        if not self._cell_depth and self._cells is not None:
            self._cells.append(one_line(self._take()))
