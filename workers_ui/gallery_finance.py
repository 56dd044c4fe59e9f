"""Sample views of the platform's finance: earnings and batches."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from billing.earning_queue import AGES
from workers_ui.gallery_brand import RECEIPT
from workers_ui.gallery_desk import ANSWERED_THREAD
from workers_ui.gallery_samples import (
    BRAND,
    HELD,
    ON_THE_WAY,
    PAID,
    PAYABLE,
    PENDING,
    MakeFrame,
    ago,
    finance_frame,
    usd,
)
from workers_ui.pages.finance_filters import CURRENCY_CHOICES, FLAG_CHOICES, KIND_CHOICES
from workers_ui.pages.finance_queue_views import REASON_CHOICES
from workers_ui.presenters import finance, finance_funds, finance_queue
from workers_ui.presenters.values import (
    Action,
    Badge,
    Choice,
    FilterTab,
    FormState,
    Notice,
    Pager,
    Tone,
)
from workers_ui.templating import PageView


def finance_earnings(frame: MakeFrame) -> finance_queue.EarningsPage:
    base = "/finance/earnings"
    rows = (
        ("e1", "Ana Reyes", "NC-990", "Gift card does not apply", 175, PENDING, ()),
        ("e2", "Bo Lindqvist", "NC-961", "Wrong beans in the subscription box", 123, PAYABLE, ()),
        (
            "e4",
            "Ana Reyes",
            "NC-940",
            "Descaler question",
            160,
            HELD,
            (Badge(label="reopened", tone=Tone.WARN),),
        ),
        ("e5", "Bo Lindqvist", "AC-112", "Rahmengröße für 178 cm", 280, ON_THE_WAY, ()),
    )
    return finance_queue.EarningsPage(
        frame=finance_frame(frame, base),
        matching=412,
        filtered="kind=resolution",
        filters=finance_queue.FilterForm(
            form=FormState(values={"kind": "resolution"}),
            kinds=KIND_CHOICES,
            currencies=CURRENCY_CHOICES,
            flags=FLAG_CHOICES,
            chosen=("Resolved ticket",),
            kept={},
            clear_href=base,
        ),
        views=(
            finance_queue.KeptView(name="No account", href=f"{base}?flag=no_account", current=False),
            finance_queue.KeptView(name="Resolved", href=f"{base}?kind=resolution", current=True),
        ),
        reasons=REASON_CHOICES,
        tabs=(
            FilterTab(label="All", href=base, count=412, current=True),
            FilterTab(label="Pending", href=f"{base}?state=pending", count=96),
            FilterTab(label="Payable", href=f"{base}?state=payable", count=61),
            FilterTab(label="Held", href=f"{base}?state=held", count=3),
            FilterTab(label="On the way", href=f"{base}?state=sending", count=20),
            FilterTab(label="Paid", href=f"{base}?state=paid", count=232),
        ),
        sums=(
            finance.StateSum(state=PENDING, count=96, amount=usd(16_320)),
            finance.StateSum(state=PAYABLE, count=61, amount=usd(10_432)),
            finance.StateSum(state=HELD, count=3, amount=usd(480)),
            finance.StateSum(state=PAID, count=232, amount=usd(39_871)),
        ),
        rows=tuple(
            finance_queue.EarningRow(
                earning=earning,
                href=f"{base}/{earning}",
                worker_href=f"{base}?worker={earning}",
                brand_href=f"{base}?brand=acme",
                worker=name,
                brand=BRAND,
                ticket_number=number,
                subject=subject,
                amount=usd(amount),
                state=state,
                earned_at=ago(hours=5 + index),
                flags=flags,
            )
            for index, (earning, name, number, subject, amount, state, flags) in enumerate(rows)
        ),
        pager=Pager(next_href=f"{base}?before=e5", label="1–4 of 412"),
    )


def finance_refused(frame: MakeFrame) -> PageView:
    """An amount without its currency, and a hold without a reason."""
    form = FormState(
        values={"least": "12"},
        errors={"least": "Choose a currency too: amounts of different ones cannot be compared."},
    )
    page = finance_earnings(frame)
    return replace(
        page,
        filters=replace(page.filters, form=form, chosen=()),
        holding=FormState(problem="Choose at least one earning that is not sent and not held."),
        naming=FormState(errors={"name": "Give the view a name of 1 to 40 characters."}),
    )


def finance_hold(frame: MakeFrame, **changes: object) -> PageView:
    view = finance_queue.BulkHoldPage(
        frame=finance_frame(frame, "/finance/earnings"),
        hold="h1",
        earnings=37,
        reason="It may be paid twice: two imports of the same file",
        held=0,
        refusals=(),
        seconds_left=8,
        is_undone=False,
        is_finished=False,
    )
    return replace(view, **changes)  # type: ignore[arg-type]  # each sample names its own fields


def finance_ageing(frame: MakeFrame) -> PageView:
    def cell(count: int, amount: int) -> finance_queue.AgeCell:
        return finance_queue.AgeCell(count=count, amount=usd(amount), href="/finance/earnings?state=payable")

    return finance_queue.AgeingPage(
        frame=finance_frame(frame, "/finance/earnings"),
        ages=tuple(AGES),
        rows=(
            finance_queue.AgeingRow(
                state=PENDING, currency="USD", cells=(cell(96, 16_320), None, None, None)
            ),
            finance_queue.AgeingRow(
                state=PAYABLE, currency="USD", cells=(cell(40, 7_100), cell(18, 2_900), cell(3, 432), None)
            ),
        ),
    )


def _posting(kind: str, key: str, hours: int, *entries: tuple[str, int, int]) -> finance.Posting:
    return finance.Posting(
        kind=kind,
        key=key,
        posted_at=ago(hours=hours),
        entries=tuple(
            finance.PostingEntry(
                account=account, debit=usd(debit) if debit else None, credit=usd(credit) if credit else None
            )
            for account, debit, credit in entries
        ),
    )


def _step(title: str, hours: int, summary: str) -> finance.StoryStep:
    return finance.StoryStep(title=title, happened_at=ago(hours=hours), summary=summary)


def finance_earning(frame: MakeFrame) -> PageView:
    fact = finance.Fact
    return finance.FinanceEarningPage(
        frame=finance_frame(frame, "/finance/earnings/e2"),
        earning="e2",
        ticket_number="NC-1002",
        subject="Refund for a damaged grinder",
        worker="Ana Reyes",
        brand=BRAND,
        amount=usd(175),
        state=PAID,
        batch="p15",
        batch_number="15",
        steps=(
            _step("Posted", 80, "By API, category Returns, shared by the dial at 100 %."),
            finance.StoryStep(
                title="Terms frozen",
                happened_at=ago(hours=79),
                summary="Version 3 at the claim.",
                facts=(
                    fact(label="Total", value="$2.19"),
                    fact(label="Fee", value="$0.44 (2,000 basis points)"),
                    fact(label="Pay", value="$1.75"),
                ),
            ),
            _step("Claimed", 79, "Claim 2 by Ana Reyes, 60 minutes to the first reply."),
            finance.StoryStep(
                title="Replied",
                happened_at=ago(hours=78),
                summary="First reply after 11 minutes.",
                reply_text=ANSWERED_THREAD[1].text,
                receipt=RECEIPT,
            ),
            _step("Resolved", 77, "The customer confirmed."),
            _step("Review window closed", 5, "72 hours without a reopen or hold."),
            finance.StoryStep(
                title="Batch 15",
                happened_at=ago(hours=4),
                summary="Submitted by Jonas Brandt, approved by Ines Maia.",
                facts=(fact(label="Content hash", value="9b1f0c6a2f7e4d5588aa41"),),
            ),
            finance.StoryStep(
                title="Transfer",
                happened_at=ago(hours=4),
                summary="Stripe accepted $43.10 for 24 earnings, this one among them.",
                facts=(fact(label="Transfer", value="tr_1QfZ2eLkd0vWq8"),),
            ),
            finance.StoryStep(
                title="Bank payout", happened_at=None, summary="Stripe has not reported it yet.", done=False
            ),
        ),
        postings=(
            _posting(
                "reserve",
                "reserve:b1:3",
                80,
                ("brand_wallet:northwind", 219, 0),
                ("brand_reserved:northwind", 0, 219),
            ),
            _posting(
                "accrue",
                "accrue:b1:1",
                77,
                ("brand_reserved:northwind", 219, 0),
                ("worker_pending:ana", 0, 175),
                ("platform_fee:northwind", 0, 44),
            ),
            _posting(
                "mature", "mature:e2", 5, ("worker_pending:ana", 175, 0), ("worker_payable:ana", 0, 175)
            ),
            _posting(
                "sent",
                "sent:tr_1QfZ2eLkd0vWq8",
                4,
                ("worker_in_flight:ana", 4310, 0),
                ("stripe_available", 0, 4310),
            ),
        ),
    )


def batches(frame: MakeFrame) -> PageView:
    return _batches(frame)


def _batches(frame: MakeFrame) -> finance.BatchesPage:
    rows = (
        ("p16", "16", Badge(label="draft"), 18, 61, 10_432, "Jonas Brandt"),
        ("p15", "15", Badge(label="paid, 1 refused", tone=Tone.WARN), 20, 140, 24_310, "Jonas Brandt"),
        ("p14", "14", PAID, 17, 92, 15_561, "Ines Maia"),
    )
    return finance.BatchesPage(
        frame=finance_frame(frame, "/finance/batches"),
        rows=tuple(
            finance.BatchRow(
                batch=batch,
                number=number,
                state=state,
                payout_count=payouts,
                earning_count=earned,
                amount=usd(amount),
                created_at=ago(days=7 * index),
                created_by=name,
            )
            for index, (batch, number, state, payouts, earned, amount, name) in enumerate(rows)
        ),
        payable=(finance.StateSum(state=PAYABLE, count=61, amount=usd(10_432)),),
    )


def batches_empty(frame: MakeFrame) -> PageView:
    return finance.BatchesPage(frame=finance_frame(frame, "/finance/batches"), rows=(), payable=())


def _batch(frame: MakeFrame) -> finance.BatchPage:
    base = "/finance/batches/p16"
    return finance.BatchPage(
        frame=finance_frame(frame, base),
        batch="p16",
        number="16",
        state=Badge(label="submitted", tone=Tone.INFO),
        amount=usd(10_432),
        payout_count=2,
        earning_count=61,
        content_hash="9b1f0c6a2f7e4d5588aa41c07d3be6f2a1945c3e77d0b8f6",
        lines=(
            finance.BatchLine(
                payout="x1",
                worker="Ana Reyes",
                earning_count=37,
                amount=usd(6122),
                state=Badge(label="waiting"),
            ),
            finance.BatchLine(
                payout="x2",
                worker="Bo Lindqvist",
                earning_count=24,
                amount=usd(4310),
                state=Badge(label="waiting"),
            ),
        ),
        signatures=(
            finance.Signature(act="Created", person="Jonas Brandt", at=ago(hours=2)),
            finance.Signature(act="Submitted", person="Jonas Brandt", at=ago(hours=1)),
        ),
        actions=(
            Action(
                href=f"{base}/approval",
                label="Approve",
                allowed=False,
                reason="You submitted it. A second person has to approve.",
            ),
        ),
        void_action=Action(href=f"{base}/void", label="Void the batch"),
    )


def batch(frame: MakeFrame) -> PageView:
    return _batch(frame)


def batch_paid(frame: MakeFrame) -> PageView:
    page = _batch(frame)
    lines = (
        replace(page.lines[0], state=PAID, transfer="tr_1QfZ2eLkd0vWq8"),
        replace(
            page.lines[1],
            state=Badge(label="refused", tone=Tone.BAD),
            problem="Stripe: the account cannot receive transfers yet. The money is payable again.",
        ),
    )
    approved = finance.Signature(act="Approved", person="Ines Maia", at=ago(minutes=40))
    return replace(
        page,
        state=Badge(label="paid, 1 refused", tone=Tone.WARN),
        lines=lines,
        signatures=(*page.signatures, approved),
        actions=(),
        void_action=None,
        paid=usd(6122),
        failed_count=1,
    )


def funds(frame: MakeFrame) -> PageView:
    owed = Badge(label="owed", tone=Tone.BAD)
    base = "/finance/funds"
    return finance_funds.FinanceFundsPage(
        frame=finance_frame(frame, base),
        rows=(
            finance_funds.BrandFundsRow(
                name=BRAND,
                slug="northwind",
                wallet=usd(48_210),
                promo=usd(2_500),
                owed=usd(61_000),
                limit=usd(200_000),
                state=Badge(label="frozen", tone=Tone.BAD),
            ),
            finance_funds.BrandFundsRow(
                name="Lindqvist Bikes", slug="lindqvist", wallet=usd(0), promo=usd(0), owed=usd(0), limit=None
            ),
        ),
        taken_back=(
            finance_funds.TakenBackRow(
                brand=BRAND,
                amount=usd(50_000),
                owed=usd(21_000),
                state=owed,
                why="Dispute: fraudulent",
                since=ago(days=12),
                waits="Ines Maia asks to write it off: They closed their shop.",
                decide=(
                    Action(href=f"{base}/write-offs/w1/approval", label="Write it off"),
                    Action(href=f"{base}/write-offs/w1/refusal", label="Do not"),
                ),
            ),
            finance_funds.TakenBackRow(
                brand="Lindqvist Bikes",
                amount=usd(10_000),
                owed=usd(4_000),
                state=owed,
                why="The payer's bank took the payment back.",
                since=ago(days=2),
                ask_href=f"{base}/reversals/b2/r2/write-off",
                ask_id="r2",
            ),
        ),
        brands=(Choice(value="northwind", label=f"{BRAND} (USD)"),),
        idempotency_key="k-9",
    )


def batches_stopped(frame: MakeFrame) -> PageView:
    return replace(
        _batches(frame),
        switch=finance.PayoutsSwitch(
            reason="The daily proof found a cent too many.",
            thrown_by="A check of ours",
            thrown_at=ago(hours=1),
        ),
    )


def batch_to_confirm(frame: MakeFrame) -> PageView:
    shown = _batch(frame)
    base = "/finance/batches/p16"
    return replace(
        shown,
        state=Badge(label="draft"),
        lines=(
            replace(shown.lines[0], notes=("This worker's first payout: look before it is submitted.",)),
            replace(shown.lines[1], notes=("$4.00 is kept against what they owed.",)),
        ),
        actions=(
            Action(href=f"{base}/confirmation", label="I looked: confirm 1 payout"),
            Action(
                href=f"{base}/submission",
                label="Submit for approval",
                allowed=False,
                reason="Some payouts have to be confirmed first.",
            ),
        ),
        callouts=(Notice(text="1 payout to confirm before the batch is submitted.", tone=Tone.WARN),),
    )


def holds(frame: MakeFrame) -> PageView:
    return finance.HoldsPage(
        frame=finance_frame(frame, "/finance/held-workers"),
        rows=(
            finance.HoldRow(
                worker="Ana Reyes",
                cause=Badge(label="held by finance", tone=Tone.WARN),
                reason="We are asking about two tickets.",
                placed_by="Jonas Brandt",
                placed_at=ago(days=2),
                waiting=(usd(4_310),),
                lift=Action(href="/finance/held-workers/h1/lift", label="Let them be paid again"),
            ),
            finance.HoldRow(
                worker="Bo Lindqvist",
                cause=Badge(label="account closed", tone=Tone.BAD),
                reason="The account at Stripe is closed.",
                placed_by="What Stripe said",
                placed_at=ago(days=30),
                waiting=(usd(820),),
                lift=Action(href="/finance/held-workers/h2/lift", label="Let them be paid again"),
                goes_at=ago(days=-1_000),
            ),
        ),
    )


def holds_empty(frame: MakeFrame) -> PageView:
    return finance.HoldsPage(frame=finance_frame(frame, "/finance/held-workers"), rows=())


BUILDERS: Mapping[str, Callable[[MakeFrame], PageView]] = {
    "finance-earnings": finance_earnings,
    "finance-earnings-refused": finance_refused,
    "finance-hold": finance_hold,
    "finance-hold-finished": lambda frame: finance_hold(
        frame,
        held=35,
        seconds_left=0,
        is_finished=True,
        refusals=(
            finance_queue.HoldRefusal(
                href="/finance/earnings/e1",
                why="This pay is on its way just now. Try again in a few minutes.",
            ),
        ),
    ),
    "finance-ageing": finance_ageing,
    "finance-earning": finance_earning,
    "batches": batches,
    "batches-empty": batches_empty,
    "batch": batch,
    "batch-paid": batch_paid,
    "finance-funds": funds,
    "batches-stopped": batches_stopped,
    "batch-to-confirm": batch_to_confirm,
    "held-workers": holds,
    "held-workers-empty": holds_empty,
}
