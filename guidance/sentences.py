"""Read passage text as blocks and sentences: what can be quoted to a customer, and what belongs together."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import count

MAX_CHARS = 50_000
"""A passage is about 110 words and a reply ends at 5,000 characters; anything longer is cut."""

FEWEST_WORDS = 4
"""A line with fewer words and no full stop is a label, not a sentence."""

HEADING_WORDS = 12


class BlockKind(StrEnum):
    """What a block of text is."""

    PROSE = "prose"
    STEPS = "steps"


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Sentences of one paragraph, or a list: its introduction, if any, and its lines with their marks."""

    kind: BlockKind
    sentences: tuple[str, ...]


def quotable_blocks(text: str) -> tuple[Block, ...]:
    """The parts of `text` that read as sentences or list steps, in order.

    Headings, table rows, code, images and contents lists are left out, and so are a first and last
    sentence that were cut where the passage begins and ends.
    """
    blocks: list[Block] = []
    joins_before = False
    paragraphs = _without_cut_ends(list(_paragraphs(text[:MAX_CHARS])))
    for at, lines in enumerate(paragraphs):
        if not lines or _is_heading(lines, followed=any(paragraphs[at + 1 :])):
            joins_before = False
        elif _LIST_LINE.match(lines[0]):
            _append_steps(blocks, lines, joins_before=joins_before)
            joins_before = True
        elif sentences := tuple(_readable(split_sentences(plain_text(" ".join(lines))))):
            blocks.append(Block(kind=BlockKind.PROSE, sentences=sentences))
            joins_before = True
    return tuple(_with_even_marks(block) for block in blocks if not _is_label_list(block))


def _is_heading(lines: list[str], *, followed: bool) -> bool:
    """One short line without an end, over something else."""
    return (
        followed
        and len(lines) == 1
        and len(lines[0].split()) <= HEADING_WORDS
        and not _ENDS.search(lines[0].strip())
        and not _LIST_LINE.match(lines[0])
    )


