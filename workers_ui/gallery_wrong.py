"""Sample views of what is wrong in the knowledge: reports, corrections, contradictions."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from guidance.correction_models import NoticeState
from guidance.corrections import own_label
from knowledge_base.report_models import ContradictionState, ReportReason, ReportState, ValueKind
from workers_ui.gallery_desk import CARDS, sample_desk
from workers_ui.gallery_samples import BRAND, SLUG, MakeFrame, ago, ahead, brand_frame, worker_frame
from workers_ui.pages import brand_contradictions, desk_views, report_views
from workers_ui.pages import brand_corrections_views as corrected
from workers_ui.pages import brand_wrong_answers_views as reported
from workers_ui.presenters import worker
from workers_ui.presenters.control import Section
from workers_ui.presenters.outcomes import NotCountedRow
from workers_ui.presenters.values import FilterTab, FormState
from workers_ui.presenters.wrong_answers import (
    ChangedRow,
    ContradictingSide,
    ContradictionCard,
    ContradictionsPage,
    CorrectedAnswer,
    CorrectionPage,
    CorrectionRow,
    CorrectionsPage,
    MarkedText,
    NoticeCard,
    PassageReportLine,
    WrongPassageCard,
    WrongPassagesPage,
)
from workers_ui.templating import PageView

BASE = f"/b/{SLUG}/knowledge"
WRONG = (
    "Goods that arrive damaged are refunded in full within 14 days. Items under $80 need not be sent back."
)


def tabs(current: str) -> tuple[FilterTab, ...]:
    parts = (
        ("", "Articles", 84),
        ("web", "From the web", 3),
        ("wrong", "Reported wrong", 2),
        ("corrections", "Corrections", 2),
        ("contradictions", "Contradictions", 1),
    )
    return tuple(
        FilterTab(label=label, href=f"{BASE}/{part}" if part else BASE, count=count, current=part == current)
        for part, label, count in parts
    )


def wrong(frame: MakeFrame) -> PageView:
    return _wrong_page(frame, (_quarantined(), _reported(), _changed()))


def wrong_refused(frame: MakeFrame) -> PageView:
    form = FormState(
        values={"reason": ""},
        errors={"reason": "Give a reason of 1 to 1,000 characters: those who reported the passage read it."},
    )
    return _wrong_page(frame, (replace(_reported(), form=form),))


def wrong_empty(frame: MakeFrame) -> PageView:
    return _wrong_page(frame, ())


def _wrong_page(frame: MakeFrame, cards: tuple[WrongPassageCard, ...]) -> WrongPassagesPage:
    filters = (("open", "To decide", 2), ("quarantined", "Quarantined", 2), ("all", "All", 3))
    return WrongPassagesPage(
        frame=brand_frame(frame, f"{BASE}/wrong"),
        slug=SLUG,
        brand=BRAND,
        path=f"{BASE}/wrong",
        tabs=tabs("wrong"),
        filters=tuple(
            FilterTab(label=label, href=f"{BASE}/wrong?show={show}", count=count, current=show == "all")
            for show, label, count in filters
        ),
        cards=cards,
        reports_needed=3,
        most_reports=20,
        can_edit=True,
    )


def _quarantined() -> WrongPassageCard:
    return WrongPassageCard(
        report="r1",
        href=f"{BASE}/wrong/r1",
        title="Returns and refunds",
        article_href=f"{BASE}/a1",
        quoted=WRONG,
        state=reported.BY_REPORTS,
        holds=True,
        quarantined_at=ago(minutes=18),
        reports=(
            _line("Bo K.", 1009, minutes=18, note="The customer’s order page says 30 days."),
            _line("Mina S.", 1004, hours=3),
            _line("Ana R.", 1002, hours=5, why=ReportReason.CONTRADICTS_FACTS),
        ),
        can_confirm=True,
        can_dismiss=False,
        correct_href=f"{BASE}/wrong/r1/corrections",
        replies=5,
    )


def _reported() -> WrongPassageCard:
    return WrongPassageCard(
        report="r2",
        href=f"{BASE}/wrong/r2",
        title="Descaling the espresso machine",
        article_href=f"{BASE}/a2",
        quoted="Run one litre of descaler through the machine, then two tanks of clear water.",
        state=reported.REPORTED,
        holds=True,
        quarantined_at=None,
        reports=(_line("Theo B.", 1011, hours=1, why=ReportReason.WRONG_PRODUCT),),
        can_confirm=True,
        can_dismiss=True,
    )


def _changed() -> WrongPassageCard:
    return WrongPassageCard(
        report="r3",
        href=f"{BASE}/wrong/r3",
        title="Subscription pauses",
        article_href=f"{BASE}/a3",
        quoted="A subscription may be paused once a year for up to 4 weeks.",
        state=reported.GONE,
        holds=False,
        quarantined_at=ago(days=9),
        reports=(replace(_line("Mina S.", 987, days=9), state=reported.STATES[ReportState.CONFIRMED]),),
        can_confirm=False,
        can_dismiss=False,
    )


def _line(
    who: str,
    number: int,
    *,
    note: str = "",
    why: ReportReason = ReportReason.OUT_OF_DATE,
    **since: float,
) -> PassageReportLine:
    return PassageReportLine(
        worker_alias=who,
        ticket_href=f"/b/{SLUG}/tickets/t{number}",
        ticket_number=f"#{number}",
        reason=report_views.REASONS[why],
        note=note,
        reported_at=ago(**since),
        state=reported.STATES[ReportState.OPEN],
    )


def desk_reporting(frame: MakeFrame) -> PageView:
    """One passage is reported, another one's report needs words."""
    desk = sample_desk(frame)
    heard = report_views.HEARD[ReportState.OPEN]
    cards = (replace(CARDS[0], reported=heard), *CARDS[1:])
    refusal = "Say in a few words what is wrong, or choose one of the other reasons."
    return replace(
        desk,
        guidance=replace(desk.guidance, cards=cards),
        form=FormState(
            values={"wrong_passage": "p-83", "words": ""}, errors={"words": refusal}, problem=refusal
        ),
    )


