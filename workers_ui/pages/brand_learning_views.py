"""What was learned from resolved tickets, in words."""

from collections.abc import Sequence
from typing import Any

from guidance.learning_models import GuidanceTuning, TuningCause
from guidance.learning_queries import TuningLine
from guidance.tuning import FEWEST_TICKETS, tuning_from
from guidance.wording import WordingRecord
from guidance.wording_models import WordingOutcome
from workers_ui.presenters.learning import FigureRow, VersionRow
from workers_ui.presenters.values import Badge, Tone

FIGURES = (
    (
        "hit_known",
        "Right first, known subject",
        "The first article was right; other tickets of it are known.",
    ),
    ("hit_new", "Right first, new subject", "The same, with every ticket of the article hidden."),
    ("ece", "Confidence is off by", "How far the stated confidence is from what came true; lower is better."),
    (
        "tells_outside",
        "Tells what is outside",
        "How often a question that your knowledge answers is trusted more than one that it does not.",
    ),
)
CAUSES = {
    TuningCause.LEARNED: Badge(label="learned", tone=Tone.GOOD),
    TuningCause.KEPT: Badge(label="nothing better found"),
    TuningCause.RETURNED: Badge(label="returned", tone=Tone.WARN),
    TuningCause.RELEASED: Badge(label="may learn again"),
}

WORDED_DAYS = 30
WORDED = {
    WordingOutcome.WORDED: "stood",
    WordingOutcome.REFUSED: "said what no passage says and were not shown",
    WordingOutcome.FAILED: "without an answer",
    WordingOutcome.TOO_LATE: "too late",
    WordingOutcome.ASKED: "not answered yet",
}


def worded(record: WordingRecord) -> str:
    """ "In 30 days a generator was asked 12 times: 9 stood, 2 were refused, 1 came too late."""
    asked = sum(record.counts.values())
    told = [f"{count} {WORDED[outcome]}" for outcome in WORDED if (count := record.counts.get(outcome, 0))]
    return f"In {WORDED_DAYS} days a generator was asked {asked:,} times: {', '.join(told)}." if asked else ""


def figure_rows(row: GuidanceTuning | None) -> tuple[FigureRow, ...]:
    if row is None or not row.figures:
        return ()
    before, after = row.figures["before"], row.figures["after"]
    return tuple(
        FigureRow(name=name, meaning=meaning, before=_share(before[key]), after=_share(after[key]))
        for key, name, meaning in FIGURES
    )


def version_rows(lines: Sequence[TuningLine]) -> tuple[VersionRow, ...]:
    used = lines[0].row.tuning if lines else None
    return tuple(
        VersionRow(
            number=line.row.version,
            cause=CAUSES[line.row.cause],
            told=_told(line.row.tuning),
            by=line.author or "",
            tickets=line.row.tickets,
            made_at=line.row.made_at,
            is_used=place == 0,
            can_return=line.row.tuning != used,
        )
        for place, line in enumerate(lines)
    )


def lead_of(row: GuidanceTuning | None) -> str:
    if row is None:
        return f"Nothing is learned yet: it begins with {FEWEST_TICKETS} resolved tickets that rest on your articles."
    match row.cause:
        case TuningCause.LEARNED:
            return f"Learned from {row.tickets:,} resolved tickets, and better than before on those held out."
        case TuningCause.KEPT:
            return (
                f"The last look at {row.tickets:,} resolved tickets found nothing better than what is used."
            )
        case TuningCause.RETURNED:
            return f"You returned to version {row.returned_to}; it stays until you let it learn again."
        case TuningCause.RELEASED:
            return "It learns again from the next look on."


def _told(stored: dict[str, Any]) -> str:
    tuning = tuning_from(stored)
    trust = "your own reading of confidence" if tuning.calibration else "everybody's reading of confidence"
    return f"meaning {tuning.dense_weight:.0%}, words {1 - tuning.dense_weight:.0%}; {trust}"


def _share(value: float) -> str:
    return f"{value:.1%}"
