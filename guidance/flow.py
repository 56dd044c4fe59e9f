"""A flow: a brand's own tree of questions that leads to an outcome, and what a walk through it says.

What is answered is data: it fills the slots of the outcome once, and is never read for slots itself.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from guidance.voice import Voice, greet
from marketplace.kernel.errors import Invalid

MAX_ANSWERS = 50
MAX_TEXT_ANSWER_CHARS = 300
EARLIEST_YEAR, LATEST_YEAR = 2000, 2099


class AnswerKind(StrEnum):
    """What an answer to a question looks like."""

    CHOICE = "choice"
    TEXT = "text"
    NUMBER = "number"
    DATE = "date"
    ORDER_ID = "order_id"


class Ending(StrEnum):
    """What a walk ends in: a reply that answers, the brand's own people, or a question back."""

    ANSWER = "answer"
    ESCALATE = "escalate"
    ASK_CUSTOMER = "ask_customer"


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowChoice:
    label: str
    next: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """Where a number, or a date's age in days, of at most `up_to` leads."""

    up_to: Decimal
    next: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A question; its answer fills the slot of the same key. `next` is empty where the choices say it."""

    key: str
    question: str
    kind: AnswerKind
    choices: tuple[FlowChoice, ...] = ()
    branches: tuple[Branch, ...] = ()
    next: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Say:
    """Something the worker should know or do before going on; never sent."""

    key: str
    text: str
    next: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Where a walk ends. `draft` is the body of a reply, `note` what an escalation tells the brand."""

    key: str
    ending: Ending
    draft: str = ""
    note: str = ""


Step = Ask | Say | Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """Steps by their keys; fit to be walked when `flow_source.read_flow` made it."""

    key: str
    name: str
    about: str
    start: str
    steps: Mapping[str, Step]


class BadAnswer(Invalid):
    """That is no answer to this question."""

    def __init__(self, step: str, detail: str) -> None:
        super().__init__(detail)
        self.step = step


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """One question of a walk with its answer as it is understood, and what was said before it."""

    step: str
    question: str
    answer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """How far answers lead: `asks` the next question, or `outcome`, never both. `said` stands before it."""

    path: tuple[str, ...]
    answered: tuple[Answered, ...]
    said: tuple[str, ...]
    asks: Ask | None
    outcome: Outcome | None

    @property
    def slots(self) -> Mapping[str, str]:
        """The newest answer of each step."""
        return {one.step: one.answer for one in self.answered}

    @property
    def draft(self) -> str:
        """The outcome's text with its slots filled; one without an answer stays, and blocks sending."""
        return fill(self.outcome.draft, self.slots) if self.outcome else ""

    @property
    def note(self) -> str:
        return fill(self.outcome.note, self.slots) if self.outcome else ""


def walk(flow: Flow, answers: Sequence[str], *, today: date) -> Walk:
    """Follow `answers`, in the order asked, from the start. Raises BadAnswer, also for one too many."""
    path, answered, said = [flow.start], list[Answered](), list[str]()
    waiting = list(answers)
    while True:
        step = flow.steps[path[-1]]
        match step:
            case Outcome():
                if waiting:
                    raise BadAnswer(step.key, f"The flow is over; “{waiting[0][:40]}” answers no question.")
                return _walk(path, answered, said, outcome=step)
            case Say():
                said.append(fill(step.text, {one.step: one.answer for one in answered}))
                path.append(step.next)
            case Ask():
                if not waiting:
                    return _walk(path, answered, said, asks=step)
                if len(answered) == MAX_ANSWERS:
                    raise BadAnswer(step.key, f"A walk has at most {MAX_ANSWERS} answers. Begin anew.")
                answer, following = _understood(step, waiting.pop(0), today)
                answered.append(Answered(step=step.key, question=step.question, answer=answer))
                said.clear()
                path.append(following)


def flow_reply(walked: Walk, voice: Voice, customer_name: str | None) -> str:
    """The outcome's draft as a whole reply in the brand's voice; empty without one."""
    if not walked.draft:
        return ""
    return "\n\n".join(
        part for part in (greet(voice, customer_name), walked.draft, voice.sign_off.strip()) if part
    )


def fill(text: str, slots: Mapping[str, str]) -> str:
    """`text` with its slots filled, in one pass: what an answer holds is not looked into."""
    return SLOT.sub(lambda found: slots.get(found[1], found[0]), text)


SLOT = re.compile(r"(?<!\{)\{([a-z][a-z0-9_]*)\}(?!\})")


def _walk(
    path: list[str],
    answered: list[Answered],
    said: list[str],
    *,
    asks: Ask | None = None,
    outcome: Outcome | None = None,
) -> Walk:
    return Walk(path=tuple(path), answered=tuple(answered), said=tuple(said), asks=asks, outcome=outcome)


# --- answers ------------------------------------------------------------------------------------------------


def _understood(step: Ask, given: str, today: date) -> tuple[str, str]:
    """The answer as it fills a slot, and the step it leads to. Raises BadAnswer."""
    plain = _UNSEEN.sub(" ", given).strip()
    match step.kind:
        case AnswerKind.CHOICE:
            chosen = _choice(step, plain)
            return chosen.label, chosen.next
        case AnswerKind.TEXT:
            if not 0 < len(plain) <= MAX_TEXT_ANSWER_CHARS:
                raise BadAnswer(step.key, f"Answer with 1 to {MAX_TEXT_ANSWER_CHARS} characters.")
            return plain, step.next
        case AnswerKind.NUMBER:
            if not _NUMBER.fullmatch(plain):
                raise BadAnswer(step.key, "Answer with a number in digits, such as 30 or 12.50.")
            return plain, _branch(step, Decimal(plain.replace(",", ".")))
        case AnswerKind.DATE:
            day = _date(step, plain)
            return day.isoformat(), _branch(step, Decimal((today - day).days))
        case AnswerKind.ORDER_ID:
            if not _ORDER_ID.fullmatch(plain):
                raise BadAnswer(
                    step.key, "An order id has letters, digits and dashes, with one digit at least."
                )
            return plain.removeprefix("#"), step.next


def _choice(step: Ask, given: str) -> FlowChoice:
    found = next((one for one in step.choices if one.label.casefold() == given.casefold()), None)
    if found is None:
        labels = ", ".join(f"“{one.label}”" for one in step.choices)
        raise BadAnswer(step.key, f"Choose one of {labels}.")
    return found


def _date(step: Ask, given: str) -> date:
    try:
        day = date.fromisoformat(given)
    except ValueError:
        day = None
    if day is None or not EARLIEST_YEAR <= day.year <= LATEST_YEAR:
        raise BadAnswer(step.key, "Answer with a date such as 2026-11-30.")
    return day


def _branch(step: Ask, value: Decimal) -> str:
    return next((one.next for one in step.branches if value <= one.up_to), step.next)


# Line ends, controls, and marks that turn the direction of what follows.
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\u200e\u200f\u061c\ufeff]+")
_NUMBER = re.compile(r"[0-9]{1,12}(?:[.,][0-9]{1,6})?")
_ORDER_ID = re.compile(r"#?(?=[A-Za-z-]*[0-9])[A-Za-z0-9](?:[A-Za-z0-9-]{0,38}[A-Za-z0-9])?")
