"""An optional generator words a reply anew: what it is asked, and what of its words may stand.

It is believed nothing. It sees the passages that the quoted draft rests on and a question without personal data; its
text stands only where every sentence rests on one of those passages, and where nothing that the check of replies
looks for is found. Greeting, sign-off and slots are ours. Whatever a ticket or an article tells it to do, its words
go through the same judge.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from types import MappingProxyType
from typing import Protocol

from guidance.draft import CitedPassage, Draft, DraftSentence, QuestionCoverage
from guidance.findings import FindingKind
from guidance.grounds import grounds_of
from guidance.lint import lint
from guidance.lint_policy import USUAL, Level, LintPolicy
from guidance.receipts import supported_sentences
from guidance.sentences import BlockKind, quotable_blocks, sentence_spans
from guidance.slots import FilledSlot, TicketFacts, fill_from, with_braces
from guidance.voice import Voice, begins, ends, unfilled_slots
from marketplace.kernel.errors import Unavailable

MAX_BODY_CHARS = 3_000
MOST_SENTENCES = 15
_ALL_BLOCK: Mapping[FindingKind, Level] = MappingProxyType(dict.fromkeys(USUAL, Level.BLOCK))
STRICT = LintPolicy(_ALL_BLOCK)
"""A person may send what the check warns of; a machine may not, whatever its brand chose."""


class GeneratorFailed(Unavailable):
    """The generator gave no answer that can be used."""


class NotGrounded(Exception):
    """What the generator wrote may not stand; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WordingRequest:
    """What a generator is told: the masked `question` and its parts, the `passages` it may use, and how the brand
    sounds. All of the question and the passages is data."""

    question: str
    questions: tuple[str, ...]
    passages: tuple[CitedPassage, ...]
    voice: Voice


class Generator(Protocol):
    """Writes the body of a reply, without greeting and sign-off. `name` is shown with what it wrote."""

    @property
    def name(self) -> str: ...

    def write(self, request: WordingRequest) -> str:
        """Raises GeneratorFailed; gives up after a bounded time."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Quoted:
    """The quoted draft that is to be worded anew, with what it was made from."""

    draft: Draft
    passages: tuple[CitedPassage, ...]
    voice: Voice
    customer_name: str | None
    facts: TicketFacts
    customer: tuple[str, ...]
    """What the customer wrote, and their e-mail address: none of it may be echoed."""

    @property
    def sources(self) -> tuple[CitedPassage, ...]:
        """The passages the quoted draft rests on, their slots in braces: no others are shown to a generator."""
        ranks = {sentence.passage_rank for sentence in self.draft.sentences}
        return tuple(replace(one, text=with_braces(one.text)) for one in self.passages if one.rank in ranks)


def worded(body: str, quoted: Quoted) -> Draft:
    """The draft with `body` between the voice's own beginning and end. Raises NotGrounded."""
    body = body.strip()
    sources = quoted.sources
    _judge_size(body, quoted.voice)
    _judge_findings(body, sources, quoted)
    ranks = [_source(one.sentence, sources) for one in sentence_spans(body)]
    _judge_lists(body, sources)
    coverage = tuple(_covered(one, set(ranks)) for one in quoted.draft.coverage)
    return _assembled(body, ranks, coverage, sources, quoted)


# --- what may stand -----------------------------------------------------------------------------------------


def _judge_size(body: str, voice: Voice) -> None:
    if not body:
        raise NotGrounded("It wrote nothing.")
    if len(body) > MAX_BODY_CHARS:
        raise NotGrounded(f"It wrote {len(body)} characters; {MAX_BODY_CHARS} is the most.")
    most = voice.most_sentences or MOST_SENTENCES
    if (count := sum(1 for _ in sentence_spans(body))) > most:
        raise NotGrounded(f"It wrote {count} sentences; {most} is the most.")


