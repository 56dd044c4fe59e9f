"""Sample views of what is said against a pay: on a brand's ticket, on a worker's line, before the platform's people."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from workers_ui.gallery_brand import brand_ticket
from workers_ui.gallery_earnings import earnings
from workers_ui.gallery_samples import BRAND, NOW, PENDING, MakeFrame, ago, finance_frame, usd
from workers_ui.pages.judgement_views import CHOICES, FROZEN, OWN_ANSWER
from workers_ui.presenters import judgements
from workers_ui.presenters.brand import BrandTicketPage
from workers_ui.presenters.values import Action, Badge, Choice, Notice, Tone
from workers_ui.presenters.worker import EarningsPage
from workers_ui.templating import PageView

REPLIES = (Choice(value="r1", label="Reply of 25 Nov 2026, 09:12 UTC"),)
DISPUTED = Badge(label="disputed", tone=Tone.WARN)
REJECTED = Badge(label="rejected", tone=Tone.WARN)
NOTE = "It names the shop in Leeds; the customer had asked about the one in York."


def _pay(key: str, **changes: object) -> judgements.BrandPay:
    base = judgements.BrandPay(
        earning=key,
        worker="Ana R.",
        amount=usd(175),
        state=PENDING,
        replies=REPLIES,
    )
    return replace(base, **changes)  # type: ignore[arg-type]  # keywords come from this module alone


def _act(key: str, word: str, label: str) -> Action:
    return Action(href=f"/b/northwind/tickets/b1/earnings/{key}/{word}", label=label)


def paid_ticket(frame: MakeFrame) -> PageView:
    page = brand_ticket(frame)
    assert isinstance(page, BrandTicketPage)
    panel = judgements.PayPanel(
        pays=(
            _pay(
                "e1",
                reject=_act("e1", "rejection", "Reject this pay"),
                dispute=_act("e1", "dispute", "Dispute this pay"),
                tip=_act("e1", "tip", "Give a tip"),
            ),
            _pay(
                "e2",
                worker="Bo L.",
                state=DISPUTED,
                notices=(Notice(text=f"The answer is wrong. {NOTE} It counts in a minute.", tone=Tone.WARN),),
                undo=_act("e2", "rejection/j1/undo", "Undo the rejection"),
            ),
            _pay("e3", worker="Cy D.", why_not=OWN_ANSWER),
            _pay("e4", worker="Di E.", why_not=FROZEN),
        ),
        tips=(
            judgements.BrandTip(
                worker="Ana R.",
                amount=usd(300),
                given_at=ago(hours=2),
                taken_back=False,
                refund=Action(href="/b/northwind/tickets/b1/tips/t1/refund", label="Take the tip back"),
            ),
        ),
        reasons=CHOICES,
    )
    return replace(page, pay=panel)


def judged_earnings(frame: MakeFrame) -> PageView:
    page = earnings(frame)
    assert isinstance(page, EarningsPage)
    rejected = judgements.WorkerEvidence(
        title="Rejected by the brand",
        reason="The answer is wrong",
        text=NOTE,
        at=ago(hours=3),
        reply="Dear Sam, the shop in Leeds is open until six.",
        appeal=Action(href="/worker/earnings/rejections/j1/appeal", label="Appeal"),
    )
    appealed = replace(rejected, appeal=None, appealed="Your appeal was not granted.", answer="York it was.")
    held = judgements.WorkerEvidence(
        title="Held: we look at this work",
        reason="It is not paid until somebody has decided.",
        text="Two customers had the same answer.",
        at=ago(hours=1),
    )
    judged = zip(page.lines, (rejected, appealed, held), strict=False)
    return replace(
        page,
        lines=tuple(replace(line, state=REJECTED, evidence=evidence) for line, evidence in judged),
    )


def disputes(frame: MakeFrame) -> PageView:
    appeal = judgements.WaitingCase(
        key="a1",
        earning_href="/finance/earnings/e1",
        title="#961 Wrong beans in the subscription box",
        worker="Ana Reyes",
        brand=BRAND,
        amount=usd(175),
        badge=Badge(label="The answer is wrong", tone=Tone.WARN),
        said_by="the brand",
        said=NOTE,
        since=ago(hours=9),
        reply="Dear Sam, the shop in Leeds is open until six.",
        appeal="The customer asked about both shops.",
        uphold=Action(href="/finance/disputes/appeals/a1/upheld", label="Uphold the rejection"),
        reverse=Action(href="/finance/disputes/appeals/a1/reversed", label="Restore the pay"),
    )
    mine = replace(
        appeal,
        key="a2",
        said_by="Human Cloud",
        uphold=None,
        reverse=None,
        not_yours="You rejected it, so somebody else decides.",
    )
    hold = replace(
        appeal,
        key="e4",
        badge=DISPUTED,
        reply="",
        appeal="",
        uphold=None,
        reverse=None,
        release=Action(href="/finance/disputes/b1/e4/release", label="Let it be paid"),
        reject=Action(href="/finance/disputes/b1/e4/rejection", label="Reject it"),
        replies=REPLIES,
    )
    return judgements.DisputesPage(
        frame=finance_frame(frame, "/finance/disputes"),
        appeals=(appeal, mine),
        holds=(hold,),
        frozen=(
            judgements.FrozenBrand(
                key="b7",
                name="Alba Cycles",
                sentence="It rejected 9 of 31 decided earnings.",
                since=NOW,
                lift=Action(href="/finance/disputes/freezes/b7/lifting", label="Let it reject again"),
            ),
        ),
        reasons=CHOICES,
    )


def disputes_none(frame: MakeFrame) -> PageView:
    return judgements.DisputesPage(
        frame=finance_frame(frame, "/finance/disputes"), appeals=(), holds=(), frozen=(), reasons=CHOICES
    )


BUILDERS: Mapping[str, Callable[[MakeFrame], PageView]] = {
    "brand-ticket-paid": paid_ticket,
    "earnings-judged": judged_earnings,
    "finance-disputes": disputes,
    "finance-disputes-none": disputes_none,
}
