"""Holds, rejections and appeals in words."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from billing.appeals import APPEAL_WITHIN
from billing.bonus_models import Tip
from billing.judgement_models import (
    AppealEnd,
    EarningRejection,
    HoldCause,
    Judge,
    RejectionFreeze,
    RejectionReason,
    RejectionState,
)
from billing.judgement_queries import PayOfTicket, SaidOfPay, ShownReply, WaitingPay
from billing.models import EarningState
from marketplace.kernel.ids import PersonId
from marketplace.kernel.money import Money
from marketplace.tickets.masking import mask
from workers_ui.pages.receipt_views import alias
from workers_ui.pages.worker_earnings_views import STATES
from workers_ui.presenters.judgements import (
    BrandPay,
    BrandTip,
    FrozenBrand,
    PayPanel,
    WaitingCase,
    WorkerEvidence,
)
from workers_ui.presenters.values import Action, Badge, Choice, Notice, Tone

REASONS: Mapping[RejectionReason, str] = {
    RejectionReason.WRONG_ANSWER: "The answer is wrong",
    RejectionReason.INCOMPLETE: "Something asked is left out",
    RejectionReason.OFF_TOPIC: "It answers something else",
    RejectionReason.AGAINST_INSTRUCTIONS: "It goes against our instructions",
    RejectionReason.RUDE: "It is rude",
}
CHOICES = tuple(Choice(value=reason.value, label=label) for reason, label in REASONS.items())
HELD: Mapping[HoldCause, str] = {
    HoldCause.QA: "Held: we look at this work",
    HoldCause.DISPUTE: "Disputed by the brand",
}
JUDGES: Mapping[Judge, str] = {Judge.BRAND: "the brand", Judge.PLATFORM: "Human Cloud"}
APPEAL_WAITS = "Your appeal waits for an answer. Somebody who had no part in the rejection decides it."
APPEAL_ENDS: Mapping[AppealEnd, str] = {
    AppealEnd.UPHELD: "Your appeal was not granted.",
    AppealEnd.REVERSED: "Your appeal was granted: the pay is yours again, as a line of its own.",
}
OWN_ANSWER = "The worker sent the answer that your knowledge gave, so this pay stays."
REVIEW_OVER = "The review window is over. Until it is sent you can dispute this pay; our people decide."
FROZEN = (
    "You rejected too much of what was decided lately, so you cannot reject until our people have looked."
)
TIPPED = (EarningState.REVERSED, EarningState.REJECTED, EarningState.CLAWED_BACK)
BEFORE_SENT = (EarningState.IN_WINDOW, EarningState.PAYABLE, EarningState.BATCHED)


def panel(
    pays: Sequence[PayOfTicket],
    tips: Sequence[Tip],
    *,
    path: str,
    may_judge: bool,
    may_tip: bool,
    frozen: bool,
    now: datetime,
) -> PayPanel | None:
    """The pay of a brand's ticket; None while nothing was earned on it."""
    if not pays:
        return None
    names = {one.earning.worker_id: alias(one.worker_name) for one in pays}
    return PayPanel(
        pays=tuple(
            _pay(one, path=path, may_judge=may_judge, may_tip=may_tip, frozen=frozen, now=now) for one in pays
        ),
        tips=tuple(
            BrandTip(
                worker=names.get(tip.worker_id, "the worker"),
                amount=Money(amount_minor=tip.amount_minor, currency=tip.currency),
                given_at=tip.given_at,
                taken_back=tip.refunded_at is not None,
                refund=Action(href=f"{path}/tips/{tip.id}/refund", label="Take the tip back")
                if may_tip and tip.refunded_at is None
                else None,
            )
            for tip in tips
        ),
        reasons=CHOICES,
    )


