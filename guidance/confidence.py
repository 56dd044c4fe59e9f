"""How likely it is that the passages found hold the answer, and what a worker does when they do not.

One logistic over five signals of the search; where a brand's resolved tickets are heard, one of its own over that
and what they say (`calibration`). Its meaning: of suggestions shown at 0.7, about seven in ten have the right
article among their three passages, when answerable and unanswerable questions are equally common.

Fitted on HINT3 (three brands' real messages, with real out-of-scope ones), DSTC11 FAQ (the last customer turn
against its own entity's entries, with and without the right ones) and a help centre (titles against bodies,
with and without the right article, and other brands' questions); each set and class weighs the same. With
each set left out of the fit in turn, AUROC of plain cosine → this model:

    HINT3 curekart .864 → .891   sofmattress .875 → .866   powerplay11 .817 → .822
    DSTC11 .758 → .786           help centre .902 → .904   all five pooled, fitted: .830 → .853

On left-out sets the stated confidence was off by 0.04 on average (expected calibration error). sofmattress is
the one set where cosine alone was a little better.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from knowledge_base.index.evidence import Evidence

INTERCEPT = -4.8
COSINE_WEIGHT = 5.4
MARGIN_WEIGHT = 5.4
LEXICAL_WEIGHT = 1.5
AGREEMENT_WEIGHT = 0.5
WORDS_WEIGHT = 0.4
"""Per unit of log(1 + words): one word says little about what is meant."""

MARGIN_CAP = 0.3
"""A lead beyond this says no more; in a small knowledge base it is common."""

WORDS_CAP = 40
LEXICAL_PER_WORD = 3.0
"""BM25 (k1 1.5, b 0.75) per query word at which the words count as found; about a rare word in every
second place."""

DEFAULT_THRESHOLD = 0.5
"""On the left-out sets: 36 % (DSTC11) to 90 % of answerable questions were answered, 88 to 97 % of those
with the right article, and 4 % (DSTC11) to 28 % of unanswerable ones; a cosine of 0.5 answers 18 to 45 %
of those."""

MOST_LOGIT = 30.0
FAR_COSINE = 0.35
"""Below it the nearest passage is about something else: other brands' questions average 0.35."""

SHORT_QUESTION_WORDS = 3
CLOSE_MARGIN = 0.03
"""Articles nearer to each other than this cannot be told apart by the question."""


class Reason(StrEnum):
    """Why a suggestion is shown, or why not."""

    GROUNDED = "grounded"
    NOTHING_FOUND = "nothing_found"
    OFF_TOPIC = "off_topic"
    TOO_SHORT = "too_short"
    AMBIGUOUS = "ambiguous"
    WEAK = "weak"
    FAILING = "failing"
    """Found, but its answers have gone badly: shown with that said, or not offered (`article_outcomes`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signals:
    """What the search says about its own result.

    Measured with the customer's last message; with a whole conversation a missing answer hides behind the
    rest of it (AUROC .58 against .72 on DSTC11).
    """

    top_dense_cosine: float
    """Cosine of the message and its nearest passage; 0 when nothing was found."""
    margin: float
    """That cosine less the best cosine of any *other* article, ≥ 0; the cosine itself when there is none."""
    lexical_top_normalised: float
    """`normalised_lexical` of the highest BM25 score, 0 to 1."""
    agreement: bool
    """Whether the dense and the lexical search put a passage of the same article on top."""
    query_words: int
    """Words of the message, stop words included."""

    def __post_init__(self) -> None:
        numbers = (self.top_dense_cosine, self.margin, self.lexical_top_normalised)
        if not all(map(math.isfinite, numbers)):
            raise ValueError(f"signals must be finite numbers, not {numbers}")
        if self.query_words < 0 or not 0 <= self.lexical_top_normalised <= 1:
            raise ValueError("query_words must not be negative and lexical_top_normalised must be 0 to 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketSignals:
    """What the brand's resolved tickets say: the `highest` score of their vote, and the cosine of the `nearest`."""

    highest: float
    nearest: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """How one brand's questions are read: weights of the search's logit and of its resolved tickets, none negative.

    Fitted by `guidance.calibration` on the brand's own tickets.
    """

    intercept: float
    knowledge: float
    highest: float
    nearest: float

    def logit(self, knowledge: float, tickets: TicketSignals) -> float:
        logit = (
            self.intercept
            + self.knowledge * knowledge
            + self.highest * tickets.highest
            + self.nearest * tickets.nearest
        )
        return max(-MOST_LOGIT, min(MOST_LOGIT, logit))


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """Whether to show a suggestion; `confidence` is 0 to 1, `next_step` is what the worker reads when it
    is not shown."""

    confidence: float
    answer: bool
    reason: Reason
    next_step: str


