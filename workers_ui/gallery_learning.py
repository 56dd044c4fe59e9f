"""Sample views of what a brand's resolved tickets taught."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from guidance.answer_vote import USUAL
from guidance.confidence import Calibration
from guidance.learning_models import GuidanceTuning, TuningCause
from guidance.learning_queries import TuningLine
from guidance.tuning import Figures, Tuning
from guidance.wording import WordingRecord
from guidance.wording_models import WordingOutcome
from marketplace.kernel.ids import BrandId, new_id
from workers_ui.gallery_samples import BRAND, SLUG, MakeFrame, ago, brand_frame
from workers_ui.pages import brand_learning_views as present
from workers_ui.presenters.learning import LearningPage
from workers_ui.presenters.values import FilterTab, FormState
from workers_ui.templating import PageView

PATH = f"/b/{SLUG}/knowledge/learning"
TABS = (
    FilterTab(label="Articles", href=f"/b/{SLUG}/knowledge", count=84),
    FilterTab(label="Learning", href=PATH, count=None, current=True),
)
BEFORE = Figures(
    tickets=131,
    hit_known=0.69,
    hit_new=0.55,
    reciprocal_rank=0.7,
    off=0.19,
    ece=0.112,
    tells_outside=0.74,
)
AFTER = replace(BEFORE, hit_known=0.82, hit_new=0.57, off=0.13, ece=0.031, tells_outside=0.91)
OWN = Calibration(intercept=-2.0, knowledge=0.6, highest=4.0, nearest=1.0)
BRAND_ID = BrandId(new_id())


def _version(
    number: int, cause: TuningCause, tuning: Tuning, days: int, *, returned_to: int | None = None
) -> TuningLine:
    row = GuidanceTuning(
        brand_id=BRAND_ID,
        version=number,
        cause=cause,
        tuning=tuning.as_json(),
        figures={"before": BEFORE.as_json(), "after": AFTER.as_json()},
        tickets=524 - days,
        returned_to=returned_to,
        made_at=ago(days=days),
    )
    return TuningLine(row=row, author="Mira Holt" if returned_to else None)


LEARNED = (
    _version(2, TuningCause.LEARNED, Tuning(dense_weight=0.7, vote=USUAL, calibration=OWN), 0),
    _version(1, TuningCause.KEPT, Tuning(dense_weight=0.6), 1),
)
RETURNED = (_version(3, TuningCause.RETURNED, Tuning(dense_weight=0.6), 0, returned_to=1), *LEARNED)

WORDED = WordingRecord(
    counts={WordingOutcome.WORDED: 41, WordingOutcome.REFUSED: 3, WordingOutcome.TOO_LATE: 2},
    last_refusal="“90 days” is in none of the passages. Check it, or take it out.",
)


def learning(frame: MakeFrame, lines: tuple[TuningLine, ...] = LEARNED) -> PageView:
    newest = lines[0].row if lines else None
    return LearningPage(
        frame=brand_frame(frame, PATH),
        slug=SLUG,
        brand=BRAND,
        tabs=TABS,
        lead=present.lead_of(newest),
        figures=present.figure_rows(newest),
        versions=present.version_rows(lines),
        held=newest is not None and newest.cause is TuningCause.RETURNED,
        can_edit=True,
        wrong_cost="1",
        threshold="50%",
        worded=present.worded(WORDED) if lines else "",
        last_refusal=WORDED.last_refusal if lines else "",
    )


def learning_refused(frame: MakeFrame) -> PageView:
    form = FormState(
        values={"wrong_cost": "lots"},
        errors={"wrong_cost": "Say how many missed suggestions a wrong one costs, from 0.1 to 20."},
    )
    return replace(learning(frame), caution=form)  # type: ignore[type-var]  # a LearningPage


BUILDERS: Mapping[str, Callable[[MakeFrame], PageView]] = {
    "learning": learning,
    "learning-returned": lambda frame: learning(frame, RETURNED),
    "learning-empty": lambda frame: learning(frame, ()),
    "learning-refused": learning_refused,
}
