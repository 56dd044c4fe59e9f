"""Sample views of a worker's desk in each of its states."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date

from guidance.article_outcomes import READ_FIRST
from workers_ui.gallery_samples import (
    BRAND,
    CLAIMED,
    LABEL,
    WAITING,
    MakeFrame,
    ago,
    ahead,
    usd,
    worker_frame,
)
from workers_ui.pages import report_views
from workers_ui.pages.desk_views import ENDED_KNOWLEDGE, MARKED_IN_THE_REPLY, RENEWED_SOON, WHAT_IT_MEANS
from workers_ui.presenters import worker
from workers_ui.presenters.handover import ReviewNotice
from workers_ui.presenters.receipts import Receipt
from workers_ui.presenters.values import (
    Badge,
    Choice,
    FormState,
    Tone,
)
from workers_ui.templating import PageView

QUESTION = (
    "Hello, I ordered a grinder last week and the parcel arrived broken: the hopper is cracked.\n\n"
    "I would like my money back please. My order is 88-1204, you reach me at ███@███."
)
THREAD = (
    worker.ThreadMessage(
        author=worker.Author.CUSTOMER, author_label="Customer", text=QUESTION, sent_at=ago(minutes=48)
    ),
)
ANSWERED_THREAD = (
    *THREAD,
    worker.ThreadMessage(
        author=worker.Author.WORKER,
        author_label="You",
        text="Hi, I am sorry your grinder arrived broken. I have started a full refund; it reaches your card "
        "in 3 to 5 business days. You do not need to send anything back.\n\nWarmly, Ana",
        sent_at=ago(minutes=12),
        affiliation_label=LABEL,
        state=Badge(label="sent", tone=Tone.GOOD),
    ),
)
CARDS = (
    worker.PassageCard(
        number=1,
        passage="p-81",
        article_title="Returns and refunds",
        section_path="Damaged on arrival",
        text="Goods that arrive damaged are refunded in full within 30 days. "
        "Items under $80 need not be sent back.",
        used=True,
        verified_on=date(2026, 11, 2),
    ),
    worker.PassageCard(
        number=2,
        passage="p-83",
        article_title="Returns and refunds",
        section_path="When the money arrives",
        text="Refunds reach the card in 3 to 5 business days. Bank transfers take up to 7.",
        used=True,
        verified_on=date(2026, 11, 2),
    ),
    worker.PassageCard(
        number=3,
        passage="p-112",
        article_title="Handling photos of damage",
        section_path="What to ask for › page 4",
        text="Ask for one photo of the damage if the order value is above $80.\n\nThe photo shows the broken part and "
        "the label on the parcel. A photo of the label alone is not enough.\n\nIf the customer has no photo, ask for "
        "the number under the base instead; it tells from which delivery the grinder is. Keep the photo with the "
        "ticket; the carrier asks for it within 14 days.",
        folded=True,
    ),
)
DRAFT = worker.SuggestedDraft(
    text="Hi {name},\n\nI am sorry your grinder arrived broken. Goods that arrive damaged are refunded "
    "in full, and you need not send it back. The refund reaches your card in 3 to 5 business days.\n\n"
    "Warmly, Northwind Coffee",
    confidence=0.92,
    confidence_label="High",
    cited_numbers=(1, 2),
    unfilled_slots=("{name}",),
)
WORKED_BEFORE = worker.WorkedBefore(
    article_title="Damaged in transit",
    question="My grinder came with a cracked jar, order {order_number}. You can reach me at {email}.",
    answer="Goods that arrive damaged are refunded in full, and you need not send it back.",
    worked=14,
    times=15,
)
VOICE = worker.Voice(
    summary="Warm and short. First names, no jargon, one idea a sentence.",
    do=("Say sorry once, then fix it", "Give days as numbers", "Offer the next step"),
    avoid=("“Unfortunately”", "“As per our policy”", "Promises without a source"),
    greeting="Hi {name},",
    sign_off="Warmly, Northwind Coffee",
)
RELEASE_REASONS = (
    Choice(value="language", label="The language"),
    Choice(value="knowledge", label="The knowledge does not cover it"),
    Choice(value="time", label="I have no time now"),
)
ESCALATION_REASONS = (
    Choice(value="needs_account", label="It needs access to the account"),
    Choice(value="not_covered", label="The knowledge does not cover it"),
    Choice(value="legal", label="Legal or safety"),
)
CATEGORIES = (
    Choice(value="returns", label="Returns"),
    Choice(value="orders", label="Orders"),
    Choice(value="product", label="Product"),
)


NOTES = (
    worker.NoteLine(
        author_label="Another expert",
        text="The photo shows the hopper, not the burrs. No refund was promised.",
        written_at=ago(hours=3),
    ),
    worker.NoteLine(author_label="You", text="Asked for the order number.", written_at=ago(minutes=9)),
)


CHECKED = worker.Checked(
    ticket="t1002",
    count="1 thing to fix, 2 things to look at",
    findings=(
        worker.LintFinding(
            text="Fill in “name” before sending.", blocking=True, start=3, end=9, place="unfilled_slot-3-9"
        ),
        worker.LintFinding(
            text="This promises what no passage shown says. Say what the knowledge says, or take it out.",
            excerpt="We promise you a new one by tomorrow.",
            start=46,
            end=83,
            place="promise-46-83",
            fix="We replace a grinder that arrives broken when you send us a photo.",
        ),
        worker.LintFinding(
            text="The customer wrote this themselves. Leave it hidden, or say “your e-mail address”.",
            excerpt="sam@example.com",
            start=84,
            end=99,
            place="customer_data-84-99",
            fix="[e-mail hidden]",
        ),
    ),
    seen="mark",
)


def sample_desk(frame: MakeFrame) -> worker.DeskPage:
    return worker.DeskPage(
        frame=worker_frame(frame, "/worker/t/t1002"),
        ticket="t1002",
        number="NC-1002",
        subject="Refund for a damaged grinder",
        brand=BRAND,
        channel="e-mail",
        language="EN",
        pay=usd(175),
        state=CLAIMED,
        lease=worker.Lease(
            claim_number=2, deadline=ahead(minutes=54, seconds=7), extends_to=ahead(minutes=114, seconds=7)
        ),
        thread=THREAD,
        guidance=worker.Guidance(
            state=worker.GuidanceState.READY,
            suggestion="s-9",
            cards=CARDS,
            draft=DRAFT,
            worked_before=WORKED_BEFORE,
        ),
        voice=VOICE,
        composer=worker.Composer(idempotency_key="k-1", affiliation_label=LABEL),
        category="returns",
        category_confirmed=True,
        categories=CATEGORIES,
        release_reasons=RELEASE_REASONS,
        escalation_reasons=ESCALATION_REASONS,
        report_reasons=report_views.reasons(),
        escalation_fee=usd(53),
        escalation_queues=(
            Choice(value="support", label="Support (decides within 1 day)"),
            Choice(value="billing", label="Billing (decides within 2 hours)"),
        ),
    )


def desk(frame: MakeFrame) -> PageView:
    return sample_desk(frame)


def desk_warned(frame: MakeFrame) -> PageView:
    composer = worker.Composer(
        idempotency_key="k-1",
        draft="Hi Sam,\n\nWe will send you a new grinder by tomorrow.",
        affiliation_label=LABEL,
        checked=replace(
            CHECKED, count="1 thing to look at", findings=CHECKED.findings[1:2], more=3, asked=True
        ),
        confirms=True,
    )
    form = FormState(problem="Not sent yet: look at this once. If the text is right, send it anyway.")
    return replace(sample_desk(frame), composer=composer, form=form)


def desk_lint(frame: MakeFrame) -> PageView:
    composer = worker.Composer(
        idempotency_key="k-1",
        draft="Hi {name},\n\nUnfortunately your grinder broke. We promise you a new one by tomorrow.",
        draft_revision=4,
        draft_saved_at=ago(seconds=40),
        affiliation_label=LABEL,
        inserted=("p-81",),
        checked=CHECKED,
    )
    form = FormState(problem="Not sent yet: one thing to fix first.")
    return replace(
        sample_desk(frame),
        composer=composer,
        form=form,
        category_confirmed=False,
        lease=worker.Lease(claim_number=2, deadline=ahead(minutes=1, seconds=40), extended=True),
        notes=NOTES,
    )


def desk_failing(frame: MakeFrame) -> PageView:
    """An answer that went badly more often than not."""
    desk = sample_desk(frame)
    said = READ_FIRST.format(faults=4, judged=6)
    draft = (
        replace(
            desk.guidance.draft,
            confidence=0.7,
            confidence_label="Fair",
            meaning=WHAT_IT_MEANS.format(tenths=7),
        )
        if desk.guidance.draft
        else None
    )
    return replace(desk, guidance=replace(desk.guidance, draft=draft, fails=True, next_step=said))


def desk_questions(frame: MakeFrame) -> PageView:
    draft = replace(
        DRAFT,
        text=DRAFT.text.replace("{name}", "Sam"),
        unfilled_slots=("{arrival_date}", "{return code}"),
        answered=(
            worker.AnsweredQuestion(question="Do I get my money back?", numbers=(1,)),
            worker.AnsweredQuestion(question="And how long does that take?", numbers=(2,)),
        ),
        not_answered=("Also, is the new hopper made of glass or of plastic?",),
        other_language="The customer writes in German; this answer is in English.",
        generator="house-model",
        sources=(
            worker.SentenceSource(
                sentence="Goods that arrive damaged are refunded in full within 30 days.",
                number=1,
                revision=4,
            ),
            worker.SentenceSource(
                sentence="Refunds reach the card in 3 to 5 business days.", number=2, revision=4
            ),
        ),
        filled_slots=(worker.SlotNote(label="order number", value="88-1204", source="ticket"),),
        open_slots=(
            worker.OpenSlot(name="arrival_date", label="arrival date", type="date"),
            worker.OpenSlot(name="return code", label="return code", type="text"),
        ),
    )
    guidance = worker.Guidance(state=worker.GuidanceState.READY, suggestion="s-11", cards=CARDS, draft=draft)
    return replace(sample_desk(frame), guidance=guidance)


def desk_abstained(frame: MakeFrame) -> PageView:
    guidance = worker.Guidance(
        state=worker.GuidanceState.ABSTAINED,
        suggestion="s-10",
        cards=CARDS[2:],
        reason="The nearest passage is about photos, not about customs duties.",
        next_step="Ask the customer for the one fact you miss, or escalate. Do not guess.",
    )
    return replace(sample_desk(frame), subject="Who pays the customs duty to Norway?", guidance=guidance)


def desk_preparing(frame: MakeFrame) -> PageView:
    return replace(sample_desk(frame), guidance=worker.Guidance(state=worker.GuidanceState.PREPARING))


def desk_stale(frame: MakeFrame) -> PageView:
    guidance = worker.Guidance(
        state=worker.GuidanceState.STALE,
        suggestion="s-9",
        reason=ENDED_KNOWLEDGE,
        next_step=f"{RENEWED_SOON} {MARKED_IN_THE_REPLY}",
    )
    return replace(sample_desk(frame), guidance=guidance)


def desk_answered(frame: MakeFrame) -> PageView:
    return replace(
        sample_desk(frame),
        thread=ANSWERED_THREAD,
        answered=True,
        receipts=(
            Receipt(
                worker_alias="you",
                sent_at=ago(minutes=12),
                edit_summary="draft inserted, sent unchanged",
                affiliation_label=LABEL,
                support="3 of 4 sentences stand in the passages. Guidance was 92 % confident.",
                outcome="Resolved; the customer may still reopen it.",
            ),
        ),
        state=WAITING,
        lease=worker.Lease(claim_number=2, deadline=None),
    )


def desk_in_review(frame: MakeFrame) -> PageView:
    return replace(
        sample_desk(frame),
        in_review=True,
        state=Badge(label="waits for approval", tone=Tone.INFO),
        lease=worker.Lease(claim_number=2, deadline=None),
        review=ReviewNotice(
            waiting=True,
            sentence=f"{BRAND} reads your reply before it is sent. If it does not answer in time, your reply is sent.",
            text="Hi Sam,\n\nkeep it until the new one is with you.",
            decide_by=ahead(minutes=48),
        ),
    )


def desk_lost(frame: MakeFrame) -> PageView:
    return replace(
        sample_desk(frame),
        lease=worker.Lease(
            claim_number=2,
            deadline=None,
            held=False,
            ended_reason="Your hour ended; the ticket is in the pool.",
            claimable=True,
        ),
        composer=worker.Composer(idempotency_key="k-1", draft="Hi Sam, I am sorry your grinder"),
        shown=CARDS[:2],
        guidance=worker.Guidance(
            state=worker.GuidanceState.READY, suggestion="s-9", cards=CARDS, draft=DRAFT
        ),
    )


BUILDERS: Mapping[str, Callable[[MakeFrame], PageView]] = {
    "desk": desk,
    "desk-lint": desk_lint,
    "desk-questions": desk_questions,
    "desk-warned": desk_warned,
    "desk-abstained": desk_abstained,
    "desk-failing": desk_failing,
    "desk-preparing": desk_preparing,
    "desk-stale": desk_stale,
    "desk-answered": desk_answered,
    "desk-in-review": desk_in_review,
    "desk-lost": desk_lost,
}