def desk_quarantined(frame: MakeFrame) -> PageView:
    guidance = worker.Guidance(
        state=worker.GuidanceState.STALE,
        suggestion="s-9",
        reason=desk_views.QUARANTINED,
        next_step=f"{desk_views.RENEWED_SOON} {desk_views.MARKED_IN_THE_REPLY}",
    )
    return replace(sample_desk(frame), guidance=guidance)


def mine_reports(frame: MakeFrame) -> PageView:
    return worker.MinePage(
        frame=worker_frame(frame, "/worker/mine"),
        not_counted=(
            NotCountedRow(
                ticket="t9",
                number="#1009",
                brand="Fern & Kettle",
                title="Returns and refunds",
                what="reopened by the customer and rated one or two stars",
                written_at=ago(days=3),
            ),
        ),
        corrected=(
            worker.CorrectedReply(
                ticket="t987",
                number="NC-987",
                brand=BRAND,
                sentences=("A subscription may be paused once a year for up to 4 weeks.",),
                corrected_at=ago(hours=6),
            ),
        ),
        reports=(
            worker.ReportLine(
                title="Returns and refunds",
                brand=BRAND,
                quoted=WRONG,
                reason="Out of date",
                state=report_views.TAKEN_OUT,
                outcome="Others reported it too: it is shown to nobody until the brand has looked.",
                reported_at=ago(hours=5),
            ),
            worker.ReportLine(
                title="Descaling the espresso machine",
                brand=BRAND,
                quoted="Run one litre of descaler through the machine, then two tanks of clear water.",
                reason="Wrong for this product",
                state=report_views.STATES[ReportState.DISMISSED],
                outcome=f"{BRAND} says: “It holds for both machines.”",
                reported_at=ago(days=2),
            ),
        ),
    )


DRAFTED = (
    "Hi Sam,\n\nIn our answer of 20 November 2026 we wrote: “Goods that arrive damaged are refunded in full "
    "within 14 days.” That was not right. We are sorry.\n\nWhat holds now:\n\nGoods that arrive damaged are "
    "refunded in full within 30 days.\n\nWarmly, Northwind Coffee"
)


def corrections(frame: MakeFrame) -> PageView:
    return CorrectionsPage(
        frame=brand_frame(frame, f"{BASE}/corrections"),
        slug=SLUG,
        brand=BRAND,
        path=f"{BASE}/corrections",
        tabs=tabs("corrections"),
        rows=(_row(),),
        changed=(
            ChangedRow(
                article="a3",
                revision="v2",
                article_href=f"{BASE}/a3",
                title="Subscription pauses",
                revision_label="revision 2",
                replies=7,
            ),
        ),
        can_send=True,
    )