def _pay(
    one: PayOfTicket, *, path: str, may_judge: bool, may_tip: bool, frozen: bool, now: datetime
) -> BrandPay:
    earning = one.earning
    act = f"{path}/earnings/{earning.id}"
    waits = one.rejection is not None and one.rejection.state is RejectionState.WAITING
    disputed = earning.state is EarningState.DISPUTED
    kept = earning.state in (EarningState.HELD, EarningState.DISPUTED)
    open_for_words = may_judge and not frozen and one.rejection is None
    own = bool(one.replies) and all(reply.as_shown for reply in one.replies)
    in_review = (
        one.hold is not None and one.hold.opened_at < earning.window_ends_at
        if disputed
        else earning.state in (EarningState.IN_WINDOW, EarningState.HELD) and now < earning.window_ends_at
    )
    may_reject = open_for_words and in_review and not own and bool(one.replies)
    return BrandPay(
        earning=str(earning.id),
        worker=alias(one.worker_name),
        amount=Money(amount_minor=earning.amount_minor, currency=earning.currency),
        state=STATES[earning.state],
        notices=tuple(_notices(one)),
        reject=Action(href=f"{act}/rejection", label="Reject this pay") if may_reject else None,
        dispute=Action(href=f"{act}/dispute", label="Dispute this pay")
        if open_for_words and earning.state in BEFORE_SENT
        else None,
        undo=Action(href=f"{act}/rejection/{one.rejection.id}/undo", label="Undo the rejection")
        if may_judge and waits and one.rejection is not None
        else None,
        release=Action(href=f"{act}/release", label="Let it be paid")
        if may_judge and disputed and not waits
        else None,
        tip=Action(href=f"{act}/tip", label="Give a tip")
        if may_tip and earning.state not in TIPPED
        else None,
        replies=_reply_choices(one.replies),
        why_not=_why_not(one, kept=kept, own=own, frozen=frozen, in_review=in_review) if may_judge else "",
    )


def _why_not(one: PayOfTicket, *, kept: bool, own: bool, frozen: bool, in_review: bool) -> str:
    if one.rejection is not None or one.earning.state not in (*BEFORE_SENT, EarningState.DISPUTED):
        return ""
    if frozen:
        return FROZEN
    if own:
        return OWN_ANSWER
    return "" if in_review or kept else REVIEW_OVER


def _notices(one: PayOfTicket) -> list[Notice]:
    found = []
    if one.hold is not None and one.hold.closed_at is None and one.rejection is None:
        found.append(Notice(text=f"{HELD[one.hold.cause]}: {one.hold.reason}", tone=Tone.WARN))
    if one.rejection is not None:
        waits = one.rejection.state is RejectionState.WAITING
        counts = "It counts in a minute" if waits else "It is rejected"
        text = f"{REASONS[one.rejection.reason]}. {one.rejection.note} {counts}."
        found.append(Notice(text=text, tone=Tone.WARN))
    if one.appeal is not None:
        end = one.appeal.ended_as
        decided = "The appeal was not granted" if end is AppealEnd.UPHELD else "The appeal restored the pay"
        said = f"The worker appealed: {one.appeal.said}"
        found.append(Notice(text=said if end is None else f"{decided}: {one.appeal.answer}", tone=Tone.INFO))
    return found


def evidence(said: SaidOfPay | None, *, now: datetime) -> WorkerEvidence | None:
    """What stands against a worker's pay; None when nothing does. The brand's words are masked for him."""
    if said is None:
        return None
    if said.rejection is None:
        if said.hold is None:
            return None
        return WorkerEvidence(
            title=HELD[said.hold.cause],
            reason="It is not paid until somebody has decided.",
            text=mask(said.hold.reason).text,
            at=said.hold.opened_at,
        )
    rejection, appeal = said.rejection, said.appeal
    counted = rejection.state is RejectionState.COUNTED
    in_time = rejection.settled_at is not None and now - rejection.settled_at <= APPEAL_WITHIN
    return WorkerEvidence(
        title=f"Rejected by {JUDGES[rejection.judge]}"
        if counted
        else f"{JUDGES[rejection.judge]} rejects it",
        reason=REASONS[rejection.reason],
        text=mask(rejection.note).text,
        at=rejection.rejected_at,
        reply=said.reply,
        appeal=Action(href=f"/worker/earnings/rejections/{rejection.id}/appeal", label="Appeal")
        if counted and in_time and appeal is None
        else None,
        appealed=_appealed(appeal.ended_as) if appeal else "",
        answer=mask(appeal.answer).text if appeal else "",
    )


