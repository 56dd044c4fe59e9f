"""Write a reply out of the passages' own sentences: nothing is generated, and every body sentence names
its passage."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, pairwise
from typing import Protocol

from guidance.questions import Question
from guidance.sentences import BlockKind, content_stems, quotable_blocks
from guidance.slots import NO_FACTS, FilledSlot, TicketFacts, fill_from, with_braces
from guidance.voice import Voice, avoided_words, begins, ends, is_allowed_link, links, unfilled_slots

MAX_PASSAGES = 3
MAX_UNITS = 4
"""A unit is a sentence, or a whole list: half a list of steps is a wrong instruction."""

MAX_UNITS_EACH = 2
"""For each of several questions."""

MAX_STEPS = 12
MAX_QUESTION_CHARS = 4_000

OVERLAP_WEIGHT, PASSAGE_WEIGHT, POSITION_WEIGHT, TITLE_WEIGHT = 1.0, 0.35, 0.15, 0.2
KEEP_SHARE = 0.6
"""A further unit must reach this share of the best one's score."""

OTHER_PASSAGE_LIKENESS = 0.5
"""A sentence outside the first passage and the best sentence's must answer by its own words."""

SAID_SHARE = 0.6
"""A question that was not searched for is answered by a sentence with this share of its words, or not at all."""

SHORT_PASSAGE_UNITS = 2
"""An FAQ entry this short is one answer and is quoted whole."""

DUPLICATE_SHARE = 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class CitedPassage:
    """A passage shown beside a ticket; `rank` counts from 1, a higher `score` is better."""

    rank: int
    passage_id: str
    article_id: str
    article_title: str
    section_path: tuple[str, ...]
    text: str
    score: float
    page: int | None = None
    """Where it begins in a paged file, from 1."""

    language: str | None = None
    """As two letters; None where nobody can tell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftSentence:
    """One sentence of a draft; the greeting and the sign-off come from the voice and have no passage."""

    text: str
    passage_rank: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedQuestion:
    """One of several questions and the passages that its own search trusts, best first; None: it had no search."""

    question: Question
    ranks: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionCoverage:
    """What of a draft answers one question: the passages its sentences come from; none means not answered."""

    question: str
    ranks: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A reply ready to be edited: whole text, its sentences in order, and the slots a person must still
    fill. `coverage` is told of several questions alone."""

    text: str
    sentences: tuple[DraftSentence, ...]
    slots: tuple[str, ...]
    coverage: tuple[QuestionCoverage, ...] = ()
    filled: tuple[FilledSlot, ...] = ()


class SentenceScorer(Protocol):
    """Says how well sentences answer a question.

    `scores` returns one number from 0 to 1 per sentence, in the same order, the same for the same input.
    """

    def scores(self, question: str, sentences: Sequence[str]) -> Sequence[float]: ...


class WordOverlap:
    """The default scorer: which share of the question's words a sentence holds; a word in few sentences
    weighs more."""

    def scores(self, question: str, sentences: Sequence[str]) -> Sequence[float]:
        """As `SentenceScorer.scores`."""
        asked = content_stems(question)
        held = [content_stems(sentence) & asked for sentence in sentences]
        weight = {word: 1 / (1 + sum(word in words for words in held)) for word in asked}
        total = sum(value for word, value in weight.items() if any(word in words for words in held))
        return [sum(weight[word] for word in words) / total if total else 0.0 for words in held]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Unit:
    passage: CitedPassage
    position: int
    lines: tuple[str, ...]
    kind: BlockKind

    @property
    def text(self) -> str:
        return ("\n" if self.kind is BlockKind.STEPS else " ").join(self.lines)


