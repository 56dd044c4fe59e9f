"""An import as a brand's people see it: its stages, its files, and the articles it would publish or has published."""

from collections.abc import Mapping
from urllib.parse import urlencode

from knowledge_base.import_acts import PUBLISHED_ENDS
from knowledge_base.import_models import FileState, ImportArticleState, ImportSource, ImportState
from knowledge_base.import_queries import FileLine, ImportStatus
from knowledge_base.import_review import DraftDetail, DraftLine, OtherText, Outcome
from marketplace.kernel.ids import PersonId
from workers_ui.pages.brand_article_views import author
from workers_ui.presenters import knowledge_imports as views
from workers_ui.presenters.values import Action, Badge, FilterTab, Notice, Tone

SECTION_JOINT = " › "
WORD_FOR_WORD = 100
STAGES: Mapping[ImportState, str] = {
    ImportState.OPEN: "being uploaded",
    ImportState.FETCHING: "being fetched",
    ImportState.QUEUED: "waiting to be read",
    ImportState.READING: "being read",
    ImportState.REVIEW: "ready for your look",
    ImportState.PUBLISHING: "being published",
    ImportState.INDEXING: "being indexed",
    ImportState.READY: "ready",
    ImportState.FAILED: "nothing was taken",
    ImportState.DISCARDING: "being discarded",
    ImportState.DISCARDED: "discarded",
    ImportState.UNDOING: "being taken back",
    ImportState.UNDONE: "taken back",
}
BADGES: Mapping[ImportState, Badge] = {
    ImportState.OPEN: Badge(label="uploading", tone=Tone.INFO),
    ImportState.FETCHING: Badge(label="fetching", tone=Tone.INFO),
    ImportState.QUEUED: Badge(label="queued", tone=Tone.INFO),
    ImportState.READING: Badge(label="reading", tone=Tone.INFO),
    ImportState.REVIEW: Badge(label="not published", tone=Tone.WARN),
    ImportState.PUBLISHING: Badge(label="publishing", tone=Tone.INFO),
    ImportState.INDEXING: Badge(label="indexing", tone=Tone.INFO),
    ImportState.READY: Badge(label="ready", tone=Tone.GOOD),
    ImportState.FAILED: Badge(label="failed", tone=Tone.BAD),
    ImportState.DISCARDING: Badge(label="discarding", tone=Tone.WARN),
    ImportState.DISCARDED: Badge(label="discarded"),
    ImportState.UNDOING: Badge(label="taking back", tone=Tone.WARN),
    ImportState.UNDONE: Badge(label="taken back", tone=Tone.WARN),
}
FILE_BADGES: Mapping[FileState, Badge] = {
    FileState.FETCHING: Badge(label="fetching", tone=Tone.INFO),
    FileState.QUEUED: Badge(label="queued"),
    FileState.READING: Badge(label="reading", tone=Tone.INFO),
    FileState.SPLITTING: Badge(label="splitting", tone=Tone.INFO),
    FileState.REVIEW: Badge(label="to look at", tone=Tone.WARN),
    FileState.INDEXING: Badge(label="indexing", tone=Tone.INFO),
    FileState.READY: Badge(label="ready", tone=Tone.GOOD),
    FileState.FAILED: Badge(label="failed", tone=Tone.BAD),
    FileState.DROPPED: Badge(label="taken back"),
}
SOURCES: Mapping[ImportSource, str] = {
    ImportSource.UPLOAD: "Uploaded here",
    ImportSource.API: "Sent by the API",
    ImportSource.COMMAND: "Imported by the command line",
    ImportSource.ADDRESS: "Fetched from an address",
    ImportSource.SITEMAP: "Fetched from a sitemap",
}
DECISIONS: Mapping[ImportState, str] = {
    ImportState.DISCARDING: "discarded",
    ImportState.DISCARDED: "discarded",
    ImportState.UNDOING: "taken back",
    ImportState.UNDONE: "taken back",
}
RUNNING = frozenset(
    {
        ImportState.OPEN,
        ImportState.FETCHING,
        ImportState.QUEUED,
        ImportState.READING,
        ImportState.PUBLISHING,
        ImportState.INDEXING,
        ImportState.DISCARDING,
        ImportState.UNDOING,
    }
)
NEW = Badge(label="new", tone=Tone.GOOD)
CHANGED = Badge(label="changed", tone=Tone.INFO)


