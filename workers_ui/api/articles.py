"""A brand's articles, one at a time: their texts, when they hold, who answers for them."""

from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

from knowledge_base import drafting, history, publishing, queries, verification
from knowledge_base.reading.apart import WHILE_SOMEONE_WAITS, read_apart
from knowledge_base.reading.documents import Document
from knowledge_base.reading.formats import Kind
from knowledge_base.schedules import ScheduleLine, schedule
from knowledge_base.wishes import Wish, put_as_wished
from marketplace.accounts.api_keys import ApiScope
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import Invalid
from marketplace.kernel.ids import BrandId
from workers_ui.api.schemas import (
    ArticleIn,
    ArticleOut,
    ArticlesOut,
    ArticleStatusOut,
    PublicationIn,
    RestorationIn,
    RevisionsOut,
)
from workers_ui.deps import HasTx, by_key

router = APIRouter(tags=["knowledge"])

Reads = Annotated[BrandId, Depends(by_key(ApiScope.KNOWLEDGE_READ))]
Writes = Annotated[BrandId, Depends(by_key(ApiScope.KNOWLEDGE_WRITE))]


class NotOneArticle(Invalid):
    """The text holds no article, or several. Send one at a time."""


@router.get("/articles", response_model=ArticlesOut)
def list_articles(
    tx: HasTx,
    brand: Reads,
    q: Annotated[str, Query(max_length=queries.MAX_SEARCH_CHARACTERS)] = "",
    page: Annotated[int, Query(ge=1, le=queries.MAX_PAGES)] = 1,
) -> dict[str, Any]:
    """The articles that are not retired, 50 a page, by key."""
    found = queries.articles(tx, brand=brand, page=page, search=q)
    return {"articles": [_line(line) for line in found.lines], "page": found.page, "more": found.has_more}


@router.get("/articles/{key:path}", response_model=ArticleStatusOut)
def read_article(key: str, tx: HasTx, brand: Reads) -> dict[str, Any]:
    """One article: its state, what holds and what is planned, who answers for it, whether search has it."""
    detail = queries.article_by_key(tx, brand=brand, key=key)
    line, now = detail.line, app_now(tx)
    newest = history.newest_revision(tx, brand=brand, article=line.id)
    checked = verification.verification(tx, brand=brand, article=line.id)
    held = schedule(tx, brand=brand, article=line.id, now=now)
    in_force = held.current.revision_number if held.current else None
    return {
        **_line(line),
        "revision": newest.number,
        "in_force": in_force,
        "text": newest.markdown,
        "indexed": in_force is not None and not queries.index_status(tx, brand=brand).behind,
        "planned": [_step(step) for step in held.planned],
        "owner": checked.owner_name or None,
        "verified": checked.verified and checked.due_at > now,
        "verified_at": checked.verified_at,
        "verify_due_at": checked.due_at,
        "verify_days": checked.every_days,
    }


@router.put("/articles/{key:path}", response_model=ArticleOut)
def put_article(key: str, body: ArticleIn, tx: HasTx, brand: Writes) -> ArticleOut:
    """Create or replace the article under `key`. The same content again changes nothing.

    With `effective_until` the text holds for that time only, then what stands returns; with `draft` it holds nowhere
    until it is published.
    """
    wish = Wish(
        document=_document(key, body),
        note=body.note,
        starts=body.effective_from,
        ends=body.effective_until,
        as_draft=body.draft,
        owner=body.owner,
        verify_days=body.verify_days,
        vouched=body.verified,
        over=body.expected_revision,
    )
    put = put_as_wished(tx, brand=brand, wish=wish, now=app_now(tx))
    return _put(tx, brand, key, put)


@router.delete("/articles/{key:path}", status_code=204)
def delete_article(key: str, tx: HasTx, brand: Writes) -> None:
    """Retire the article: from this answer on it is in no search, and nothing of it is planned."""
    publishing.delete_article(tx, brand=brand, key=key)