def compose(
    *,
    question: str,
    passages: Sequence[CitedPassage],
    voice: Voice,
    customer_name: str | None = None,
    scorer: SentenceScorer | None = None,
    questions: Sequence[AskedQuestion] = (),
    facts: TicketFacts = NO_FACTS,
) -> Draft | None:
    """A draft from the best sentences of the passages, or None when none of them may be quoted in this voice.

    It is in one language: that in which most of several questions are answered, else that of the best passage.
    Several `questions` are answered one after another, each from the passages that it trusts; when none of them can
    be answered by itself, and for one alone, the whole `question` is answered from the first three passages.
    Slots in what is quoted are filled with `facts` of the ticket, and with what the passage itself says once.
    A sentence with a word to avoid, a link off the voice's domains, or a question is never quoted.
    """
    ranked = sorted(passages, key=lambda passage: passage.rank)
    units = [unit for passage in ranked for unit in _units(passage, voice)]
    scorer, most = scorer or WordOverlap(), voice.most_sentences
    bodies = [
        _body(ranked, units, language, question, questions, scorer, most) for language in _languages(ranked)
    ]
    # Of equally many answers the first: its best passage ranks before the others'.
    best = max(bodies, key=lambda body: (sum(map(bool, body.each)), bool(body.parts)))
    if not best.parts:
        return None
    coverage = tuple(_coverage(*pair) for pair in zip(questions, best.each, strict=True))
    return _assemble(begins(voice, customer_name), best.parts, ends(voice), coverage, facts)


# --- in one language ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Body:
    """What is quoted, part by part, and which of it answers `each` of several questions."""

    parts: list[list[_Unit]]
    each: list[list[_Unit]]


def _languages(passages: Sequence[CitedPassage]) -> list[str | None]:
    """Those of the passages, the best one's first; None, which is any, where there are no two."""
    known = list(dict.fromkeys(passage.language for passage in passages if passage.language))
    return [*known] if len(known) > 1 else [None]


def _body(
    ranked: list[CitedPassage],
    units: list[_Unit],
    language: str | None,
    question: str,
    questions: Sequence[AskedQuestion],
    scorer: SentenceScorer,
    most: int,
) -> _Body:
    each = _within([_choose_for(asked, units, language, scorer) for asked in questions], most)
    if any(each):
        return _Body(parts=_once(each), each=each)
    first = [passage for passage in ranked if _is_in(passage, language)][:MAX_PASSAGES]
    able = _distinct([unit for unit in units if unit.passage in first])
    if not able:
        return _Body(parts=[], each=each)
    chosen = _choose(able, question[-MAX_QUESTION_CHARS:], scorer, min(MAX_UNITS, most or MAX_UNITS))
    return _Body(parts=[chosen], each=each)


def _is_in(passage: CitedPassage, language: str | None) -> bool:
    """Whether it may be; either is unknown where it is None."""
    return language is None or passage.language in (None, language)


# --- what may be quoted -------------------------------------------------------------------------------------


def _units(passage: CitedPassage, voice: Voice) -> Iterator[_Unit]:
    headings = {_bare(heading) for heading in (passage.article_title, *passage.section_path)}
    position = 0
    for block in quotable_blocks(with_braces(passage.text)):
        whole = block.kind is BlockKind.STEPS
        for lines in [block.sentences] if whole else [(sentence,) for sentence in block.sentences]:
            if _may_be_quoted(lines, voice) and _bare(lines[0]) not in headings:
                yield _Unit(passage=passage, position=position, lines=lines, kind=block.kind)
            position += 1


def _may_be_quoted(lines: tuple[str, ...], voice: Voice) -> bool:
    text = "\n".join(lines)
    return (
        len(lines) <= MAX_STEPS
        and not (len(lines) == 1 and (text.endswith(("?", ":")) or _POINTS_ELSEWHERE.search(text)))
        and not avoided_words(text, voice.words_to_avoid)
        and all(is_allowed_link(link.value, voice.allowed_link_domains) for link in links(text))
    )


