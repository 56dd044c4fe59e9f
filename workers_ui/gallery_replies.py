"""Sample views of what waits for a brand's word, of its rules for replies, and of the desk after a hand-over."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from workers_ui.gallery_brand import RECEIPT, brand_ticket
from workers_ui.gallery_desk import sample_desk
from workers_ui.gallery_samples import LABEL, ago, ahead, brand_frame
from workers_ui.presenters import brand, replies, worker
from workers_ui.presenters.control import control_sections
from workers_ui.presenters.frame import Frame
from workers_ui.presenters.handover import HandoverPanel, HandoverPart, HandoverQuote, ReviewNotice
from workers_ui.presenters.values import Badge, Choice, FilterTab, FormState, Tone
from workers_ui.templating import PageView

MakeFrame = Callable[..., Frame]
SLUG = "northwind-coffee"
BRAND = "Northwind Coffee"
BASE = f"/b/{SLUG}"
ANSWERED_ONCE = Badge(label="resolved", tone=Tone.GOOD)


def _tabs(current: str) -> tuple[FilterTab, ...]:
    return (
        FilterTab(label="Escalations", href=f"{BASE}/escalations", count=2, current=current == "escalations"),
        FilterTab(label="Replies to approve", href=f"{BASE}/reviews", count=3, current=current == "reviews"),
    )


def _review(name: str, subject: str, **changes: object) -> replies.ReviewCard:
    base = replies.ReviewCard(
        review=name,
        href=f"{BASE}/reviews/{name}",
        ticket="b1",
        number="#1002",
        subject=subject,
        category="Returns",
        channel="E-mail",
        question="My grinder arrived with a broken hopper. Do I have to send it back before I get a new one?",
        text="Hi Sam,\n\nNo, keep it until the new one is with you. We send the replacement today, free of charge.",
        label=LABEL,
        worker_alias="Ana R.",
        record="2 approved and 1 returned before",
        asked_at=ago(minutes=12),
        decide_by=ahead(minutes=48),
        then="then it is sent",
        receipt=RECEIPT,
    )
    return replace(base, **changes)  # type: ignore[arg-type]  # keywords come from this module alone


def reviews(frame: MakeFrame) -> PageView:
    refused = FormState(
        values={"reason": "other"},
        errors={"note": "A note may have 2,000 characters at most; with “something else” it must say what."},
    )
    return replies.ReviewsPage(
        frame=brand_frame(frame, f"{BASE}/reviews"),
        slug=SLUG,
        brand=BRAND,
        tabs=_tabs("reviews"),
        cards=(
            _review("r1", "Broken hopper on my new grinder"),
            _review(
                "r2",
                "Where does this coffee come from?",
                decide_by=ahead(minutes=3),
                worker_alias="Bo K.",
                record="first reply for you",
                receipt=None,
                form=refused,
            ),
            _review(
                "r3",
                "Can I return opened coffee?",
                then="then it goes back",
                changes_mark="4be1",
                changed=(
                    replies.ChangedGround(
                        title="Returns and refunds",
                        href=f"{BASE}/knowledge/a1",
                        what="The article says something else now.",
                        said="Opened coffee can be returned within 14 days.",
                        says_now="Opened coffee cannot be returned.",
                    ),
                    replies.ChangedGround(
                        title="Gift cards",
                        href="",
                        what="The article was erased.",
                        said="Valid for a year.",
                        says_now="",
                    ),
                ),
            ),
        ),
        reasons=(
            Choice(value="off_voice", label="It does not sound like us"),
            Choice(value="wrong", label="Something in it is wrong"),
            Choice(value="other", label="Something else: see the note"),
        ),
        waiting=3,
        probation="Each worker’s first 3 replies wait for your approval, 1 hour at most; then they are sent.",
        rules_href=f"{BASE}/control/replies",
    )


def reviews_empty(frame: MakeFrame) -> PageView:
    return replies.ReviewsPage(
        frame=brand_frame(frame, f"{BASE}/reviews"),
        slug=SLUG,
        brand=BRAND,
        tabs=_tabs("reviews"),
        cards=(),
        reasons=(),
        waiting=0,
        probation="Replies leave without approval: probation is off.",
    )


def escalations(frame: MakeFrame) -> PageView:
    return replies.EscalationsPage(
        frame=brand_frame(frame, f"{BASE}/escalations"),
        slug=SLUG,
        brand=BRAND,
        tabs=_tabs("escalations"),
        queues=(
            FilterTab(label="All queues", href=f"{BASE}/escalations", count=2, current=True),
            FilterTab(label="Support", href=f"{BASE}/escalations?queue=support", count=1),
            FilterTab(label="Billing", href=f"{BASE}/escalations?queue=billing", count=1),
        ),
        rows=(
            replies.EscalationRow(
                ticket="b1",
                number="#1014",
                subject="I will call my lawyer about this machine",
                queue="Support",
                reason="sensitive",
                note="The customer names a lawyer and a burn. I have not answered.",
                worker_alias="Ana R.",
                raised_at=ago(hours=20),
                decide_by=ahead(hours=4),
            ),
            replies.EscalationRow(
                ticket="b2",
                number="#1019",
                subject="Charged twice for the same subscription",
                queue="Billing",
                reason="needs an action of yours",
                note="",
                worker_alias="Bo K.",
                raised_at=ago(minutes=30),
                decide_by=ahead(hours=1, minutes=30),
            ),
        ),
    )


def control(frame: MakeFrame) -> PageView:
    return replies.RepliesControlPage(
        frame=brand_frame(frame, f"{BASE}/control/replies"),
        slug=SLUG,
        brand=BRAND,
        sections=control_sections(SLUG, "replies"),
        channels=(
            replies.ChannelRule(
                channel="email",
                label="E-mail",
                silence_minutes=2_880,
                grace_minutes=10,
                summary="Now 2 days of silence, and 10 minutes away.",
            ),
            replies.ChannelRule(
                channel="chat",
                label="Chat",
                silence_minutes=15,
                grace_minutes=2,
                summary="Now 15 minutes of silence, and 2 minutes away.",
                form=FormState(values={"silence_minutes": "soon"}, problem="Type a whole number."),
            ),
        ),
        queues=(
            replies.QueueRow(
                key="support",
                name="Support",
                decide_minutes=1_440,
                notify_email="",
                preselected=True,
                waiting=1,
            ),
            replies.QueueRow(
                key="billing",
                name="Billing",
                decide_minutes=120,
                notify_email="billing@northwind.example",
                preselected=False,
                waiting=1,
            ),
        ),
        after_limits=(
            Choice(value="send", label="It is sent as it is"),
            Choice(value="return", label="It goes back to the worker"),
        ),
        probation_form=FormState(
            values={
                "replies": "3",
                "limit_minutes": "60",
                "after_limit": "send",
                "accuracy_percent": "80",
            }
        ),
        standings=(
            replies.Standing(
                worker_alias="Ana R.",
                approved=2,
                rejected=1,
                state=Badge(label="on probation", tone=Tone.WARN),
            ),
            replies.Standing(
                worker_alias="Bo K.",
                approved=3,
                rejected=0,
                state=Badge(label="sends at once", tone=Tone.GOOD),
            ),
        ),
    )


def desk_handed_over(frame: MakeFrame) -> PageView:
    return replace(
        sample_desk(frame),
        handover=HandoverPanel(
            sentence="Answered once before",
            before="Goes on from #981, “Where is my grinder?”, settled before.",
            parts=(
                HandoverPart(
                    title="Promised: keep it, or say why not",
                    quotes=(
                        HandoverQuote(
                            text="If it is not there by Friday, we will send a replacement free of charge.",
                            who="Another expert",
                            said_at=ago(days=2),
                        ),
                    ),
                    warns=True,
                ),
                HandoverPart(
                    title="Open now",
                    quotes=(
                        HandoverQuote(
                            text="Will it be the old beans or fresh ones?",
                            who="Customer",
                            said_at=ago(minutes=4),
                        ),
                    ),
                    warns=True,
                ),
                HandoverPart(
                    title="Answered",
                    quotes=(
                        HandoverQuote(
                            text="The carrier lists your parcel as delayed in Memphis.",
                            who="Another expert",
                            said_at=ago(days=2),
                        ),
                    ),
                ),
                HandoverPart(title="Asked", quotes=()),
            ),
        ),
    )


def desk_returned(frame: MakeFrame) -> PageView:
    return replace(
        sample_desk(frame),
        composer=worker.Composer(
            idempotency_key="k-1",
            draft="Hi Sam,\n\nkeep it until the new one is with you.",
            draft_saved_at=ago(minutes=2),
            affiliation_label=LABEL,
        ),
        review=ReviewNotice(
            waiting=False,
            sentence=f"{BRAND} returned your reply: it does not answer everything. Your text is below.",
            note="Say too what happens when the first one turns up after all.",
        ),
    )


def ticket_linked(frame: MakeFrame) -> PageView:
    page = brand_ticket(frame)
    assert isinstance(page, brand.BrandTicketPage)
    return replace(
        page,
        review_href=f"{BASE}/reviews#review-r1",
        linked=(
            brand.LinkedTicket(
                label="Goes on from",
                href=f"{BASE}/tickets/b0",
                number="#981",
                subject="Where is my grinder?",
                state=ANSWERED_ONCE,
            ),
        ),
    )


BUILDERS: Mapping[str, Callable[[MakeFrame], PageView]] = {
    "reviews": reviews,
    "reviews-empty": reviews_empty,
    "escalations": escalations,
    "control-replies": control,
    "desk-handed-over": desk_handed_over,
    "desk-returned": desk_returned,
    "brand-ticket-linked": ticket_linked,
}