def split_sentences(text: str) -> tuple[str, ...]:
    """Sentences of running text; a line break after a list line or a blank line ends one too."""
    return tuple(
        sentence
        for lines in _paragraphs(text[:MAX_CHARS], keep_everything=True)
        for sentence in _split_line(" ".join(lines))
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SentenceSpan:
    """A sentence as `split_sentences` gives it, and where it stands: `text[start:end]`, line ends and all."""

    start: int
    end: int
    sentence: str


def sentence_spans(text: str) -> Iterator[SentenceSpan]:
    """`split_sentences` with the place of each sentence."""
    at = 0
    for sentence in split_sentences(text):
        # Only white space and quote marks were taken out, so the signs come again in their order.
        places: list[int] = []
        for sign in "".join(sentence.split()):
            at = text.index(sign, at) + 1
            places.append(at)
        yield SentenceSpan(start=places[0] - 1, end=at, sentence=sentence)


def plain_text(text: str) -> str:
    """Markdown's inline marks taken off; a link keeps its words and, in brackets, its web address."""
    text = _IMAGE.sub("", text)
    text = _LINK.sub(_link_words, text)
    return _SPACE.sub(" ", _MARKS.sub("", text)).strip()


def content_stems(text: str) -> frozenset[str]:
    """The stems of the words in `text` that carry meaning."""
    return frozenset(stem(word) for word in _WORD.findall(text.lower()) if word not in _STOP_WORDS)


def stem(word: str) -> str:
    """A rough English stem: enough that "shipped", "shipping" and "ships" meet, cheap enough to need no
    library."""
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _SHORTEST_STEM:
            word = word[: -len(ending)]
            break
    if len(word) > _SHORTEST_STEM and word[-1] == word[-2] and word[-1] not in "aeiousl":
        word = word[:-1]
    return word[:-1] + "i" if word.endswith("y") and len(word) > _SHORTEST_STEM else word.removesuffix("e")


_SHORTEST_STEM = 3
_ENDINGS = (
    "ations",
    "ation",
    "ments",
    "ment",
    "ings",
    "ing",
    "ies",
    "ied",
    "ers",
    "ed",
    "er",
    "es",
    "ly",
    "s",
)
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")
_STOP_WORDS = frozenset(
    """
    a about am an and any are as at be been but by can could did do does doing for from get had has have
    hello help hi how i if in is it its just me my need of on or our please so some thank thanks that
    the their them then there these they this to us want was we were what when where which who why will
    with would you your i'm i've it's don't
    """.split()  # noqa: SIM905 (a hundred quoted words are unreadable)
)
_LIST_LINE = re.compile(r"\s*(?:[-*+•–]|[0-9]{1,2}[.)]|[a-z][.)])\s+\S")
_NOT_PROSE = re.compile(
    r"\s*(?:#{1,6}\s|\||!\[[^\]]*\]\([^)]*\)\s*$|[-=*_]{3,}\s*$|<[a-z!/][^>]*>\s*$)", re.IGNORECASE
)
_LIST_MARK = re.compile(r"(?:[0-9]{1,2}|[a-z])[.)]")
_NUMBERED = re.compile(r"^([0-9]{1,2})[.)]\s+")
_BULLET = re.compile(r"^[*+•–]\s+")
_CONTENTS = re.compile(
    r"(?:in this (?:article|guide|section)|on this page|contents|jump to|see also|related|further reading"
    r"|read more|learn more)\b",
    re.IGNORECASE,
)
_CALL_OUT = re.compile(r"^\s*\[![A-Z]+\]\s*")
_SENTENCE_STOP = re.compile(r"[.!?]([\s\"')\]]|$)")
_STARTS_INSIDE = re.compile(r"[a-zß-öø-ÿ]+(?![\w.'-])|[,;)]")
_FENCE = re.compile(r"\s*(?:```|~~~)")
_QUOTE_MARK = re.compile(r"^\s*>\s?")
_IMAGE = re.compile(r"!\[[^\]]*\]\([^)]*\)")
_LINK = re.compile(r"\[([^\]]*)\]\(([^)\s]*)[^)]*\)")
_MARKS = re.compile(r"\*\*|__|`|(?<!\w)[*_](?=\w)|(?<=[\w.!?])[*_](?!\w)|</?[a-z][^>]{0,200}>", re.IGNORECASE)
_SPACE = re.compile(r"\s+")
_SENTENCE_END = re.compile(r"(?:[.!?…]+[\"'”’)\]]*)\s+(?=[\"'“‘(\[¿¡]?[^\W_a-zß-öø-ÿ])")
_ABBREVIATION = re.compile(
    r"(?:\b(?:e\.g|i\.e|etc|vs|approx|incl|excl|mr|mrs|ms|dr|prof|st|inc|ltd|co|no|nr|fig|dept|min|max|z\.b|bzw|ca|a\.m|p\.m"
    r"|u\.s|u\.k)|(?:^|[\s(])[a-z])\.$",
    re.IGNORECASE,
)
_ENDS = re.compile(r"[.!?…:;][\"'”’)\]]*$")
_SHORT_ANSWER = re.compile(
    r"(?:yes|no|sure|of course|certainly|absolutely|unfortunately not|not yet|ja|nein)[.!]", re.IGNORECASE
)


def _paragraphs(text: str, *, keep_everything: bool = False) -> Iterator[list[str]]:
    """Lines that belong together: wrapped prose, or a whole list; an empty one where something was left out.

    With `keep_everything` nothing is left out and every list line stands alone.
    """
    lines: list[str] = []
    fenced = False
    for line in map(_without_quote_mark, text.splitlines()):
        is_fence = bool(_FENCE.match(line))
        fenced ^= is_fence
        left_out = not keep_everything and (fenced or is_fence or bool(_NOT_PROSE.match(line)))
        starts_anew = bool(_LIST_LINE.match(line)) and (keep_everything or not _in_list(lines))
        if lines and (left_out or starts_anew or not line.strip()):
            yield lines
            lines = []
        if left_out:
            yield []
        elif line.strip():
            lines.append(line.strip())
    if lines:
        yield lines


def _without_quote_mark(line: str) -> str:
    return _CALL_OUT.sub("", _QUOTE_MARK.sub("", line))


def _in_list(lines: list[str]) -> bool:
    return bool(lines) and bool(_LIST_LINE.match(lines[0]))


def _without_cut_ends(paragraphs: list[list[str]]) -> list[list[str]]:
    """Passages are cut by words: half a sentence must not be quoted. A text without any full stop is taken
    as it is."""
    prose = [at for at, lines in enumerate(paragraphs) if lines and not _in_list(lines)]
    if not prose or not any(_SENTENCE_STOP.search(" ".join(paragraphs[at])) for at in prose):
        return paragraphs
    first, last = 0, len(paragraphs) - 1
    if prose[-1] == last and not _ENDS.search(paragraphs[last][-1]):
        paragraphs[last] = [" ".join(_split_line(" ".join(paragraphs[last]))[:-1])]
    if prose[0] == first and _STARTS_INSIDE.match(paragraphs[first][0]):
        paragraphs[first] = [" ".join(_split_line(" ".join(paragraphs[first]))[1:])]
    return [lines for lines in paragraphs if lines != [""]]


def _append_steps(blocks: list[Block], lines: list[str], *, joins_before: bool) -> None:
    """A list takes in the line with a colon before it; a list after a blank line goes on the list before."""
    steps = tuple(_steps(lines))
    before = blocks[-1] if blocks and joins_before else None
    if before and before.kind is BlockKind.STEPS:
        blocks[-1] = Block(kind=BlockKind.STEPS, sentences=before.sentences + steps)
        return
    if before and before.sentences[-1].endswith(":"):
        blocks.pop()
        if before.sentences[:-1]:
            blocks.append(Block(kind=BlockKind.PROSE, sentences=before.sentences[:-1]))
        steps = (before.sentences[-1], *steps)
    blocks.append(Block(kind=BlockKind.STEPS, sentences=steps))


def _with_even_marks(block: Block) -> Block:
    """Bullets by one mark, and 1. 1. 1., as Markdown allows it, by 1. 2. 3."""
    if block.kind is BlockKind.PROSE:
        return block
    numbers = [match.group(1) for line in block.sentences if (match := _NUMBERED.match(line))]
    counter = count(1) if len(numbers) > 1 and len(set(numbers)) == 1 else map(int, numbers)
    lines = (
        _NUMBERED.sub(f"{next(counter)}. ", line) if _NUMBERED.match(line) else _BULLET.sub("- ", line)
        for line in block.sentences
    )
    return Block(kind=BlockKind.STEPS, sentences=tuple(lines))


def _is_label_list(block: Block) -> bool:
    """A contents list, or a bare list of names that nothing introduces."""
    if block.kind is BlockKind.PROSE:
        return False
    introduced = not _LIST_LINE.match(block.sentences[0])
    if introduced:
        return bool(_CONTENTS.match(block.sentences[0]))
    return all(len(line.split()) <= FEWEST_WORDS for line in block.sentences)


def _steps(lines: list[str]) -> Iterator[str]:
    step = ""
    for line in lines:
        if _LIST_LINE.match(line) and step:
            yield plain_text(step)
            step = line
        else:
            step = f"{step} {line}".strip()
    yield plain_text(step)


def _readable(sentences: tuple[str, ...]) -> Iterator[str]:
    for sentence in sentences:
        if _ENDS.search(sentence):
            yield sentence
        elif len(sentence.split()) >= FEWEST_WORDS and not _is_title(sentence) and "|" not in sentence:
            yield sentence + "."


def _is_title(line: str) -> bool:
    words = [word for word in line.split() if word[0].isalpha()]
    return not words or sum(word[0].isupper() for word in words) > len(words) / 2


def _split_line(line: str) -> list[str]:
    sentences: list[str] = []
    start = 0
    for match in _SENTENCE_END.finditer(line):
        sentence = line[start : match.end()].strip()
        # "Yes." means nothing without what follows it; "3." begins a step.
        if (
            _ABBREVIATION.search(sentence)
            or _SHORT_ANSWER.fullmatch(sentence)
            or _LIST_MARK.fullmatch(sentence)
        ):
            continue
        sentences.append(sentence)
        start = match.end()
    return [*sentences, rest] if (rest := line[start:].strip()) else sentences


def _link_words(match: re.Match[str]) -> str:
    words, address = match.groups()
    return (
        f"{words} ({address})" if address.startswith(("http://", "https://")) and address != words else words
    )