# Sentences about the article, or about a picture that is not in the reply, answer nobody.
_POINTS_ELSEWHERE = re.compile(
    r"^(?:learn (?:how|about|more|what)|in this (?:article|guide|section)|see also|read more"
    r"|follow these steps|this (?:article|guide|page|section)\b)"
    r"|\b(?:table|image|picture|screenshot|figure|diagram|list|video) (?:below|above)\b"
    r"|\b(?:shown|listed|described) (?:below|above)\b",
    re.IGNORECASE,
)


def _bare(text: str) -> str:
    return text.casefold().strip(" .:#>?!")


def _distinct(units: list[_Unit]) -> list[_Unit]:
    """Without units that say what an earlier one says: passages of one article overlap."""
    kept: list[_Unit] = []
    for unit in units:
        if not any(_same(unit, other) for other in kept):
            kept.append(unit)
    return kept


def _same(unit: _Unit, other: _Unit) -> bool:
    if _bare(unit.text) == _bare(other.text):
        return True
    words, others = set(_bare(unit.text).split()), set(_bare(other.text).split())
    figures = {word for word in words ^ others if any(character.isdigit() for character in word)}
    return not figures and len(words & others) >= DUPLICATE_SHARE * len(words | others)


# --- what answers -------------------------------------------------------------------------------------------


def _choose_for(
    asked: AskedQuestion, units: list[_Unit], language: str | None, scorer: SentenceScorer
) -> list[_Unit]:
    """What answers one of several questions; nothing where no passage is trusted with it, or the one that is is in
    another language."""
    if asked.ranks is None:
        stems = content_stems(asked.question.text)
        trusted = [unit for unit in units if _says(unit, stems)]
    else:
        by_passage = ([unit for unit in units if unit.passage.rank == rank] for rank in asked.ranks)
        trusted = next(filter(None, by_passage), [])
    able = _distinct([unit for unit in trusted if _is_in(unit.passage, language)])
    return _choose(able, asked.question.meant, scorer, MAX_UNITS_EACH) if able else []


def _says(unit: _Unit, asked: frozenset[str]) -> bool:
    said = content_stems(" ".join((unit.passage.article_title, *unit.passage.section_path, unit.text)))
    return len(said & asked) >= SAID_SHARE * len(asked)


def _coverage(asked: AskedQuestion, chosen: list[_Unit]) -> QuestionCoverage:
    ranks = dict.fromkeys(unit.passage.rank for unit in chosen)
    return QuestionCoverage(question=asked.question.text, ranks=tuple(ranks))


def _within(each: list[list[_Unit]], most: int) -> list[list[_Unit]]:
    """At most so many units in all, the first of each question before the second of any; 0 sets no limit."""
    if not most:
        return each
    turns = sorted((turn, at) for at, units in enumerate(each) for turn in range(len(units)))
    kept = set(turns[:most])
    return [[unit for turn, unit in enumerate(units) if (turn, at) in kept] for at, units in enumerate(each)]


def _once(each: list[list[_Unit]]) -> list[list[_Unit]]:
    """A sentence that answers two questions stands with the first of them."""
    kept: list[list[_Unit]] = []
    for chosen in each:
        said = [unit for part in kept for unit in part]
        kept.append([unit for unit in chosen if not any(_same(unit, other) for other in said)])
    return [part for part in kept if part]


def _choose(units: list[_Unit], question: str, scorer: SentenceScorer, most: int) -> list[_Unit]:
    """The best units in their original order; `units` is not empty."""
    scores = _scores(units, question, scorer)
    order = sorted(range(len(units)), key=lambda at: (-scores[at].total, at))
    enough = KEEP_SHARE * scores[order[0]].total
    trusted = {units[order[0]].passage.rank, units[0].passage.rank}
    chosen: set[int] = set()
    for at in order:
        answers = units[at].passage.rank in trusted or scores[at].likeness >= OTHER_PASSAGE_LIKENESS
        together = _needed_with(at, units)
        if answers and scores[at].total >= enough and len(chosen | together) <= most:
            chosen |= together
    return [units[at] for at in sorted(chosen)]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Score:
    likeness: float
    total: float