def _judge_findings(body: str, sources: Sequence[CitedPassage], quoted: Quoted) -> None:
    known_slots = {slot.value for source in sources for slot in unfilled_slots(source.text)}
    for finding in lint(body, quoted.voice, sources, policy=STRICT, customer=quoted.customer):
        is_open_slot = finding.kind is FindingKind.UNFILLED_SLOT
        if not (is_open_slot and body[finding.start : finding.end].strip("{}[] ") in known_slots):
            raise NotGrounded(finding.message)


def _source(sentence: str, sources: Sequence[CitedPassage]) -> int:
    """The passage a sentence rests on, word for word or in other words; each needs one, courtesies too."""
    for source in sources:
        grounds = grounds_of([source])
        is_quoted = all(one.passage_rank is not None for one in supported_sentences(sentence, [source]))
        if grounds.hold(sentence) or (is_quoted and not grounds.drop_condition(sentence)):
            return source.rank
    raise NotGrounded(f"“{sentence}” rests on no passage.")


def _judge_lists(body: str, sources: Sequence[CitedPassage]) -> None:
    """Half a list of steps, or its steps in another order, is a wrong instruction."""
    written = [span.sentence for span in sentence_spans(body)]
    for source in sources:
        for lines in _lists(source):
            places = [_place(line, written) for line in lines]
            told = [place for place in places if place is not None]
            if told and (len(told) < len(lines) or any(after < before for before, after in pairwise(told))):
                raise NotGrounded("It left out steps of a list, or changed their order.")


def _lists(source: CitedPassage) -> Iterator[list[str]]:
    for block in quotable_blocks(source.text):
        if block.kind is BlockKind.STEPS:
            yield [line for line in block.sentences if not line.endswith(":")]


def _place(line: str, written: Sequence[str]) -> int | None:
    """Which sentence says this step."""
    step = CitedPassage(
        rank=1, passage_id="", article_id="", article_title="", section_path=(), text=line, score=0.0
    )
    says = (
        at
        for at, sentence in enumerate(written)
        if any(one.passage_rank for one in supported_sentences(sentence, [step]))
        or grounds_of([step]).hold(sentence)
    )
    return next(says, None)


def _covered(one: QuestionCoverage, ranks: set[int]) -> QuestionCoverage:
    """What the quoted draft answers, this one answers too."""
    kept = tuple(rank for rank in one.ranks if rank in ranks)
    if one.ranks and not kept:
        raise NotGrounded(f"It does not answer “{one.question}”.")
    return replace(one, ranks=kept)


# --- the letter ---------------------------------------------------------------------------------------------


def _assembled(
    body: str,
    ranks: Sequence[int],
    coverage: tuple[QuestionCoverage, ...],
    sources: Sequence[CitedPassage],
    quoted: Quoted,
) -> Draft:
    by_rank = {source.rank: source for source in sources}
    pieces: list[str] = []
    sentences: list[DraftSentence] = []
    filled: list[FilledSlot] = []
    at = 0
    for span, rank in zip(sentence_spans(body), ranks, strict=True):
        written = body[span.start : span.end]
        text, found = fill_from(written, facts=quoted.facts, passage=by_rank[rank].text, rank=rank)
        pieces += [body[at : span.start], text]
        sentences.append(DraftSentence(text=text, passage_rank=rank))
        filled += found
        at = span.end
    greeting, sign_off = begins(quoted.voice, quoted.customer_name), ends(quoted.voice)
    text = "\n\n".join(part for part in (greeting, "".join((*pieces, body[at:])), sign_off) if part)
    frame = [DraftSentence(text=part, passage_rank=None) for part in (greeting, sign_off)]
    return Draft(
        text=text,
        sentences=tuple(one for one in (frame[0], *sentences, frame[1]) if one.text),
        slots=tuple(dict.fromkeys(slot.value for slot in unfilled_slots(text))),
        coverage=coverage,
        filled=tuple(dict.fromkeys(filled)),
    )
