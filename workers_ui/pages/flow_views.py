"""A walk through a flow in words and fields, for the desk and for the brand that tries it."""

from collections.abc import Sequence

from guidance.flow import MAX_TEXT_ANSWER_CHARS, AnswerKind, Ask, Ending, Outcome, Walk
from workers_ui.presenters.flows import FlowOutcome, FlowQuestion, FlowWalkView
from workers_ui.presenters.values import Badge, Tone

ENDINGS = {
    Ending.ANSWER: Badge(label="answers it", tone=Tone.GOOD),
    Ending.ESCALATE: Badge(label="goes to the brand", tone=Tone.WARN),
    Ending.ASK_CUSTOMER: Badge(label="asks the customer", tone=Tone.INFO),
}
FIELDS = {
    AnswerKind.TEXT: ("text", "text", ""),
    AnswerKind.NUMBER: ("text", "decimal", "In digits, such as 30 or 12.50."),
    AnswerKind.DATE: ("date", "text", ""),
    AnswerKind.ORDER_ID: ("text", "text", "As the customer wrote it."),
}


def walk_view(
    walked: Walk,
    *,
    key: str,
    name: str,
    version: int,
    answers: Sequence[str],
    draft: str,
    mark: str = "",
    typed: str = "",
    problem: str = "",
) -> FlowWalkView:
    """`draft` is what goes into a reply; `typed` and `problem` are of an answer that was refused."""
    return FlowWalkView(
        key=key,
        name=name,
        version=version,
        answers=tuple(answers),
        answered=tuple((one.question, one.answer) for one in walked.answered),
        said=walked.said,
        question=_question(walked.asks) if walked.asks else None,
        outcome=_outcome(walked.outcome, draft, walked.note, mark) if walked.outcome else None,
        typed=typed,
        problem=problem,
    )


def _question(ask: Ask) -> FlowQuestion:
    input_type, inputmode, hint = FIELDS.get(ask.kind, FIELDS[AnswerKind.TEXT])
    return FlowQuestion(
        text=ask.question,
        labels=tuple(one.label for one in ask.choices),
        input_type=input_type,
        inputmode=inputmode,
        hint=hint,
        maxlength=MAX_TEXT_ANSWER_CHARS,
    )


def _outcome(outcome: Outcome, draft: str, note: str, mark: str) -> FlowOutcome:
    return FlowOutcome(
        label=ENDINGS[outcome.ending],
        draft=draft,
        note=note,
        escalates=outcome.ending is Ending.ESCALATE,
        mark=mark,
    )
