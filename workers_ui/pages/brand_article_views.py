"""One article for the people of its brand: schedule, checks, history and diffs in words."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import groupby

from knowledge_base.diffs import Change, Diff, DiffLine, diff
from knowledge_base.editing import Editor
from knowledge_base.history import RevisionText
from knowledge_base.models import ArticleState
from knowledge_base.passages import split
from knowledge_base.queries import RevisionLine
from knowledge_base.reading.documents import Document
from knowledge_base.schedules import Schedule, ScheduleLine, StepKind
from knowledge_base.verification import Reminder, Verification
from marketplace.accounts.queries import MemberCard
from marketplace.kernel.ids import PersonId
from workers_ui.pages.places import place_of
from workers_ui.presenters import articles as views
from workers_ui.presenters.values import Badge, Choice, Tone

OVERDUE = Badge(label="overdue", tone=Tone.BAD)
UNVERIFIED = Badge(label="not verified", tone=Tone.WARN)
DUE_SOON = Badge(label="due soon", tone=Tone.WARN)
VERIFIED = Badge(label="verified", tone=Tone.GOOD)
IN_FORCE = Badge(label="in force", tone=Tone.GOOD)
PLANNED = Badge(label="planned", tone=Tone.INFO)
NOBODY = "no owner"
SIGNS: Mapping[Change, tuple[str, str]] = {
    Change.SAME: ("", ""),
    Change.ADDED: ("+", "added"),
    Change.REMOVED: ("−", "removed"),
    Change.SKIPPED: ("⋯", ""),
}


def sections(base: str, *, current: str, can_edit: bool) -> tuple[views.Section, ...]:
    named = [("Text", ""), ("History", "/history"), *([("Edit", "/edit")] if can_edit else [])]
    return tuple(
        views.Section(label=label, href=f"{base}{rest}", current=rest == current) for label, rest in named
    )


def holds_now(schedule: Schedule) -> str:
    """What holds until when, where the schedule says more than the state does."""
    current = schedule.current
    if current is None or current.kind is not StepKind.SEASON:
        return ""
    return f"Revision {current.revision_number} holds for a time; afterwards the standing text returns."


def planned(schedule: Schedule) -> tuple[views.PlannedLine, ...]:
    return tuple(
        views.PlannedLine(
            text=_step(line),
            starts_at=line.starts_at,
            starts=line.starts_at.isoformat() if line.cancelable else "",
        )
        for line in schedule.planned
    )


def _step(line: ScheduleLine) -> str:
    match line.kind:
        case StepKind.STANDING:
            return f"Revision {line.revision_number} begins to hold"
        case StepKind.SEASON:
            return f"Revision {line.revision_number} holds for a time"
        case StepKind.RETURN if line.revision_number:
            return f"Revision {line.revision_number} returns"
        case _:
            return "Nothing holds any more"


def draft(
    newest: RevisionLine, state: ArticleState, schedule: Schedule, names: Mapping[PersonId, str]
) -> views.UnpublishedDraft | None:
    """What may be published: a text that never was, or the last one of what is retired."""
    if newest.number not in schedule.published:
        heading = f"Revision {newest.number} is a draft: it holds nowhere yet"
    elif state is ArticleState.RETIRED and not schedule.planned:
        heading = "Retired: nothing holds. Publishing brings the last text back"
    else:
        return None
    return views.UnpublishedDraft(
        heading=heading,
        revision=newest.number,
        author=author(newest.author, names),
        written_at=newest.written_at,
    )


def held(schedule: Schedule) -> tuple[views.HeldRow, ...]:
    lines = (*((schedule.current,) if schedule.current else ()), *schedule.past)
    return tuple(
        views.HeldRow(
            text=f"Revision {line.revision_number}" if line.revision_number else "Nothing",
            starts_at=line.starts_at,
            ends_at=line.ends_at,
        )
        for line in lines
    )


def checks(found: Verification, members: Sequence[MemberCard], *, now: datetime) -> views.Checks:
    return views.Checks(
        owner_name=found.owner_name,
        owner=str(found.owner or ""),
        owners=tuple(Choice(value=str(member.person), label=member.name) for member in members),
        own_days=str(found.own_days or ""),
        every_days=found.every_days,
        state=_checked(verified=found.verified, due_at=found.due_at, now=now),
        verified_at=found.verified_at,
        due_at=found.due_at,
    )


def _checked(*, verified: bool, due_at: datetime, now: datetime) -> Badge:
    if not verified:
        return UNVERIFIED
    return OVERDUE if due_at <= now else VERIFIED


def revisions(
    lines: Sequence[RevisionLine],
    names: Mapping[PersonId, str],
    schedule: Schedule,
    *,
    can_edit: bool,
) -> tuple[views.RevisionRow, ...]:
    in_force = schedule.current.revision_number if schedule.current else None
    to_come = {line.revision_number for line in schedule.planned}
    return tuple(
        views.RevisionRow(
            number=line.number,
            title=line.title,
            note=line.note,
            author=author(line.author, names),
            written_at=line.written_at,
            state=IN_FORCE if line.number == in_force else PLANNED if line.number in to_come else None,
            restorable=can_edit and line.number != in_force,
        )
        for line in lines
    )


def author(person: PersonId | None, names: Mapping[PersonId, str]) -> str:
    """Texts of an API key or an import by command have no person."""
    return names.get(person, "somebody who left") if person else "your own system"


def comparison(before: RevisionText, after: RevisionText) -> views.DiffView:
    found = diff(_whole(before.title, before.markdown), _whole(after.title, after.markdown))
    return diff_view(found, title=f"Revision {before.number} → revision {after.number}")


def against_typed(theirs: RevisionText, title: str, typed: str) -> views.DiffView:
    found = diff(_whole(theirs.title, theirs.markdown), _whole(title, typed))
    return diff_view(found, title=f"Revision {theirs.number} → your text")


def _whole(title: str, text: str) -> str:
    return f"{title}\n\n{text}"


def diff_view(found: Diff, *, title: str) -> views.DiffView:
    if not found.added and not found.removed:
        summary = "The two texts read the same."
    else:
        summary = f"{_lines(found.added)} added, {_lines(found.removed)} removed"
    return views.DiffView(
        title=title, summary=summary, rows=tuple(_row(line) for line in found.lines), cut=found.cut
    )


def _lines(count: int) -> str:
    return "1 line" if count == 1 else f"{count:,} lines"


def _row(line: DiffLine) -> views.DiffRow:
    sign, word = SIGNS[line.change]
    if line.change is Change.SKIPPED:
        equal = (views.DiffStretch(text=f"{_lines(line.count)} as they were"),)
        return views.DiffRow(change=line.change.value, sign=sign, stretches=equal)
    return views.DiffRow(
        change=line.change.value,
        sign=sign,
        word=word,
        stretches=tuple(
            views.DiffStretch(text=stretch.text, changed=stretch.changed) for stretch in line.stretches
        ),
    )


def editors(found: Sequence[Editor]) -> tuple[views.EditorName, ...]:
    return tuple(views.EditorName(name=one.name, since=one.since) for one in found)


def preview(document: Document) -> tuple[views.QuotedPassage, ...]:
    """The passages as workers would be quoted them."""
    return tuple(
        views.QuotedPassage(section_path=place_of(passage.path, passage.page), text=passage.text)
        for passage in split(document)
    )


def due(found: Sequence[Reminder], *, now: datetime) -> tuple[views.OwnersArticles, ...]:
    by_owner = groupby(found, key=lambda one: (one.owner, one.owner_name))
    return tuple(
        views.OwnersArticles(owner=name or NOBODY, articles=tuple(_due(one, now) for one in own))
        for (_, name), own in by_owner
    )


def _due(one: Reminder, now: datetime) -> views.DueArticle:
    state = _checked(verified=one.verified, due_at=one.due_at, now=now)
    return views.DueArticle(
        article=str(one.article),
        title=one.title,
        state=DUE_SOON if state is VERIFIED else state,
        due_at=one.due_at,
    )