def counted(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def import_progress(status: ImportStatus, *, slug: str) -> views.ImportProgress:
    return views.ImportProgress(
        slug=slug,
        import_id=str(status.id),
        state=status.state.value,
        stage_label=stage(status),
        done=status.files_read,
        total=status.files,
        note=_went_wrong(status),
    )


def stage(status: ImportStatus) -> str:
    """Where it is, in words; at the end also what it gave."""
    said = STAGES[status.state]
    if status.state is not ImportState.READY:
        return said
    unchanged = f", {status.unchanged:,} unchanged" if status.unchanged else ""
    return f"{said}, {counted(status.articles, 'article')}{unchanged}"


def _went_wrong(status: ImportStatus) -> str:
    failed = status.by_state.get(FileState.FAILED, 0)
    return f"{counted(failed, 'file')} failed" if failed else ""


def row(status: ImportStatus, *, base: str, names: Mapping[PersonId, str]) -> views.ImportRow:
    return views.ImportRow(
        href=f"{base}/{status.id}",
        started_at=status.started_at,
        who=who(status, names),
        state=BADGES[status.state],
        files=status.files,
        new=status.articles_new,
        changed=status.articles_changed,
        failed=status.by_state.get(FileState.FAILED, 0),
    )


def who(status: ImportStatus, names: Mapping[PersonId, str]) -> str:
    """Where it came from and by whose hand; whose decision it was where somebody decided."""
    said = f"{SOURCES[status.source]}, {author(status.author, names)}"
    decision = DECISIONS.get(status.state)
    if decision is None and status.looks_first and status.state in PUBLISHED_ENDS:
        decision = "published"
    return f"{said}; {decision} by {author(status.decided_by, names)}" if decision else said


def totals(status: ImportStatus) -> tuple[views.Total, ...]:
    failed = status.by_state.get(FileState.FAILED, 0)
    return (
        views.Total(label="Files", value=status.files),
        views.Total(label="New articles", value=status.articles_new),
        views.Total(label="Changed", value=status.articles_changed),
        views.Total(label="Unchanged", value=status.unchanged),
        views.Total(label="Passages", value=status.passages),
        views.Total(label="Failed", value=failed, tone="bad" if failed else ""),
    )


def callouts(status: ImportStatus, done: Outcome) -> tuple[Notice, ...]:
    """One sentence on what the state means for the person."""
    match status.state:
        case ImportState.REVIEW:
            return _before_publishing(done)
        case ImportState.UNDONE:
            return (Notice(text=_undone(done), tone=Tone.WARN if done.kept else Tone.GOOD),)
        case ImportState.DISCARDED:
            return (Notice(text="Nothing of it was published. What held before holds.", tone=Tone.INFO),)
        case ImportState.OPEN:
            return (Notice(text="Files are still arriving. Reading begins when all are here."),)
        case _:
            return ()


def _before_publishing(done: Outcome) -> tuple[Notice, ...]:
    said = Notice(text="Nothing is published yet. Look at what was read, then publish it or discard it.")
    if not done.repeats:
        return (said,)
    repeats = f"{counted(done.repeats, 'article repeats', 'articles repeat')} what another article says."
    return (
        said,
        Notice(text=f"{repeats} Look at them and leave out what you do not want twice.", tone=Tone.WARN),
    )


def _undone(done: Outcome) -> str:
    gone_back = done.count(ImportArticleState.UNDONE) - done.retired
    said = f"{counted(done.retired, 'article')} retired, {gone_back:,} brought back to the text before."
    kept = done.count(ImportArticleState.KEPT)
    return (
        f"{said} {counted(kept, 'article was', 'articles were')} changed since and stayed." if kept else said
    )


def undo_effect(status: ImportStatus) -> str:
    """What an undo would do, before anybody asks for it."""
    return (
        f"Undoing retires the {counted(status.articles_new, 'new article')} and brings the "
        f"{status.articles_changed:,} changed back to the text before. What was changed since stays."
    )


def file_row(line: FileLine, *, can_retry: bool) -> views.FileRow:
    return views.FileRow(
        name=line.name,
        state=FILE_BADGES[line.state],
        gave=_gave(line),
        reason=line.problem.reason,
        remedy=line.problem.remedy,
        notes=line.notes,
        refusals=tuple(
            views.RefusedPart(name=one.name, reason=one.problem.reason, remedy=one.problem.remedy)
            for one in line.refusals
        ),
        more_refusals=line.more_refusals,
        retry=line.ordinal if can_retry and line.can_retry else None,
    )


def _gave(line: FileLine) -> str:
    parts = [
        f"{number:,} {word}"
        for number, word in (
            (line.articles_new, "new"),
            (line.articles_changed, "changed"),
            (line.articles_unchanged, "unchanged"),
        )
        if number
    ]
    return f"{', '.join(parts)} · {counted(line.passages, 'passage')}" if parts else ""


def file_tabs(status: ImportStatus, href: str, current: FileState | None) -> tuple[FilterTab, ...]:
    """All files, and those in each state there is."""
    tabs = [FilterTab(label="All", href=f"{href}#files", count=status.files, current=current is None)]
    for state in FileState:
        if count := status.by_state.get(state, 0):
            address = f"{href}?{urlencode({'state': state.value})}#files"
            label = FILE_BADGES[state].label.capitalize()
            tabs.append(FilterTab(label=label, href=address, count=count, current=current is state))
    return tuple(tabs) if len(tabs) > 2 else ()


def draft_row(line: DraftLine, *, base: str, may_decide: bool) -> views.DraftRow:
    href = f"{base}/articles/{line.article}"
    return views.DraftRow(
        href=href,
        title=line.title,
        file=line.file,
        kind=kind(line),
        passages=line.passages,
        repeats=repeats_label(line.repeats_percent),
        left_out=line.state is ImportArticleState.LEFT_OUT,
        decide=decision(line, href) if may_decide else None,
    )


def kind(line: DraftLine) -> Badge:
    return NEW if line.is_new else CHANGED


def repeats_label(percent: int) -> str:
    if not percent:
        return ""
    return "same text as another" if percent == WORD_FOR_WORD else f"{percent} % in common with another"


def decision(line: DraftLine, href: str) -> Action:
    """The one button an article that waits has."""
    if line.state is ImportArticleState.LEFT_OUT:
        return Action(href=f"{href}/take-in", label="Take in again")
    return Action(href=f"{href}/leave-out", label="Leave out")


def passages(detail: DraftDetail) -> tuple[views.DraftPassageView, ...]:
    return tuple(
        views.DraftPassageView(
            place=SECTION_JOINT.join(passage.section_path)
            + (f" · page {passage.page}" if passage.page else ""),
            text=passage.text,
        )
        for passage in detail.passages
    )


def changed(detail: DraftDetail) -> tuple[views.DiffPiece, ...]:
    return tuple(
        views.DiffPiece(kind=views.DiffKind(stretch.change.value), text=stretch.text)
        for stretch in detail.changed
    )


def repeat(other: OtherText, *, knowledge_href: str, import_href: str) -> views.Repeat:
    where = "in this import" if other.in_import else "in your knowledge base"
    share = "The same text" if other.share_percent == WORD_FOR_WORD else f"{other.share_percent} % in common"
    base = f"{import_href}/articles" if other.in_import else knowledge_href
    return views.Repeat(
        title=other.title,
        href=f"{base}/{other.article}",
        label=f"{share}, {where}: {other.key}",
        text=other.text,
    )