@router.get("/revisions/{key:path}", response_model=RevisionsOut)
def list_revisions(key: str, tx: HasTx, brand: Reads) -> dict[str, Any]:
    """The article's texts, newest first, and the times at which each held."""
    detail = queries.article_by_key(tx, brand=brand, key=key)
    held = schedule(tx, brand=brand, article=detail.line.id, now=app_now(tx))
    current = (held.current,) if held.current else ()
    return {
        "revisions": [
            {
                "revision": line.number,
                "title": line.title,
                "note": line.note,
                "by_key": line.author is None,
                "written_at": line.written_at,
            }
            for line in detail.revisions
        ],
        "history": [_step(step) for step in (*current, *held.past)],
    }


@router.post("/publications/{key:path}", response_model=ArticleOut)
def publish_article(key: str, body: PublicationIn, tx: HasTx, brand: Writes) -> ArticleOut:
    """Let a revision hold: now or from a date, for good or until another; without a number the newest one."""
    article = queries.article_by_key(tx, brand=brand, key=key).line.id
    text = (
        history.newest_revision(tx, brand=brand, article=article)
        if body.revision is None
        else history.revision_text(tx, brand=brand, article=article, number=body.revision)
    )
    changed = publishing.publish_revisions(
        tx,
        brand=brand,
        revisions=[text.id],
        author=None,
        now=app_now(tx),
        starts=body.effective_from,
        ends=body.effective_until,
    )
    put = drafting.Put(
        article_id=article, revision_id=text.id, revision_number=text.number, changed=bool(changed)
    )
    return _put(tx, brand, key, put)


@router.delete("/publications/{key:path}", status_code=204)
def cancel_publication(key: str, starts_at: datetime, tx: HasTx, brand: Writes) -> None:
    """Take back what is planned to begin at `starts_at`."""
    article = queries.article_by_key(tx, brand=brand, key=key).line.id
    publishing.cancel_planned(
        tx, brand=brand, article=article, starts=_aware(starts_at), author=None, now=app_now(tx)
    )


@router.post("/verifications/{key:path}", status_code=204)
def verify_article(key: str, tx: HasTx, brand: Writes) -> None:
    """Say that the text that holds is still true."""
    verification.verify_article(tx, brand=brand, key=key, now=app_now(tx))


@router.post("/restorations/{key:path}", response_model=ArticleOut)
def restore_article(key: str, body: RestorationIn, tx: HasTx, brand: Writes) -> ArticleOut:
    """Let an old text hold again, as a new revision that says where it came from."""
    article = queries.article_by_key(tx, brand=brand, key=key).line.id
    put = history.restore_revision(
        tx, brand=brand, article=article, number=body.revision, author=None, now=app_now(tx)
    )
    return _put(tx, brand, key, put)


class TimeWithoutZone(Invalid):
    """Write the time with its zone, such as 2026-12-01T00:00:00Z."""


def _aware(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise TimeWithoutZone
    return moment


def _document(key: str, body: ArticleIn) -> Document:
    """The text as an article. It is read in a process of its own; Markdown is kept to be edited later."""
    reading = read_apart(key, body.text.encode(), kind=Kind(body.format), limits=WHILE_SOMEONE_WAITS)
    if reading.refusals:
        raise Invalid(reading.refusals[0].reason)
    if len(reading.documents) != 1:
        raise NotOneArticle
    source = body.text if body.format == "markdown" else None
    return replace(reading.documents[0], key=key, title=body.title, source=source)


def _put(tx: Tx, brand: BrandId, key: str, put: drafting.Put) -> ArticleOut:
    line = queries.article(tx, brand=brand, article_id=put.article_id).line
    return ArticleOut(
        key=drafting.plain_name(key),
        revision=put.revision_number,
        changed=put.changed,
        state=line.state.value,
    )


def _line(line: queries.ArticleLine) -> dict[str, Any]:
    return {
        "key": line.key,
        "title": line.title,
        "state": line.state.value,
        "revision": line.revision_number,
        "passages": line.passages,
        "written_at": line.written_at,
        "verified_at": line.verified_at,
        "next_change_at": line.next_change_at,
    }


def _step(step: ScheduleLine) -> dict[str, Any]:
    return {
        "kind": step.kind.value,
        "starts_at": step.starts_at,
        "ends_at": step.ends_at,
        "revision": step.revision_number,
    }
