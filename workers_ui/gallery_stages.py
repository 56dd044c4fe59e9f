"""Sample views of a brand's stages: off, on the way, breached."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from uuid import UUID

from marketplace.kernel.ids import StageMoveId
from marketplace.tickets.gates import Figures, Gate, Measure, MoveCause, Policy, Standing
from marketplace.tickets.stage_queries import MoveLine, StageView
from marketplace.tickets.stages import numbers_of
from workers_ui.gallery_samples import BRAND, NOW, SLUG, MakeFrame, brand_frame
from workers_ui.pages import brand_stages_views as present
from workers_ui.presenters.control import control_sections
from workers_ui.presenters.stages import StagesPage
from workers_ui.presenters.values import EMPTY_FORM, FormState
from workers_ui.templating import PageView

POLICY = Policy()
HELD: Figures = {
    Gate.FCR: Measure(good=44, total=50, early_good=30, early_total=31),
    Gate.CSAT: Measure(good=50, total=53),
    Gate.ACCURACY: Measure(good=52, total=55),
}
ON_THE_WAY: Figures = {
    Gate.FCR: Measure(good=33, total=38, early_good=29, early_total=31),
    Gate.CSAT: Measure(good=47, total=61),
    Gate.ACCURACY: Measure(),
}
BREACHED: Figures = {**ON_THE_WAY, Gate.CSAT: Measure(good=11, total=19)}


def _move(number: int, cause: MoveCause, moved: tuple[int | None, int | None], **more: object) -> MoveLine:
    percents = [POLICY.percents[stage] if stage is not None else 100 for stage in moved]
    at = NOW - timedelta(days=4 * number, hours=number)
    figures = HELD if cause in (MoveCause.ADVANCED, MoveCause.BY_HAND) else BREACHED
    values: dict[str, object] = {
        "id": StageMoveId(UUID(int=number)),
        "moved_at": at,
        "cause": cause,
        "from_stage": moved[0],
        "to_stage": moved[1],
        "from_percent": percents[0],
        "to_percent": percents[1],
        "reason": "",
        "person": None,
        "numbers": numbers_of(POLICY, {} if cause is MoveCause.ENABLED else figures, since=at),
    }
    return MoveLine(**(values | more))  # type: ignore[arg-type]  # keywords come from this module alone


MOVES = (
    _move(1, MoveCause.ADVANCED, (0, 1)),
    _move(2, MoveCause.ROLLED_BACK, (1, 0)),
    _move(3, MoveCause.BY_HAND, (0, 1), reason="The gift season starts on Monday.", person="Mira Holt"),
    _move(4, MoveCause.ENABLED, (None, 0), person="Mira Holt"),
)


def _page(
    frame: MakeFrame,
    *,
    standing: Standing | None,
    figures: Figures,
    moves: tuple[MoveLine, ...] = MOVES,
    settings: FormState | None = None,
    move_form: FormState = EMPTY_FORM,
) -> StagesPage:
    since = standing.since if standing else NOW - timedelta(days=POLICY.window_days)
    seen = StageView(policy=POLICY, standing=standing, counted_since=since, figures=figures)
    return StagesPage(
        frame=brand_frame(frame, f"/b/{SLUG}/control/stages"),
        slug=SLUG,
        brand=BRAND,
        sections=control_sections(SLUG, "stages"),
        enabled=standing is not None,
        percent=present.percent_in_force(seen),
        steps=present.steps(seen),
        verdict=present.verdict(seen, NOW),
        gates=present.gate_cards(seen),
        moves=present.move_rows(moves),
        other_stages=present.other_stages(seen),
        settings=settings or present.settings_form(POLICY),
        move_form=move_form,
        since=since if standing else None,
        counted_since=since,
        earliest_advance=present.earliest_advance(seen),
    )


def stages_off(frame: MakeFrame) -> PageView:
    return _page(frame, standing=None, figures=ON_THE_WAY, moves=())


def stages_walk(frame: MakeFrame) -> PageView:
    return _page(frame, standing=Standing(stage=1, since=NOW - timedelta(days=4)), figures=ON_THE_WAY)


def stages_breached(frame: MakeFrame) -> PageView:
    return _page(frame, standing=Standing(stage=1, since=NOW - timedelta(days=4)), figures=BREACHED)


def stages_run(frame: MakeFrame) -> PageView:
    return _page(frame, standing=Standing(stage=2, since=NOW - timedelta(days=9)), figures=HELD)


def stages_refused(frame: MakeFrame) -> PageView:
    standing = Standing(stage=0, since=NOW - timedelta(days=9))
    form = FormState(
        values={**present.settings_form(POLICY).values, "fcr": "seventy"},
        errors={"fcr": "Write a share such as 75 or 87.5, from 0 to 100."},
    )
    said = FormState(
        values={"to_stage": "2", "reason": ""},
        errors={"reason": "Say in 1 to 500 characters why the share moves by hand; it stands in the log."},
    )
    return _page(frame, standing=standing, figures=HELD, settings=form, move_form=said)


BUILDERS: Mapping[str, Callable[[MakeFrame], PageView]] = {
    "stages-off": stages_off,
    "stages-walk": stages_walk,
    "stages-breached": stages_breached,
    "stages-run": stages_run,
    "stages-refused": stages_refused,
}