def correction(frame: MakeFrame) -> PageView:
    drafted = _notice("n1", "Sam Doe", NoticeState.DRAFTED, body=DRAFTED)
    ungrounded = replace(
        _notice("n2", "Kim Ode", NoticeState.DRAFTED, body="Hi Kim,\n\nSee {order_id}."),
        grounded=False,
        form=FormState(errors={"body": "Fill in “order_id” before sending."}),
    )
    leaving = replace(
        _notice("n3", "Alex Roe", NoticeState.QUEUED, body=DRAFTED),
        leaves_at=ahead(seconds=22),
        can_undo=True,
    )
    sent = replace(
        _notice("n4", "Jo Poe", NoticeState.SENT, body=DRAFTED),
        sent_at=ago(minutes=4),
        label=own_label(BRAND),
    )
    skipped = replace(
        _notice("n5", "Lou Low", NoticeState.SKIPPED, body=DRAFTED),
        skip_reason="Told by phone.",
        can_undo=True,
    )
    return CorrectionPage(
        frame=brand_frame(frame, f"{BASE}/corrections/c1"),
        slug=SLUG,
        brand=BRAND,
        path=f"{BASE}/corrections/c1",
        back=f"{BASE}/corrections",
        title="Returns and refunds",
        article_href=f"{BASE}/a1",
        row=_row(),
        cards=(drafted, ungrounded, leaving, sent, skipped),
        label=own_label(BRAND),
        undo_seconds=30,
        can_send=True,
        most_characters=5_000,
    )


def _row() -> CorrectionRow:
    return CorrectionRow(
        href=f"{BASE}/corrections/c1",
        title="Returns and refunds",
        opened_at=ago(hours=1),
        customers=5,
        drafted=2,
        leaving=1,
        sent=1,
        skipped=1,
    )


def _notice(name: str, customer: str, state: NoticeState, *, body: str) -> NoticeCard:
    return NoticeCard(
        notice=name,
        href=f"{BASE}/corrections/c1/notices/{name}",
        customer=customer,
        state=corrected.STATES[state],
        body=body,
        grounded=True,
        answers=(
            CorrectedAnswer(
                ticket_href=f"/b/{SLUG}/tickets/t1002",
                ticket_number="#1002",
                replied_at=ago(days=2),
                sentences=("Goods that arrive damaged are refunded in full within 14 days.",),
            ),
        ),
        drafted=state is NoticeState.DRAFTED,
        can_undo=False,
    )


def contradictions(frame: MakeFrame) -> PageView:
    return ContradictionsPage(
        frame=brand_frame(frame, f"{BASE}/contradictions"),
        slug=SLUG,
        brand=BRAND,
        tabs=tabs("contradictions"),
        filters=tuple(
            Section(
                label=label, href=f"{BASE}/contradictions?show={show.value}", current=show.value == "open"
            )
            for show, label in brand_contradictions.FILTERS.items()
        ),
        cards=(_contradiction("k1"), replace(_contradiction("k2"), form=_no_reason())),
        can_edit=True,
    )


def contradictions_empty(frame: MakeFrame) -> PageView:
    full = contradictions(frame)
    assert isinstance(full, ContradictionsPage)
    return replace(full, cards=())


def _no_reason() -> FormState:
    return FormState(errors={"reason": "Say in 1 to 1,000 characters why both are right."})


def _contradiction(name: str) -> ContradictionCard:
    return ContradictionCard(
        contradiction=name,
        href=f"{BASE}/contradictions/{name}",
        kind=brand_contradictions.KINDS[ValueKind.DURATION],
        state=brand_contradictions.STATES[ContradictionState.OPEN],
        first=ContradictingSide(
            title="Returns and refunds",
            section_path="Damaged on arrival",
            article_href=f"{BASE}/a1",
            pieces=(
                MarkedText(text="Goods that arrive damaged are refunded in full within "),
                MarkedText(text="14 days", marked=True),
                MarkedText(text=". Items under $80 need not be sent back."),
            ),
        ),
        second=ContradictingSide(
            title="When a parcel arrives broken",
            section_path="",
            article_href=f"{BASE}/a9",
            pieces=(
                MarkedText(text="A damaged parcel is refunded in full within "),
                MarkedText(text="30 days", marked=True),
                MarkedText(text=" of its arrival. Send one photo."),
            ),
        ),
        is_open=True,
        found_at=ago(hours=4),
    )


BUILDERS: Mapping[str, Callable[[MakeFrame], PageView]] = {
    "wrong": wrong,
    "wrong-refused": wrong_refused,
    "wrong-empty": wrong_empty,
    "contradictions": contradictions,
    "contradictions-empty": contradictions_empty,
    "corrections": corrections,
    "correction": correction,
    "desk-reporting": desk_reporting,
    "desk-quarantined": desk_quarantined,
    "mine-reports": mine_reports,
}
