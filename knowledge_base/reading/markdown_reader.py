"""Markdown to sections of plain text.

Raw HTML inside is parsed, not escaped: nothing here is ever rendered, and help centres write tables and
anchors in HTML, which would otherwise stand as tags in the quotes a worker reads. What is shown as a page is
rendered elsewhere, with raw HTML off.
"""

import re
from typing import cast

import yaml
from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.front_matter import front_matter_plugin

from knowledge_base.reading.documents import Outline, Unreadable, one_line
from knowledge_base.reading.html_reader import (
    DROPPED_TAGS,
    INLINE_TAGS,
    VOID_TAGS,
    alt_text,
    is_hidden,
    parsed,
    tags,
    write_html,
)

MAX_LINES = 10_000
# The parser fills short rows up to the head's width: without a limit 20 KB make 65,000 cells.
MAX_TABLE_COLUMNS = 50
# Emphasis and links are matched in quadratic time: beyond these a paragraph is taken as it stands.
MAX_INLINE_CHARACTERS = 10_000
MAX_INLINE_BRACKETS = 100
MAX_FRONT_MATTER_CHARACTERS = 10_000

FrontMatter = dict[str, str]


def write_markdown(text: str, outline: Outline) -> None:
    """Add the text to `outline`. Raises Unreadable with a way out."""
    _write(text, outline, _BLOCK_PARSER)


def write_markdown_file(text: str, outline: Outline) -> FrontMatter:
    """The same for a file, which may begin with front matter: that is returned."""
    return _write(text, outline, _FILE_PARSER)


def _write(text: str, outline: Outline, parser: MarkdownIt) -> FrontMatter:
    _check_limits(text)
    writer = _Writer(outline)
    for token in parser.parse(text):
        writer.take(token)
    return writer.front_matter


def _check_limits(text: str) -> None:
    if text.count("\n") > MAX_LINES:
        raise Unreadable(f"It has more than {MAX_LINES:,} lines. Split it into several articles.")
    if any(row.count("|") > MAX_TABLE_COLUMNS for row in _TABLE_RULE.findall(text)):
        raise Unreadable(f"It has a table of more than {MAX_TABLE_COLUMNS} columns. Split the table.")


_TABLE_RULE = re.compile(r"^[ \t>*+\-:|]*\|[ \t>*+\-:|]*$", re.MULTILINE)


def _block_parser() -> MarkdownIt:
    # Inlines are parsed one by one below, under a limit.
    return MarkdownIt("commonmark", {"html": True}).enable(["table"]).disable(["inline"])


_BLOCK_PARSER = _block_parser()
_FILE_PARSER = _block_parser().use(front_matter_plugin)


class _Writer:
    """Keeps what is open: lists, the table row, the heading's level."""

    def __init__(self, outline: Outline) -> None:
        self.front_matter: FrontMatter = {}
        self._outline = outline
        self._lists: list[int | None] = []
        self._bullet = ""
        self._cells: list[str] | None = None
        self._heading_level = 0

    def take(self, token: Token) -> None:
        match token.type:
            case "front_matter":
                self.front_matter = self._front_matter(token.content)
            case "inline":
                self._inline(_text(token.content, self._outline))
            case "heading_open" | "heading_close":
                self._heading_level = int(token.tag[1]) if token.nesting == 1 else 0
            case "bullet_list_open":
                self._lists.append(None)
            case "ordered_list_open":
                self._lists.append(int(token.attrGet("start") or 1) - 1)
            case "list_item_open":
                self._bullet = self._next_bullet()
            case "bullet_list_close" | "ordered_list_close":
                self._lists.pop()
                self._break()
            case "tr_open":
                self._cells = []
            case "tr_close":
                self._outline.line(" | ".join(self._cells or []))
                self._cells = None
            case "fence" | "code_block":
                self._lines(token.content.rstrip("\n").split("\n"))
                self._break()
            case "html_block":
                self._html(token.content)
            case "paragraph_close" | "table_close" | "hr":
                self._break()

    def _inline(self, text: str) -> None:
        if self._cells is not None:
            self._cells.append(one_line(text))
        elif self._heading_level and not self._lists:
            self._outline.heading(self._heading_level, text)
        else:
            self._lines([one_line(line) for line in _CALLOUT.sub("", text).split("\n")])

    def _lines(self, lines: list[str]) -> None:
        for line in lines:
            if line.strip():
                indent = "  " * (len(self._lists) - 1)
                self._outline.line(f"{indent}{self._bullet}{line}" if self._lists else line)
                self._bullet = "  " if self._lists else ""

    def _next_bullet(self) -> str:
        number = self._lists[-1]
        if number is None:
            return "- "
        self._lists[-1] = number + 1
        return f"{number + 1}. "

    def _break(self) -> None:
        if not self._lists:
            self._outline.paragraph_break()

    def _html(self, html: str) -> None:
        root = parsed(html).root
        if root is not None:
            write_html(root, self._outline)
        self._break()

    def _front_matter(self, source: str) -> FrontMatter:
        values = _yaml(source)
        if isinstance(values, dict):
            return {str(key).lower(): one_line(v) for key, v in values.items() if isinstance(v, str)}
        # Text between two rules at the top is text.
        self._lines(source.split("\n"))
        return {}