def _scores(units: list[_Unit], question: str, scorer: SentenceScorer) -> list[_Score]:
    likenesses = scorer.scores(question, [unit.text for unit in units])
    asked = content_stems(question)
    top = max(unit.passage.score for unit in units)
    return [
        _Score(likeness=likeness, total=OVERLAP_WEIGHT * likeness + _prior(unit, asked, top))
        for unit, likeness in zip(units, likenesses, strict=True)
    ]


def _prior(unit: _Unit, asked: frozenset[str], top: float) -> float:
    """What speaks for a unit before its words are read: its passage, its place in it, its article's title."""
    return (
        PASSAGE_WEIGHT * _passage_share(unit.passage, top) / unit.passage.rank
        + POSITION_WEIGHT / (1 + unit.position)
        + TITLE_WEIGHT * _title_share(unit.passage, asked)
    )


def _passage_share(passage: CitedPassage, top: float) -> float:
    return min(1.0, max(0.0, passage.score / top)) if top > 0 else 1.0


def _title_share(passage: CitedPassage, asked: frozenset[str]) -> float:
    title = content_stems(" ".join((passage.article_title, *passage.section_path)))
    return len(title & asked) / len(title) if title else 0.0


_LEANS_BACK = re.compile(
    r"(?:this|that|these|those|it|its|they|he|she|however|otherwise|but|then|also|instead|therefore|so|if so"
    r"|because of (?:this|that)|in that case|after that|afterwards|note that this)\b",
    re.IGNORECASE,
)


def _needed_with(at: int, units: list[_Unit]) -> set[int]:
    """The unit, with the sentence before it when it leans on that one, or with the rest of a short FAQ
    entry."""
    unit = units[at]
    siblings = {i for i, other in enumerate(units) if other.passage is unit.passage}
    if len(siblings) <= SHORT_PASSAGE_UNITS:
        return siblings
    before = {i for i in siblings if units[i].position == unit.position - 1}
    return {at} | before if _LEANS_BACK.match(unit.text) else {at}


# --- the letter ---------------------------------------------------------------------------------------------


def _assemble(
    greeting: str,
    parts: list[list[_Unit]],
    sign_off: str,
    coverage: tuple[QuestionCoverage, ...],
    facts: TicketFacts,
) -> Draft:
    filled: list[FilledSlot] = []
    parts = [[_filled(unit, facts, filled) for unit in part] for part in parts]
    body = [
        DraftSentence(text=line, passage_rank=unit.passage.rank)
        for part in parts
        for unit in part
        for line in unit.lines
    ]
    paragraphs = [
        _paragraph(list(units))
        for part in parts
        for _, units in groupby(part, key=lambda unit: unit.passage.rank)
    ]
    text = "\n\n".join(part for part in (greeting, *paragraphs, sign_off) if part)
    frame = [DraftSentence(text=part, passage_rank=None) for part in (greeting, sign_off)]
    return Draft(
        text=text,
        sentences=tuple(sentence for sentence in (frame[0], *body, frame[1]) if sentence.text),
        slots=tuple(dict.fromkeys(slot.value for slot in unfilled_slots(text))),
        coverage=coverage,
        filled=tuple(dict.fromkeys(filled)),
    )


def _filled(unit: _Unit, facts: TicketFacts, filled: list[FilledSlot]) -> _Unit:
    lines = []
    for line in unit.lines:
        text, found = fill_from(line, facts=facts, passage=unit.passage.text, rank=unit.passage.rank)
        lines.append(text)
        filled += found
    return replace(unit, lines=tuple(lines))


def _paragraph(units: list[_Unit]) -> str:
    text = units[0].text
    for before, unit in pairwise(units):
        both_prose = before.kind is unit.kind is BlockKind.PROSE
        text += (" " if both_prose else "\n\n") + unit.text
    return text
