"""Sample views of what a worker holds and earns."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime

from workers_ui.gallery_samples import (
    BRAND,
    CLAIMED,
    HELD,
    NOW,
    PAID,
    PAYABLE,
    PENDING,
    RESOLVED,
    WAITING,
    MakeFrame,
    ago,
    ahead,
    usd,
    worker_frame,
)
from workers_ui.presenters import worker
from workers_ui.presenters.charts import Bar, BarChart
from workers_ui.presenters.values import (
    Badge,
    Notice,
    Tone,
)
from workers_ui.templating import PageView


def _mine(number: int, subject: str, state: Badge, **changes: object) -> worker.MineTicket:
    base = worker.MineTicket(
        ticket=f"t{number}",
        number=f"NC-{number}",
        subject=subject,
        brand=BRAND,
        pay=usd(175),
        state=state,
        updated_at=ago(minutes=12),
    )
    return replace(base, **changes)  # type: ignore[arg-type]  # keywords come from this module alone


def mine(frame: MakeFrame) -> PageView:
    return worker.MinePage(
        frame=worker_frame(frame, "/worker/mine"),
        claims=(
            _mine(1002, "Refund for a damaged grinder", CLAIMED, deadline=ahead(minutes=54), has_draft=True),
            _mine(
                1009,
                "Where is my order?",
                Badge(label="customer wrote", tone=Tone.WARN),
                deadline=ahead(hours=3),
            ),
        ),
        credits=(
            worker.AnswerCredit(
                title="Can I change the engraving after ordering?",
                brand="Northwind Coffee",
                credited_at=ago(days=9),
                published_at=ago(days=7),
            ),
            worker.AnswerCredit(title="Which grind for a V60?", brand="Alba Cycles", credited_at=ago(days=1)),
        ),
        in_review=(_mine(1003, "Which grind for a V60?", Badge(label="waits for approval", tone=Tone.INFO)),),
        waiting_on_customer=(_mine(998, "Decaf subscription: skip a month", WAITING),),
        sent_today=(
            _mine(998, "Decaf subscription: skip a month", WAITING),
            _mine(990, "Gift card", RESOLVED),
        ),
        lost_drafts=(
            worker.LostDraft(
                ticket="t977",
                subject="Beans taste stale",
                brand=BRAND,
                text="Hi Lee,\n\nthank you for telling us. Could you read me the roast date from the",
                saved_at=ago(hours=2),
                claimable=True,
            ),
        ),
    )


def mine_empty(frame: MakeFrame) -> PageView:
    return worker.MinePage(frame=worker_frame(frame, "/worker/mine"))


def earnings(frame: MakeFrame) -> PageView:
    days = (
        ("Mon", 3120),
        ("Tue", 4480),
        ("Wed", 2890),
        ("Thu", 5210),
        ("Fri", 6075),
        ("Sat", 1840),
        ("Sun", 2260),
    )
    return worker.EarningsPage(
        frame=worker_frame(frame, "/worker/earnings"),
        totals=(
            worker.EarningTotals(
                today=usd(2260),
                pending=usd(6420),
                payable=usd(12_985),
                on_the_way=usd(4310),
                paid=usd(184_250),
            ),
        ),
        bank=(Notice(text="$1,842.50 went to your bank on Fri, May 8.", tone=Tone.GOOD),),
        setup=worker.PayoutSetup(
            ready=True,
            title="Payout set-up",
            text="Transfers are active. Your bank is paid by Stripe every day.",
            action_label="Change at Stripe",
        ),
        next_payday=date(2026, 11, 27),
        chart=BarChart(
            caption="$258.75 earned in seven days; Friday was the best with $60.75.",
            column="Earned",
            bars=tuple(Bar(label=label, value=usd(value)) for label, value in days),
        ),
        lines=(
            _line(
                "e1",
                "NC-990",
                "Gift card does not apply",
                PENDING,
                175,
                (("Pay for Returns", 175, "terms 3"),),
            ),
            _line(
                "e2",
                "NC-961",
                "Wrong beans in the subscription box",
                PAYABLE,
                123,
                (("Pay for Orders", 175, "terms 3"), ("Share of the earlier replier", -52, "30 %, frozen")),
            ),
            _line(
                "e3",
                "NC-947",
                "Escalated: legal threat",
                PAID,
                53,
                (("Confirmed escalation", 53, "30 % of pay"),),
            ),
            _line("e4", "NC-940", "Descaler question", HELD, 160, (("Pay for Product", 160, "in review"),)),
        ),
        statements=(
            worker.StatementLink(month=date(2026, 11, 1), closing=usd(23_715), paid=usd(88_200)),
            worker.StatementLink(month=date(2026, 10, 1), closing=usd(19_040), paid=usd(96_050)),
        ),
    )


def _line(
    earning: str,
    number: str,
    subject: str,
    state: Badge,
    amount: int,
    parts: tuple[tuple[str, int, str], ...],
) -> worker.EarningLine:
    return worker.EarningLine(
        earning=earning,
        ticket_number=number,
        subject=subject,
        brand=BRAND,
        state=state,
        amount=usd(amount),
        earned_at=ago(hours=5),
        payable_at=ahead(hours=67) if state is PENDING else None,
        sum_parts=tuple(
            worker.PaySumPart(label=label, amount=usd(part), reason=reason) for label, part, reason in parts
        ),
    )


def earnings_new(frame: MakeFrame) -> PageView:
    zero = usd(0)
    return worker.EarningsPage(
        frame=worker_frame(frame, "/worker/earnings"),
        totals=(worker.EarningTotals(today=zero, pending=zero, payable=zero, on_the_way=zero, paid=zero),),
        setup=worker.PayoutSetup(
            ready=False,
            title="Tell Stripe where to pay you",
            text="Two minutes at Stripe. You can work before; the money waits for you.",
            action_label="Set up payouts",
        ),
    )


def statement(frame: MakeFrame) -> PageView:
    def move(
        day: int, text: str, reference: str, amount: int, transfer: str = ""
    ) -> worker.StatementMovement:
        return worker.StatementMovement(
            happened_at=datetime(2026, 10, day, 9, 30, tzinfo=UTC),
            text=text,
            reference=reference,
            amount=usd(amount),
        )

    return worker.StatementPage(
        frame=worker_frame(frame, "/worker/earnings/statements/2026-10"),
        worker_name="Ana Reyes",
        month=date(2026, 10, 1),
        opening=usd(4200),
        movements=(
            move(2, "Earned: Where is my order?", "NC-812", 140),
            move(5, "Earned: Refund for a kettle", "NC-829", 175),
            move(9, "Paid in batch 14", "tr_1QfZ2eLkd0vWq8", -4200),
            move(21, "Earned: Confirmed escalation", "NC-866", 53),
        ),
        closing=usd(368),
        earned=usd(368),
        transferred=usd(4200),
        transfers_agree=True,
        issued_at=NOW,
        is_final=True,
        file_href="/worker/earnings/statements/2026-10.csv?currency=usd",
        transfers=(
            worker.StatementTransfer(
                transfer="tr_1QfZ2eLkd0vWq8", amount=usd(4200), sent_at=datetime(2026, 10, 9, tzinfo=UTC)
            ),
        ),
    )


BUILDERS: Mapping[str, Callable[[MakeFrame], PageView]] = {
    "mine": mine,
    "mine-empty": mine_empty,
    "earnings": earnings,
    "earnings-new": earnings_new,
    "statement": statement,
}
