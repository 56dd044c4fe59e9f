"""What became of a reply and of an article's answers, in words that worker, brand and finance read alike."""

from collections.abc import Sequence
from typing import Protocol

from guidance.article_outcomes import FEWEST_JUDGED, ArticleRecord, ArticleReply, Record, RevisionOutcomes
from guidance.reply_outcomes import NotCounted
from workers_ui.presenters import outcomes as views
from workers_ui.presenters.values import Badge, Tone


class WentBadly(Protocol):
    @property
    def reopened(self) -> bool: ...
    @property
    def rated_low(self) -> bool: ...
    @property
    def refused(self) -> bool: ...
    @property
    def corrected(self) -> bool: ...


def what_went_badly(found: WentBadly) -> str:
    """ "reopened by the customer and rated one or two stars"."""
    told = {
        "reopened by the customer": found.reopened,
        "rated one or two stars": found.rated_low,
        "refused before it left": found.refused,
        "put right by a correction": found.corrected,
    }
    return " and ".join(words for words, holds in told.items() if holds)


class Outcome(WentBadly, Protocol):
    @property
    def as_shown(self) -> bool: ...
    @property
    def is_bad(self) -> bool: ...
    @property
    def resolved(self) -> bool: ...
    @property
    def held(self) -> bool: ...


def outcome(found: Outcome | None) -> str:
    """Empty while nothing is known."""
    if found is None:
        return ""
    if found.is_bad:
        whose = (
            "It left as guidance showed it, so it counts against the article, not the worker."
            if found.as_shown
            else "It was not sent as guidance showed it, so it does not count against the article."
        )
        said = what_went_badly(found)
        return f"{said[0].upper()}{said[1:]}. {whose}"
    if found.held:
        return "Resolved, and it stayed so."
    return "Resolved; the customer may still reopen it." if found.resolved else ""


def not_counted(found: NotCounted) -> views.NotCountedRow:
    return views.NotCountedRow(
        ticket=str(found.ticket),
        number=f"#{found.number}",
        brand=found.brand,
        title=found.title,
        what=what_went_badly(found),
        written_at=found.written_at,
    )


def article(
    revisions: Sequence[RevisionOutcomes], replies: Sequence[ArticleReply], *, slug: str
) -> views.ArticleOutcomes | None:
    """None where nothing was shown or used."""
    if not revisions:
        return None
    return views.ArticleOutcomes(
        revisions=tuple(
            views.RevisionRow(
                label=f"revision {one.revision}",
                score=score(one.record),
                shown=one.shown,
                inserted=one.inserted,
                as_shown=one.as_shown,
                edited=one.edited,
                median="" if one.edited_share is None else f"{100 * one.edited_share:.0f} %",
                resolved=one.resolved,
                reopened=one.reopened,
                rated_low=one.rated_low,
                refused=one.refused,
                corrected=one.corrected,
                faults=one.faults,
            )
            for one in revisions
        ),
        replies=tuple(
            views.ArticleReplyRow(
                href=f"/b/{slug}/tickets/{one.ticket}",
                number=f"#{one.number}",
                used=f"revision {one.revision}, {_used(one)}",
                outcome=outcome(one) or "Nothing known yet.",
                written_at=one.written_at,
            )
            for one in replies
        ),
    )


def _used(one: ArticleReply) -> str:
    return "sent as shown" if one.as_shown else f"{100 * one.edited_share:.0f} % changed"


def worst(found: ArticleRecord, *, articles_path: str) -> views.WorstRow:
    return views.WorstRow(
        title=found.title,
        href=f"{articles_path}/{found.article}#outcomes",
        good=found.record.good,
        faults=found.record.faults,
        score=score(found.record),
    )


def score(record: Record) -> Badge:
    """At least how many of a hundred go well, by what is known."""
    if record.score is None:
        return Badge(label=f"too few to say ({record.judged} of {FEWEST_JUDGED} known)", tone=Tone.NEUTRAL)
    label = f"{record.good} of {record.judged} went well: at least {100 * record.score:.0f} %"
    return Badge(label=label, tone=Tone.BAD if record.is_failing else Tone.GOOD)