def assess(
    signals: Signals,
    *,
    threshold: float = DEFAULT_THRESHOLD,
    tickets: TicketSignals | None = None,
    calibration: Calibration | None = None,
    candidates: tuple[str, ...] = (),
    escalate_to: str = "the brand's team",
) -> Assessment:
    """Decide between answering and silence. `candidates` are the article titles found, best first, for the
    next step's words."""
    if signals.top_dense_cosine <= 0 and signals.lexical_top_normalised == 0:
        return _silence(0.0, Reason.NOTHING_FOUND, candidates, escalate_to)
    confidence = _confidence(signals, tickets, calibration)
    if confidence >= threshold:
        step = "Check the passages against the question, then send."
        return Assessment(confidence=confidence, answer=True, reason=Reason.GROUNDED, next_step=step)
    return _silence(confidence, _why_silent(signals), candidates, escalate_to)


def signals_of(evidence: Evidence) -> Signals:
    """The signals of a search, from its raw figures."""
    return Signals(
        top_dense_cosine=evidence.top_cosine,
        margin=evidence.margin,
        lexical_top_normalised=normalised_lexical(evidence.lexical_top, evidence.query_words),
        agreement=evidence.agreement,
        query_words=evidence.query_words,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """From which confidence on a suggestion is shown, and how that is read for one question of one brand."""

    threshold: float
    tickets: TicketSignals | None = None
    calibration: Calibration | None = None

    def judge(self, evidence: Evidence, titles: Sequence[str]) -> Assessment:
        """As `assess`; `titles` are of the articles found, best first."""
        return assess(
            signals_of(evidence),
            threshold=self.threshold,
            tickets=self.tickets,
            calibration=self.calibration,
            candidates=tuple(titles),
        )


def normalised_lexical(bm25_top: float, query_words: int) -> float:
    """The highest BM25 score as a share, 0 to 1, of what a well-matched question of this many words
    reaches."""
    return min(1.0, max(0.0, bm25_top) / (LEXICAL_PER_WORD * max(1, query_words)))


def _confidence(signals: Signals, tickets: TicketSignals | None, calibration: Calibration | None) -> float:
    """The brand's own reading where it has one and its tickets are heard, else that of all brands."""
    knowledge = knowledge_logit(signals)
    if tickets is None or calibration is None:
        return probability(knowledge)
    return probability(calibration.logit(knowledge, tickets))


def knowledge_logit(signals: Signals) -> float:
    """What the search alone says, for every brand alike."""
    return (
        INTERCEPT
        + COSINE_WEIGHT * signals.top_dense_cosine
        + MARGIN_WEIGHT * min(max(signals.margin, 0.0), MARGIN_CAP)
        + LEXICAL_WEIGHT * signals.lexical_top_normalised
        + AGREEMENT_WEIGHT * signals.agreement
        + WORDS_WEIGHT * math.log1p(min(signals.query_words, WORDS_CAP))
    )


def probability(logit: float) -> float:
    return 1 / (1 + math.exp(-logit))


def _why_silent(signals: Signals) -> Reason:
    if signals.query_words <= SHORT_QUESTION_WORDS:
        return Reason.TOO_SHORT
    if signals.top_dense_cosine < FAR_COSINE:
        return Reason.OFF_TOPIC
    if signals.margin < CLOSE_MARGIN:
        return Reason.AMBIGUOUS
    return Reason.WEAK


def _silence(confidence: float, reason: Reason, candidates: tuple[str, ...], escalate_to: str) -> Assessment:
    step = _next_step(reason, candidates, escalate_to)
    return Assessment(confidence=confidence, answer=False, reason=reason, next_step=step)


def _next_step(reason: Reason, candidates: tuple[str, ...], escalate_to: str) -> str:
    if reason is Reason.TOO_SHORT:
        return "Ask the customer which product or order this is about: the message is too short to match."
    if reason is Reason.AMBIGUOUS and len(set(candidates)) > 1:
        first, second = list(dict.fromkeys(candidates))[:2]
        return f"If it is about “{first}” or “{second}”, ask the customer which; if neither, escalate to {escalate_to}."
    if reason is Reason.AMBIGUOUS:
        return "Ask the customer which product or step is meant: several articles fit equally well."
    if reason is Reason.WEAK:
        return f"Read the passages; if none answers the question, escalate to {escalate_to}."
    return f"Escalate to {escalate_to}: the knowledge base has nothing on this question."
