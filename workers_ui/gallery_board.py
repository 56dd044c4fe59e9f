"""Sample views of the brand's board and of its kill switches: quiet, busy, stopped."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from marketplace.kernel.ids import BrandId, SwitchId, TicketId, new_id
from marketplace.kernel.money import Money
from marketplace.tickets.board import COUNTED_UP_TO, Board, BoardTicket, CategoryCounts
from marketplace.tickets.models import TicketState
from marketplace.tickets.switch_models import SwitchKind
from marketplace.tickets.switch_queries import Stop, SwitchLine
from workers_ui.pages import board_views, recall_views, switch_views
from workers_ui.presenters.board import BoardPage, Spend
from workers_ui.presenters.brand import RefusedTicket, WithdrawalForm, WithdrawalPage
from workers_ui.presenters.control import control_sections
from workers_ui.presenters.frame import Frame, Person, brand_nav
from workers_ui.presenters.switches import SwitchesPage
from workers_ui.presenters.values import FormState
from workers_ui.templating import PageView

NOW = datetime(2026, 11, 22, 13, 5, tzinfo=UTC)
SLUG = "northwind-coffee"
BRAND = "Northwind Coffee"
BASE = f"/b/{SLUG}"
HERE = BrandId(new_id())
S = TicketState

MakeFrame = Callable[..., Frame]


def board_empty(frame: MakeFrame) -> PageView:
    nothing = Board(
        by_state={},
        categories=(CategoryCounts(key="general", name="General", by_state={}),),
        oldest_waiting_since=None,
        at_risk=0,
        past_due=0,
        escalated=0,
        in_review=0,
        most_pressing=(),
        escalations=(),
    )
    return _board(frame, nothing, ever=False, spent=0)


def board_quiet(frame: MakeFrame) -> PageView:
    quiet = Board(
        by_state={S.OPEN: 2, S.CLAIMED: 1, S.RESOLVED: 41},
        categories=(
            CategoryCounts(key="general", name="General", by_state={S.OPEN: 2}),
            CategoryCounts(key="orders", name="Orders", by_state={S.CLAIMED: 1, S.RESOLVED: 41}),
        ),
        oldest_waiting_since=NOW - timedelta(minutes=14),
        at_risk=0,
        past_due=0,
        escalated=0,
        in_review=0,
        most_pressing=(),
        escalations=(),
    )
    return _board(frame, quiet, spent=1_250)


def board_busy(frame: MakeFrame) -> PageView:
    return _board(frame, _busy(), spent=41_250, live=(_line(SwitchKind.CATEGORY, "Legal", platform=False),))


def switches(frame: MakeFrame) -> PageView:
    return _switches(frame, live=())


def switches_thrown(frame: MakeFrame) -> PageView:
    live = (
        _line(SwitchKind.CATEGORY, "legal", platform=False),
        _line(SwitchKind.GUIDANCE, None, platform=True),
    )
    return _switches(
        frame,
        live=live,
        form=FormState(
            values={"key": "email"},
            errors={"reason": "Say why, in 1 to 300 characters: whoever is stopped reads it."},
        ),
    )


def _busy() -> Board:
    return Board(
        by_state={
            S.OPEN: 5_012,
            S.CLAIMED: 214,
            S.ANSWERED: 1_377,
            S.HELD_BACK: 88,
            S.AWAITING_FUNDS: 31,
            S.ESCALATED: 9,
        },
        categories=(
            CategoryCounts(
                key="orders",
                name="Orders and delivery",
                by_state={S.OPEN: 3_800, S.CLAIMED: 160, S.ANSWERED: 900},
            ),
            CategoryCounts(
                key="returns",
                name="Returns",
                by_state={S.OPEN: 1_100, S.CLAIMED: 50, S.ANSWERED: 400, S.HELD_BACK: 8},
            ),
            CategoryCounts(key="legal", name="Legal", by_state={S.HELD_BACK: 80}),
            CategoryCounts(
                key="general",
                name="General",
                by_state={S.OPEN: 112, S.CLAIMED: 4, S.ANSWERED: 77, S.AWAITING_FUNDS: 31},
            ),
        ),
        oldest_waiting_since=NOW - timedelta(hours=31),
        at_risk=47,
        past_due=COUNTED_UP_TO,
        escalated=9,
        in_review=3,
        most_pressing=tuple(
            BoardTicket(
                ticket=TicketId(new_id()),
                number=1_200 + place,
                subject=subject,
                category="Orders and delivery",
                due_at=NOW + timedelta(minutes=20 * place - 50),
            )
            for place, subject in enumerate(
                (
                    "Parcel was returned to the sender and nobody wrote to me about it",
                    "Grinder rattles",
                    "Wrong beans",
                )
            )
        ),
        escalations=(
            BoardTicket(
                ticket=TicketId(new_id()),
                number=1_188,
                subject="Please delete everything you know about me",
                category="General",
                due_at=NOW + timedelta(hours=3),
            ),
        ),
    )


def _board(
    frame: MakeFrame, board: Board, *, spent: int, ever: bool = True, live: tuple[SwitchLine, ...] = ()
) -> BoardPage:
    base, reviews = f"{BASE}/tickets", f"{BASE}/reviews"
    cap = Money(amount_minor=50_000, currency="usd") if spent > 40_000 else None
    return BoardPage(
        frame=_frame(frame, f"{BASE}/board"),
        slug=SLUG,
        brand=BRAND,
        figures=board_views.figures(board, base=base, now=NOW),
        with_you=board_views.with_you(board, base=base, decide=f"{BASE}/escalations", reviews=reviews),
        needs=board_views.needs(board, base=base, reviews=reviews, wallet=f"{BASE}/wallet"),
        categories=board_views.categories(board, base=base),
        at_risk_rule=board_views.AT_RISK_RULE,
        callouts=board_views.stopped(board, live, switches=f"{BASE}/control/switches"),
        spend=Spend(
            today=Money(amount_minor=spent, currency="usd"),
            cap=cap,
            share=spent / cap.amount_minor if cap else 0.0,
        ),
        tickets_ever=ever,
    )


def _switches(
    frame: MakeFrame, *, live: tuple[SwitchLine, ...], form: FormState | None = None
) -> SwitchesPage:
    names = switch_views.Names(
        brand=BRAND,
        categories={"general": "General", "legal": "Legal", "orders": "Orders and delivery"},
        workers={"w-1": "Ana Reyes"},
        articles={"a-1": "Returning a grinder"},
    )
    path = f"{BASE}/control/switches"
    return SwitchesPage(
        frame=_frame(frame, path),
        slug=SLUG,
        brand=BRAND,
        sections=control_sections(SLUG, "switches"),
        stoppable=tuple(
            switch_views.stoppable(
                kind, live, names, path=path, form=form if kind is SwitchKind.CHANNEL else None
            )
            for kind in SwitchKind
        ),
        history=tuple(
            switch_views.past(one, names)
            for one in (_line(SwitchKind.BRAND, None, platform=False, lifted=True),)
            if live
        ),
    )


def _line(kind: SwitchKind, key: str | None, *, platform: bool, lifted: bool = False) -> SwitchLine:
    return SwitchLine(
        id=SwitchId(new_id()),
        stop=Stop(kind=kind, brand=HERE, key=key),
        reason="A product recall is running; we answer these ourselves.",
        by_platform=platform,
        thrown_by="Mira Holt",
        thrown_at=NOW - timedelta(hours=2),
        lifted_by="Mira Holt" if lifted else None,
        lifted_at=NOW - timedelta(hours=1) if lifted else None,
    )


def _frame(frame: MakeFrame, path: str) -> Frame:
    person = Person(name="Mira Holt", email="mira@northwind.example")
    return frame(path, person=person, area=BRAND, nav=brand_nav(SLUG), live_url="/live")


def withdrawal_new(frame: MakeFrame) -> PageView:
    return WithdrawalForm(
        frame=_frame(frame, f"{BASE}/withdrawals/new"),
        slug=SLUG,
        brand=BRAND,
        asked=recall_views.asked_in_words(None, "Returns", "3 days"),
        tickets=500,
        is_all=False,
        lines=recall_views.preview_lines({S.OPEN: 441, S.CLAIMED: 12, S.ANSWERED: 47}),
        state="",
        category="returns",
        older="72",
        back_href=f"{BASE}/tickets?category=returns&older=72",
        idempotency_key="k-7",
        form=FormState(errors={"reason": "Say why, in 1 to 300 characters."}),
    )


def withdrawal_running(frame: MakeFrame) -> PageView:
    return _withdrawal(frame)


def withdrawal_done(frame: MakeFrame) -> PageView:
    refused = RefusedTicket(
        ticket=str(new_id()),
        number="#1204",
        why="This ticket is over: it was resolved, withdrawn or has expired.",
    )
    return replace(_withdrawal(frame), done=500, withdrawn=499, refusals=(refused,), finished_at=NOW)


def _withdrawal(frame: MakeFrame) -> WithdrawalPage:
    withdrawal = str(new_id())
    return WithdrawalPage(
        frame=_frame(frame, f"{BASE}/withdrawals/{withdrawal}"),
        slug=SLUG,
        brand=BRAND,
        withdrawal=withdrawal,
        reason="The shop is closed; everybody got a mail.",
        by="Mira Holt",
        asked_at=NOW - timedelta(minutes=1),
        tickets=500,
        done=200,
        withdrawn=200,
    )


BUILDERS: Mapping[str, Callable[[MakeFrame], PageView]] = {
    "board": board_busy,
    "board-empty": board_empty,
    "board-quiet": board_quiet,
    "switches": switches,
    "switches-thrown": switches_thrown,
    "withdrawal-new": withdrawal_new,
    "withdrawal-running": withdrawal_running,
    "withdrawal-done": withdrawal_done,
}
