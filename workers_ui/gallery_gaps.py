"""Sample views of what knowledge is missing: the gap list, gaps in each state, coverage."""

from collections.abc import Callable, Mapping
from datetime import timedelta

from workers_ui.gallery_samples import BRAND, NOW, SLUG, MakeFrame, ago, brand_frame, usd
from workers_ui.presenters import gaps as views
from workers_ui.presenters.outcomes import WorstRow
from workers_ui.presenters.values import Badge, FilterTab, FormState, Tone
from workers_ui.templating import PageView

BASE = f"/b/{SLUG}/knowledge"
OPEN = Badge(label="open", tone=Tone.WARN)
WRITTEN = Badge(label="being written", tone=Tone.INFO)
CLOSED = Badge(label="closed", tone=Tone.GOOD)
DISMISSED = Badge(label="dismissed")
RISING = Badge(label="rising", tone=Tone.BAD)
STEADY = Badge(label="steady")


def _row(number: int, **changes: object) -> views.GapRow:
    values: dict[str, object] = {
        "gap": f"g{number}",
        "name": "Can I change the engraving after ordering?",
        "key_words": "engraving, change, text, ordering",
        "state": OPEN,
        "tickets": 14,
        "trend": RISING,
        "recent": "11 in 30 days, 3 before",
        "escalations": 4,
        "reopens": 1,
        "cost": usd(2384),
    }
    return views.GapRow(**(values | changes))  # type: ignore[arg-type]  # keywords come from this module alone


ROWS = (
    _row(1),
    _row(
        2,
        name="Is the travel mug safe for the dishwasher, lid and all, or will the seal come off again?",
        key_words="mug, dishwasher, seal",
        state=WRITTEN,
        tickets=6,
        trend=STEADY,
        recent="3 in 30 days, 3 before",
        escalations=0,
        reopens=0,
        cost=usd(640),
    ),
    _row(
        3,
        name="Do you ship to Norway?",
        key_words="ship, norway",
        tickets=2,
        trend=Badge(label="new", tone=Tone.WARN),
        recent="2 in 30 days, 0 before",
        escalations=0,
        reopens=0,
        cost=usd(0),
    ),
)


def _parts(current: str) -> tuple[FilterTab, ...]:
    parts: tuple[tuple[str, str, int | None], ...] = (
        ("", "Articles", 27),
        ("gaps", "Gaps", 3),
        ("coverage", "Coverage", None),
        ("wrong", "Reported wrong", 2),
    )
    return tuple(
        FilterTab(label=label, href=f"{BASE}/{part}" if part else BASE, count=count, current=part == current)
        for part, label, count in parts
    )


def _states(current: str, counts: tuple[int, int, int]) -> tuple[FilterTab, ...]:
    named = zip(("Open", "Closed", "Dismissed"), counts, strict=True)
    return tuple(
        FilterTab(
            label=label,
            href=f"{BASE}/gaps?state={label.lower()}",
            count=count,
            current=label.lower() == current,
        )
        for label, count in named
    )


def _gaps(frame: MakeFrame, rows: tuple[views.GapRow, ...], current: str, **more: object) -> views.GapsPage:
    return views.GapsPage(
        frame=brand_frame(frame, f"{BASE}/gaps"),
        slug=SLUG,
        brand=BRAND,
        tabs=_parts("gaps"),
        states=_states(current, (3, 1, 0) if rows else (0, 0, 0)),
        rows=rows,
        **more,  # type: ignore[arg-type]  # keywords come from this module alone
    )


def gap_list(frame: MakeFrame) -> PageView:
    return _gaps(frame, ROWS, "open")


def gap_list_closed(frame: MakeFrame) -> PageView:
    closed = _row(4, state=CLOSED, closed_by="Machine care and descaling", closed_href=f"{BASE}/a3")
    return _gaps(frame, (closed,), "closed")


def gap_list_empty(frame: MakeFrame) -> PageView:
    return _gaps(frame, (), "open", any_gap=False)


EXAMPLES = (
    views.GapExample(
        ticket="t1",
        number="#4817",
        question="Can I change the engraving after ordering? I wrote {customer_name} twice in order {order_number}.",
        asked_at=ago(hours=5),
        why="Guidance had no answer; escalated to you. No passage matches well enough.",
        nearest_title="Returns and refunds",
        nearest_quote="Engraved goods cannot be returned unless they arrive damaged.",
        match="confidence 0.31, below your threshold of 0.50",
    ),
    views.GapExample(
        ticket="t2",
        number="#4790",
        question="The engraving has a typo, is it too late?",
        asked_at=ago(days=2),
        why="Given back for want of knowledge.",
    ),
)
PARTS = (
    views.CostPart(
        label="Unpaid worker time",
        note="Claims that ended in release or expiry without a reply. Workers bear it; you do not pay it.",
        amount=usd(1846),
    ),
    views.CostPart(
        label="Escalation fees",
        note="What the ledger posted for confirmed escalations: the worker's fee and the platform's share.",
        amount=usd(288),
    ),
    views.CostPart(
        label="Work taken back by reopens",
        note="The prices of resolutions that did not hold, as the ledger took them back: done twice, paid once.",
        amount=usd(250),
    ),
)
LINES = (
    views.GapCostLine(
        what="Unpaid time",
        how="46 min 9 s at 2.00 USD for 5 minutes",
        ticket="t1",
        number="#4817",
        lost_at=ago(hours=4),
        amount=usd(1846),
    ),
    views.GapCostLine(
        what="Escalation fee",
        how="posted when the escalation was confirmed",
        ticket="t1",
        number="#4817",
        lost_at=ago(hours=3),
        amount=usd(288),
    ),
    views.GapCostLine(
        what="Work taken back",
        how="posted when the customer wrote again",
        ticket="t3",
        number="#4711",
        lost_at=ago(days=3),
        amount=usd(250),
    ),
)
SOURCES = (
    views.SourceTicket(
        ticket="t3", number="#4711", subject="Wrong engraving", worker="Ama O.", resolved_at=ago(days=1)
    ),
    views.SourceTicket(
        ticket="t4",
        number="#4702",
        subject="Engraving question",
        worker="Ben K.",
        resolved_at=ago(days=6),
        article_href=f"{BASE}/a9",
    ),
)