_CALLOUT = re.compile(r"^\[!\w+\]\s*")


def _yaml(source: str) -> object:
    if len(source) > MAX_FRONT_MATTER_CHARACTERS:
        raise Unreadable("Its front matter is too long. Keep only title, id and language in it.")
    try:
        # BaseLoader keeps every value as written: an id 007 is not the number 7.
        return cast(object, yaml.load(source, Loader=yaml.BaseLoader))  # noqa: S506 - makes strings only
    except (yaml.YAMLError, RecursionError) as error:
        raise Unreadable(
            "Its front matter is not valid YAML. Put values that contain a colon in quotes, "
            'like title: "Returns: how to".'
        ) from error


def _text(source: str, outline: Outline) -> str:
    """One paragraph without its marks."""
    if len(source) > MAX_INLINE_CHARACTERS or source.count("[") > MAX_INLINE_BRACKETS:
        return source
    tokens: list[Token] = []
    _INLINE_PARSER.inline.parse(source, _INLINE_PARSER, {}, tokens)
    return "".join(_inline_words(tokens, outline))


_INLINE_PARSER = MarkdownIt("commonmark", {"html": True}).enable(["strikethrough"])
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9-]*)")
_KNOWN_TAGS = DROPPED_TAGS | INLINE_TAGS | tags("p div br hr img center li ul ol table tr td th")


def _inline_words(tokens: list[Token], outline: Outline) -> list[str]:
    words: list[str] = []
    hidden_until: str | None = None
    for token in tokens:
        if hidden_until:
            hidden_until = None if _closes(token, hidden_until) else hidden_until
        elif token.type == "html_inline":
            hidden_until = _hidden_tag(token.content)
            outline.hidden += bool(hidden_until and hidden_until not in DROPPED_TAGS)
            words.append(_tag_text(token.content))
        elif token.type in ("softbreak", "hardbreak"):
            words.append("\n" if token.type == "hardbreak" else " ")
        elif token.type == "image":
            words.append(alt_text(token.content))
        elif token.type == "text":
            words.append(_ATTRIBUTES.sub("", token.content))
        elif token.type in ("code_inline", "text_special"):
            words.append(token.content)
    return words


# {#anchor} and {.class} after a heading or link, as several help centres write them.
_ATTRIBUTES = re.compile(r"\s?\{[.#][\w.#-]+\}")


def _closes(token: Token, tag: str) -> bool:
    return token.type == "html_inline" and token.content.lower().startswith(f"</{tag}")


def _hidden_tag(html: str) -> str | None:
    """The tag's name when it opens something a reader would not see."""
    tag = _TAG.match(html)
    if tag is None or tag[1] or html.endswith("/>"):
        return None
    name = tag[2].lower()
    if name in VOID_TAGS:
        return None
    node = parsed(html).css_first(name)
    return name if is_hidden(name, node.attributes if node else {}) else None


def _tag_text(html: str) -> str:
    """Nothing for a tag, its description for a picture; `<port>` and the like are the author's words."""
    tag = _TAG.match(html)
    if tag is None:
        return ""
    name = tag[2].lower()
    if name == "br":
        return "\n"
    if name == "img":
        node = parsed(html).css_first("img")
        return alt_text(node.attributes.get("alt")) if node else ""
    return "" if name in _KNOWN_TAGS else html
