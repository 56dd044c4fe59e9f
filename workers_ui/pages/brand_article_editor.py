"""Writing an article by hand: preview, drafts, publishing now or for a time; two who write lose nothing."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, Response

from knowledge_base import editing, history, publishing, queries
from knowledge_base.drafting import Put
from knowledge_base.editing import RevisedMeanwhile
from knowledge_base.reading.apart import WHILE_SOMEONE_WAITS, read_apart
from knowledge_base.reading.documents import Document
from knowledge_base.reading.formats import Kind
from marketplace.accounts import queries as accounts
from marketplace.accounts.permissions import Permission
from marketplace.accounts.sessions import Membership, Principal
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import AppError, Conflict, Invalid, TooLarge
from marketplace.kernel.ids import ArticleId, PersonId, new_id
from workers_ui.deps import CheckedForm, HasTx, IsSignedIn, as_uuid, at_brand
from workers_ui.errors import status_of
from workers_ui.frames import page as answer
from workers_ui.pages import brand_article_views as present
from workers_ui.pages.answers import see
from workers_ui.pages.brand_scope import TYPED_LIMIT, area_path, frame_for
from workers_ui.pages.typed_moments import UnreadableMoment, typed_moment
from workers_ui.pages.typed_text import typed_lines
from workers_ui.presenters.articles import (
    ArticleConflict,
    ArticleEditorPage,
    EditorName,
    EditorsPart,
    QuotedPassage,
)
from workers_ui.presenters.values import EMPTY_FORM, FormState

router = APIRouter()

Manages = Annotated[Membership, Depends(at_brand(Permission.MANAGE_KNOWLEDGE))]
ARTICLE_CHARACTERS = 100_000
PREVIEW_PASSAGES = 200
NEW = "new"


class ArticleTooLong(TooLarge):
    """An article written here may have 100,000 characters. Split it, or upload it as a file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """The editor's form as it came."""

    title: str
    text: str
    note: str
    base: int
    starts: str
    ends: str
    do: str

    def values(self) -> dict[str, str]:
        return {
            "title": self.title,
            "text": self.text,
            "note": self.note,
            "starts": self.starts,
            "ends": self.ends,
        }


def _typed(
    title: Annotated[str, Form(max_length=TYPED_LIMIT)] = "",
    text: Annotated[str, Form(max_length=1_000_000)] = "",
    note: Annotated[str, Form(max_length=TYPED_LIMIT)] = "",
    base: Annotated[int, Form(ge=0, le=1_000_000)] = 0,
    starts: Annotated[str, Form(max_length=100)] = "",
    ends: Annotated[str, Form(max_length=100)] = "",
    do: Annotated[str, Form(pattern="^(preview|draft|publish)$")] = "draft",
) -> Typed:
    return Typed(title=title, text=typed_lines(text), note=note, base=base, starts=starts, ends=ends, do=do)


IsTyped = Annotated[Typed, Depends(_typed)]


@router.get("/b/{slug}/knowledge/new")
def new_article(request: Request, tx: HasTx, membership: Manages, principal: IsSignedIn) -> HTMLResponse:
    return answer(request, _page(request, tx, membership, principal, None))


@router.post("/b/{slug}/knowledge/new", dependencies=[CheckedForm])
def write_new_article(
    request: Request, tx: HasTx, membership: Manages, principal: IsSignedIn, typed: IsTyped
) -> Response:
    return _written(request, tx, membership, principal, None, typed)


@router.get("/b/{slug}/knowledge/{article}/edit")
def edit_article(
    request: Request, tx: HasTx, membership: Manages, principal: IsSignedIn, article: str
) -> HTMLResponse:
    return answer(request, _page(request, tx, membership, principal, ArticleId(as_uuid(article))))


@router.post("/b/{slug}/knowledge/{article}/edit", dependencies=[CheckedForm])
def write_article(
    request: Request, tx: HasTx, membership: Manages, principal: IsSignedIn, article: str, typed: IsTyped
) -> Response:
    return _written(request, tx, membership, principal, ArticleId(as_uuid(article)), typed)


@router.post("/b/{slug}/knowledge/{article}/presence", dependencies=[CheckedForm])
def say_present(
    request: Request, tx: HasTx, membership: Manages, principal: IsSignedIn, article: str
) -> HTMLResponse:
    """The editor is open: who else has it open is answered."""
    wanted, now = ArticleId(as_uuid(article)), app_now(tx)
    editing.say_editing(tx, brand=membership.brand, article=wanted, person=principal.person, now=now)
    others = _others(tx, membership, principal, wanted)
    return answer(request, EditorsPart(frame=frame_for(request, tx, membership), editors=others))


def _written(
    request: Request,
    tx: Tx,
    membership: Membership,
    principal: Principal,
    article: ArticleId | None,
    typed: Typed,
) -> Response:
    try:
        document = _document(tx, membership, article, typed)
        if typed.do == "preview":
            return answer(request, _preview(request, tx, membership, principal, article, typed, document))
        with tx.begin_nested():
            put = _save(tx, membership, principal, typed, document)
    except RevisedMeanwhile as error:
        view = _conflict(request, tx, membership, principal, article, typed, error)
        return answer(request, view, status=status_of(error))
    except (Invalid, TooLarge, Conflict) as error:
        view = _page(request, tx, membership, principal, article, typed=typed, form=_refused(typed, error))
        return answer(request, view, status=status_of(error))
    editing.stop_editing(tx, brand=membership.brand, article=put.article_id, person=principal.person)
    return see(f"{area_path(membership, 'knowledge')}/{put.article_id}", said=_said(typed, put))