def _appealed(end: AppealEnd | None) -> str:
    return APPEAL_WAITS if end is None else APPEAL_ENDS[end]


def appeal_case(one: WaitingPay, *, person: PersonId) -> WaitingCase:
    """An appeal with both sides' words; `person` may be who rejected it, and then another decides."""
    rejection, appeal = one.rejection, one.appeal
    if rejection is None or appeal is None:
        raise ValueError("an appeal is against a rejection")
    mine = rejection.rejected_by == person
    act = f"/finance/disputes/appeals/{appeal.id}"
    return _case(
        one,
        key=str(appeal.id),
        badge=Badge(label=REASONS[rejection.reason], tone=Tone.WARN),
        said_by=JUDGES[rejection.judge],
        said=rejection.note,
        since=appeal.appealed_at,
        reply=one.reply,
        appeal=appeal.said,
        uphold=None if mine else Action(href=f"{act}/upheld", label="Uphold the rejection"),
        reverse=None if mine else Action(href=f"{act}/reversed", label="Restore the pay"),
        not_yours="You rejected it, so somebody else decides." if mine else "",
    )


def hold_case(one: WaitingPay) -> WaitingCase:
    hold = one.hold
    if hold is None:
        raise ValueError("this pay is not held")
    act = f"/finance/disputes/{one.earning.brand_id}/{one.earning.id}"
    return _case(
        one,
        key=str(one.earning.id),
        badge=Badge(label="held" if hold.cause is HoldCause.QA else "disputed", tone=Tone.WARN),
        said_by="Human Cloud" if hold.cause is HoldCause.QA else "the brand",
        said=hold.reason,
        since=hold.opened_at,
        release=Action(href=f"{act}/release", label="Let it be paid"),
        reject=Action(href=f"{act}/rejection", label="Reject it") if _may_reject(one) else None,
        replies=_reply_choices(one.replies),
        not_yours=_waits(one.rejection),
    )


def _may_reject(one: WaitingPay) -> bool:
    return one.rejection is None and any(not reply.as_shown for reply in one.replies)


def _waits(rejection: EarningRejection | None) -> str:
    return "A rejection of it counts within a minute." if rejection is not None else ""


def _case(
    one: WaitingPay, *, key: str, badge: Badge, said_by: str, said: str, since: datetime, **more: object
) -> WaitingCase:
    return WaitingCase(
        key=key,
        earning_href=f"/finance/earnings/{one.earning.id}",
        title=f"#{one.ticket_number} {one.subject}",
        worker=one.worker_name,
        brand=one.brand_name,
        amount=Money(amount_minor=one.earning.amount_minor, currency=one.earning.currency),
        badge=badge,
        said_by=said_by,
        said=mask(said).text,
        since=since,
        **more,  # type: ignore[arg-type]  # keywords of this module alone
    )


def frozen_brand(freeze: RejectionFreeze, name: str) -> FrozenBrand:
    return FrozenBrand(
        key=str(freeze.brand_id),
        name=name,
        sentence=f"It rejected {freeze.rejected} of {freeze.decided} decided earnings.",
        since=freeze.frozen_at,
        lift=Action(href=f"/finance/disputes/freezes/{freeze.brand_id}/lifting", label="Let it reject again"),
    )


def _reply_choices(replies: Sequence[ShownReply]) -> tuple[Choice, ...]:
    """Those that may be named, by their time in UTC."""
    return tuple(
        Choice(value=str(one.reply), label=f"Reply of {one.written_at:%-d %b %Y, %H:%M} UTC")
        for one in replies
        if not one.as_shown
    )
