"""Sample views of a brand's imports: under way, with failures, before publishing, taken back."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from workers_ui.gallery_samples import SLUG, MakeFrame, ago, brand_frame
from workers_ui.presenters.knowledge_imports import (
    DiffKind,
    DiffPiece,
    DraftPage,
    DraftPassageView,
    DraftRow,
    FileRow,
    ImportPage,
    ImportProgress,
    ImportRow,
    ImportsPage,
    KeptArticle,
    RefusedPart,
    Repeat,
    Total,
)
from workers_ui.presenters.values import Action, Badge, FilterTab, Notice, Tone
from workers_ui.templating import PageView

HREF = f"/b/{SLUG}/knowledge/imports/i7"
KNOWLEDGE = f"/b/{SLUG}/knowledge"
READY = Badge(label="ready", tone=Tone.GOOD)
FAILED = Badge(label="failed", tone=Tone.BAD)
RETURNS = (
    "Goods that arrive damaged are refunded in full within 30 days. Send a photo of the damage and of the box. "
    "We pay the postage. The money is with you three working days after the parcel reaches us."
)


def progress(state: str, stage: str, done: int, total: int = 3, note: str = "") -> ImportProgress:
    return ImportProgress(
        slug=SLUG,
        import_id="i8" if note else "i7",
        state=state,
        stage_label=stage,
        done=done,
        total=total,
        note=note,
    )


def _totals(
    files: int, new: int, changed: int, unchanged: int, passages: int, failed: int
) -> tuple[Total, ...]:
    return (
        Total(label="Files", value=files),
        Total(label="New articles", value=new),
        Total(label="Changed", value=changed),
        Total(label="Unchanged", value=unchanged),
        Total(label="Passages", value=passages),
        Total(label="Failed", value=failed, tone="bad" if failed else ""),
    )


def _page(frame: MakeFrame, shown: ImportProgress, badge: Badge) -> ImportPage:
    return ImportPage(
        frame=brand_frame(frame, HREF),
        slug=SLUG,
        href=HREF,
        state=badge,
        source_label="Uploaded here, Mira Holt",
        progress=shown,
    )


def imports(frame: MakeFrame) -> PageView:
    row = ImportRow(
        href=HREF,
        started_at=ago(hours=2),
        who="Uploaded here, Mira Holt",
        state=READY,
        files=38,
        new=29,
        changed=2,
        failed=3,
    )
    taken_back = replace(
        row,
        started_at=ago(days=1),
        who="Sent by the API, your own system; taken back by Ada Lovelace",
        state=Badge(label="taken back", tone=Tone.WARN),
        failed=0,
    )
    return ImportsPage(frame=brand_frame(frame, KNOWLEDGE), slug=SLUG, rows=(row, taken_back))


def no_imports(frame: MakeFrame) -> PageView:
    return ImportsPage(frame=brand_frame(frame, KNOWLEDGE), slug=SLUG)


def running(frame: MakeFrame) -> PageView:
    info = Tone.INFO
    page = _page(frame, progress("reading", "being read", 2, 5), Badge(label="reading", tone=info))
    return replace(
        page,
        is_running=True,
        totals=_totals(5, 1, 1, 0, 14, 0),
        files=(
            FileRow(
                name="returns-and-refunds.md",
                state=Badge(label="indexing", tone=info),
                gave="1 new · 9 passages",
            ),
            FileRow(
                name="care/machine-care.html",
                state=Badge(label="indexing", tone=info),
                gave="1 changed · 5 passages",
            ),
            FileRow(name="care/descaling.md", state=Badge(label="splitting", tone=info)),
            FileRow(name="warranty.pdf", state=Badge(label="reading", tone=info)),
            FileRow(
                name="shipping-abroad-with-a-very-long-name-that-has-to-break-somewhere.md",
                state=Badge(label="queued"),
            ),
        ),
    )


def failures(frame: MakeFrame) -> PageView:
    page = _page(frame, progress("ready", "ready, 31 articles, 4 unchanged", 38, 38), READY)
    return replace(
        page,
        totals=_totals(38, 29, 2, 4, 246, 3),
        retry=Action(href=f"{HREF}/retry", label="Read 2 failed files again"),
        undo=Action(href=f"{HREF}/undo", label="Undo this import"),
        undo_effect="Undoing retires the 29 new articles and brings the 2 changed back to the text before. "
        "What was changed since stays.",
        file_tabs=(
            FilterTab(label="All", href=f"{HREF}#files", count=38, current=True),
            FilterTab(label="Ready", href=f"{HREF}?state=ready#files", count=35),
            FilterTab(label="Failed", href=f"{HREF}?state=failed#files", count=3),
        ),
        files=(
            FileRow(
                name="leaflet-scanned.pdf",
                state=FAILED,
                reason="Its 4 pages are pictures without text.",
                remedy="Have its text recognised (OCR), save it as PDF again and upload that.",
                retry=3,
            ),
            FileRow(
                name="notes.md",
                state=FAILED,
                reason="It is empty.",
                remedy="Write the article's text into it, or leave it out.",
                retry=4,
            ),
            FileRow(
                name="returns-and-refunds.md",
                state=FAILED,
                reason="Another file of this upload has the same name.",
                remedy="Rename it and upload it again.",
            ),
            FileRow(
                name="faq.jsonl",
                state=READY,
                gave="28 new, 3 unchanged · 31 passages",
                refusals=(
                    RefusedPart(
                        name="faq.jsonl, line 12",
                        reason="It is not valid JSON.",
                        remedy="Write one object a line.",
                    ),
                ),
                more_refusals=2,
            ),
            FileRow(
                name="care/machine-care.html",
                state=READY,
                gave="1 changed · 5 passages",
                notes=("Hidden text was left out.",),
            ),
        ),
    )


def review(frame: MakeFrame) -> PageView:
    page = _page(
        frame, progress("review", "ready for your look", 4, 4), Badge(label="not published", tone=Tone.WARN)
    )
    new, changed = Badge(label="new", tone=Tone.GOOD), Badge(label="changed", tone=Tone.INFO)
    look = Badge(label="to look at", tone=Tone.WARN)
    return replace(
        page,
        callouts=(
            Notice(text="Nothing is published yet. Look at what was read, then publish it or discard it."),
            Notice(
                text="1 article repeats what another article says. Look at them and leave out what you do not "
                "want twice.",
                tone=Tone.WARN,
            ),
        ),
        totals=_totals(4, 3, 1, 0, 22, 0),
        publish=Action(href=f"{HREF}/publish", label="Publish 3 articles"),
        discard=Action(href=f"{HREF}/discard", label="Discard all"),
        draft_tabs=(
            FilterTab(label="All", href=f"{HREF}?show=all", count=4, current=True),
            FilterTab(label="Repeating another", href=f"{HREF}?show=repeats", count=1),
            FilterTab(label="Left out", href=f"{HREF}?show=left_out", count=1),
        ),
        drafts=(
            _draft("a1", "Returns and refunds", "returns-and-refunds.md", changed, 9),
            _draft(
                "a2",
                "Refunds, old page",
                "archive/refunds-2024.md",
                new,
                3,
                repeats="82 % in common with another",
            ),
            _draft("a3", "Descaling", "care/descaling.md", new, 6),
            replace(
                _draft("a4", "Staff only: price rules", "internal/prices.md", new, 4),
                left_out=True,
                decide=Action(href=f"{HREF}/articles/a4/take-in", label="Take in again"),
            ),
        ),
        files=(
            FileRow(name="returns-and-refunds.md", state=look, gave="1 changed · 9 passages"),
            FileRow(name="archive/refunds-2024.md", state=look, gave="1 new · 3 passages"),
            FileRow(name="care/descaling.md", state=look, gave="1 new · 6 passages"),
            FileRow(name="internal/prices.md", state=look, gave="1 new · 4 passages"),
        ),
    )


def _draft(article: str, title: str, file: str, kind: Badge, passages: int, *, repeats: str = "") -> DraftRow:
    href = f"{HREF}/articles/{article}"
    return DraftRow(
        href=href,
        title=title,
        file=file,
        kind=kind,
        passages=passages,
        repeats=repeats,
        decide=Action(href=f"{href}/leave-out", label="Leave out"),
    )


def undone(frame: MakeFrame) -> PageView:
    page = _page(frame, progress("undone", "taken back", 2, 2), Badge(label="taken back", tone=Tone.WARN))
    return replace(
        page,
        callouts=(
            Notice(
                text="1 article retired, 1 brought back to the text before. 1 article was changed since and stayed.",
                tone=Tone.WARN,
            ),
        ),
        kept=(KeptArticle(href=f"{KNOWLEDGE}/a1", title="Returns and refunds"),),
        totals=_totals(2, 2, 1, 0, 12, 0),
        files=(
            FileRow(
                name="returns-and-refunds.md", state=Badge(label="taken back"), gave="1 changed · 9 passages"
            ),
            FileRow(name="faq.jsonl", state=Badge(label="taken back"), gave="2 new · 3 passages"),
        ),
    )


def look(frame: MakeFrame) -> PageView:
    """A nearly same text beside the other one, and what changes."""
    return DraftPage(
        frame=brand_frame(frame, f"{HREF}/articles/a2"),
        slug=SLUG,
        import_href=HREF,
        title="Refunds, old page",
        file="archive/refunds-2024.md",
        kind=Badge(label="changed", tone=Tone.INFO),
        text=RETURNS.replace("30 days", "14 days"),
        notes=("Hidden text was left out.",),
        changed=(
            DiffPiece(kind=DiffKind.SAME, text="Goods that arrive damaged are refunded in full within"),
            DiffPiece(kind=DiffKind.GONE, text=" 21"),
            DiffPiece(kind=DiffKind.NEW, text=" 14"),
            DiffPiece(
                kind=DiffKind.SAME, text=" days. Send a photo of the damage … three working days after."
            ),
        ),
        title_before="Refunds",
        passages=(
            DraftPassageView(
                place="Archive › Damaged on arrival", text=RETURNS.replace("30 days", "14 days")
            ),
            DraftPassageView(place="", text="Write to us before you send anything back."),
        ),
        repeats=(
            Repeat(
                title="Returns and refunds",
                href=f"{KNOWLEDGE}/a1",
                label="82 % in common, in your knowledge base: returns-and-refunds.md",
                text=RETURNS,
            ),
        ),
        decide=Action(href=f"{HREF}/articles/a2/leave-out", label="Leave out"),
        earlier_href=f"{HREF}/articles/a1",
        later_href=f"{HREF}/articles/a3",
    )


BUILDERS: Mapping[str, Callable[[MakeFrame], PageView]] = {
    "imports": imports,
    "imports-empty": no_imports,
    "import": running,
    "import-failures": failures,
    "import-review": review,
    "import-undone": undone,
    "import-draft": look,
}