def _save(tx: Tx, membership: Membership, principal: Principal, typed: Typed, document: Document) -> Put:
    """Keep the text and, if that was asked, let it hold. Both or neither."""
    brand, now = membership.brand, app_now(tx)
    zone = accounts.brand(tx, brand).time_zone
    starts, ends = typed_moment(typed.starts, zone), typed_moment(typed.ends, zone)
    put = editing.save_draft(
        tx,
        brand=brand,
        document=document,
        base=typed.base,
        author=principal.person,
        now=now,
        note=typed.note,
    )
    if typed.do == "publish":
        publishing.publish_revisions(
            tx,
            brand=brand,
            revisions=[put.revision_id],
            author=principal.person,
            now=now,
            starts=starts,
            ends=ends,
        )
    return put


def _said(typed: Typed, put: Put) -> str:
    if typed.do == "draft":
        return "The draft is saved." if put.changed else "Nothing changed: the draft reads the same."
    return "It is planned." if typed.starts.strip() else "Published. It holds in search from now on."


def _document(tx: Tx, membership: Membership, article: ArticleId | None, typed: Typed) -> Document:
    """What was typed, read in a process of its own. Raises Invalid or TooLarge with a sentence."""
    if len(typed.text) > ARTICLE_CHARACTERS:
        raise ArticleTooLong
    key = _key(tx, membership, article, typed)
    reading = read_apart(key, typed.text.encode(), kind=Kind.MARKDOWN, limits=WHILE_SOMEONE_WAITS)
    if reading.refusals:
        raise Invalid(reading.refusals[0].reason)
    return replace(reading.documents[0], key=key, title=typed.title, source=typed.text)


def _key(tx: Tx, membership: Membership, article: ArticleId | None, typed: Typed) -> str:
    if article is not None:
        return queries.article(tx, brand=membership.brand, article_id=article).line.key
    words = re.sub(r"[^\w]+", "-", typed.title.lower()).strip("-")[:80] or "article"
    return f"{words}-{new_id().hex[-6:]}.md"


def _refused(typed: Typed, error: AppError) -> FormState:
    if isinstance(error, UnreadableMoment):
        return FormState(values=typed.values(), errors={"starts": error.detail})
    if isinstance(error, publishing.EndsTooEarly):
        return FormState(values=typed.values(), errors={"ends": error.detail})
    return FormState(values=typed.values(), problem=error.detail)


def _preview(
    request: Request,
    tx: Tx,
    membership: Membership,
    principal: Principal,
    article: ArticleId | None,
    typed: Typed,
    document: Document,
) -> ArticleEditorPage:
    page = _page(
        request, tx, membership, principal, article, typed=typed, form=FormState(values=typed.values())
    )
    quoted: tuple[QuotedPassage, ...] = present.preview(document)[:PREVIEW_PASSAGES]
    return replace(page, preview=quoted, previewed=True, notes=document.notes)


def _conflict(
    request: Request,
    tx: Tx,
    membership: Membership,
    principal: Principal,
    article: ArticleId | None,
    typed: Typed,
    error: RevisedMeanwhile,
) -> ArticleEditorPage:
    """Both texts on one page; saving again is over the other's."""
    form = FormState(values=typed.values(), problem=error.detail)
    if article is None:
        return _page(request, tx, membership, principal, article, typed=typed, form=form)
    theirs = history.newest_revision(tx, brand=membership.brand, article=article)
    page = _page(
        request,
        tx,
        membership,
        principal,
        article,
        typed=replace(typed, base=theirs.number),
        form=form,
    )
    names = names_of(tx, membership)
    conflict = ArticleConflict(
        author=present.author(theirs.author, names),
        revision=theirs.number,
        written_at=theirs.written_at,
        text=theirs.markdown,
        diff=present.against_typed(theirs, typed.title, typed.text),
    )
    return replace(page, conflict=conflict)


def _page(
    request: Request,
    tx: Tx,
    membership: Membership,
    principal: Principal,
    article: ArticleId | None,
    *,
    typed: Typed | None = None,
    form: FormState = EMPTY_FORM,
) -> ArticleEditorPage:
    base_path = area_path(membership, "knowledge")
    here = f"{base_path}/{article}" if article else base_path
    frame = frame_for(request, tx, membership)
    zone = accounts.brand(tx, membership.brand).time_zone
    if article is None:
        return ArticleEditorPage(
            frame=frame,
            slug=membership.slug,
            article="",
            title="",
            action=f"{base_path}/{NEW}",
            back_href=here,
            base=typed.base if typed else 0,
            text="",
            time_zone=zone,
            form=form,
        )
    line = queries.article(tx, brand=membership.brand, article_id=article).line
    newest = history.newest_revision(tx, brand=membership.brand, article=line.id)
    return ArticleEditorPage(
        frame=frame,
        slug=membership.slug,
        article=str(article),
        title=newest.title,
        action=f"{here}/edit",
        back_href=here,
        base=typed.base if typed else newest.number,
        text=newest.markdown,
        time_zone=zone,
        presence_href=f"{here}/presence",
        editors=_others(tx, membership, principal, article),
        form=form,
    )


def _others(
    tx: Tx, membership: Membership, principal: Principal, article: ArticleId
) -> tuple[EditorName, ...]:
    found = editing.others_editing(
        tx, brand=membership.brand, article=article, but=principal.person, now=app_now(tx)
    )
    return present.editors(found)


def names_of(tx: Tx, membership: Membership) -> Mapping[PersonId, str]:
    return {member.person: member.name for member in accounts.members(tx, membership.brand)}