def _gap(frame: MakeFrame, row: views.GapRow, **more: object) -> views.GapPage:
    return views.GapPage(
        frame=brand_frame(frame, f"{BASE}/gaps/{row.gap}"),
        slug=SLUG,
        brand=BRAND,
        row=row,
        first_at=NOW - timedelta(days=41),
        last_at=ago(hours=5),
        examples=EXAMPLES,
        parts=PARTS,
        whole=usd(2384),
        lines=LINES,
        sources=SOURCES,
        **more,  # type: ignore[arg-type]  # keywords come from this module alone
    )


def gap(frame: MakeFrame) -> PageView:
    return _gap(frame, ROWS[0])


def gap_closed(frame: MakeFrame) -> PageView:
    return _gap(
        frame,
        _row(4, state=CLOSED),
        is_open=False,
        closed_at=ago(hours=1),
        article_href=f"{BASE}/a9",
        article_title="Changing an engraving",
    )


def gap_dismissed(frame: MakeFrame) -> PageView:
    return _gap(
        frame,
        _row(5, state=DISMISSED),
        is_open=False,
        dismissed_by="Mira Holt",
        dismissed_at=ago(days=2),
        dismissed_because="We no longer engrave.",
    )


def gap_refused(frame: MakeFrame) -> PageView:
    said = "Say in a few words, 500 characters at most, why this gap needs no article."
    return _gap(frame, ROWS[0], form=FormState(values={"reason": ""}, errors={"reason": said}))


def _coverage(name: str, counts: tuple[int, int, int], change: Badge) -> views.CoverageRow:
    covered, partly, missing = counts
    tickets = covered + partly + missing
    return views.CoverageRow(
        category=name,
        tickets=tickets,
        covered=covered,
        partly=partly,
        missing=missing,
        share=covered / tickets,
        change=change,
    )


def coverage(frame: MakeFrame) -> PageView:
    rows = (
        _coverage("Engraving", (3, 9, 14), Badge(label="−12 points", tone=Tone.BAD)),
        _coverage("Shipping", (61, 20, 4), Badge(label="+6 points", tone=Tone.GOOD)),
        _coverage("Returns", (88, 7, 2), Badge(label="as before")),
        _coverage("Wholesale", (4, 0, 0), Badge(label="no month before")),
    )
    return views.CoveragePage(
        frame=brand_frame(frame, f"{BASE}/coverage"),
        slug=SLUG,
        brand=BRAND,
        tabs=_parts("coverage"),
        since=(NOW - timedelta(days=29)).date(),
        rows=rows,
        caption="A passage above the threshold was there for 156 of 212 tickets.",
        whole=_coverage("All categories", (156, 36, 20), Badge(label="+3 points", tone=Tone.GOOD)),
        worst=(
            WorstRow(
                title="Returns and refunds",
                href=f"{BASE}/a1#outcomes",
                good=2,
                faults=4,
                score=Badge(label="2 of 6 went well: at least 10 %", tone=Tone.BAD),
            ),
            WorstRow(
                title="Gift cards",
                href=f"{BASE}/a2#outcomes",
                good=1,
                faults=1,
                score=Badge(label="too few to say (2 of 5 known)"),
            ),
        ),
        open_gaps=3,
    )


def coverage_empty(frame: MakeFrame) -> PageView:
    return views.CoveragePage(
        frame=brand_frame(frame, f"{BASE}/coverage"),
        slug=SLUG,
        brand=BRAND,
        tabs=_parts("coverage"),
        since=(NOW - timedelta(days=29)).date(),
        rows=(),
        caption="Guidance has looked at no ticket in the last 30 days.",
        whole=None,
    )


BUILDERS: Mapping[str, Callable[[MakeFrame], PageView]] = {
    "gaps": gap_list,
    "gaps-closed": gap_list_closed,
    "gaps-empty": gap_list_empty,
    "gap": gap,
    "gap-closed": gap_closed,
    "gap-dismissed": gap_dismissed,
    "gap-refused": gap_refused,
    "coverage": coverage,
    "coverage-empty": coverage_empty,
}
