"""One article: its passages and how often they are cited, replacing it by a file, deleting it."""

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends, File, Request, UploadFile
from fastapi.responses import HTMLResponse, Response

from guidance.article_credits import named_credits
from guidance.article_outcomes import outcomes_of_article, replies_of_article
from guidance.usage_queries import citations_of_passages, open_suggestions_citing
from knowledge_base import publishing, queries
from knowledge_base.models import ArticleState
from knowledge_base.reading.apart import WHILE_SOMEONE_WAITS, read_apart
from knowledge_base.reading.documents import Document
from knowledge_base.reading.formats import MANY_ARTICLES_ENDINGS, ONE_ARTICLE, ending_of
from knowledge_base.report_queries import quarantined_of_article
from knowledge_base.schedules import schedule
from knowledge_base.verification import verification
from marketplace.accounts import queries as accounts
from marketplace.accounts.permissions import Permission, allowed
from marketplace.accounts.sessions import Membership
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import Invalid
from marketplace.kernel.ids import ArticleId
from marketplace.tickets.switch_models import SwitchKind
from marketplace.tickets.switch_queries import find_live
from workers_ui.deps import CheckedForm, HasTx, IsSignedIn, as_uuid, at_brand
from workers_ui.errors import status_of
from workers_ui.frames import page as answer
from workers_ui.pages import brand_article_views as articles
from workers_ui.pages import brand_knowledge_views as present
from workers_ui.pages import outcome_words
from workers_ui.pages.answers import see
from workers_ui.pages.brand_article_editor import names_of
from workers_ui.pages.brand_scope import area_path, frame_for, refused
from workers_ui.pages.receipt_views import alias
from workers_ui.presenters.brand import ArticleCredit, ArticlePage
from workers_ui.presenters.values import EMPTY_FORM, FormState

router = APIRouter()

Views = Annotated[Membership, Depends(at_brand(Permission.VIEW_KNOWLEDGE))]
Manages = Annotated[Membership, Depends(at_brand(Permission.MANAGE_KNOWLEDGE))]


class UnfitFile(Invalid):
    """This file cannot take the article's place."""


@router.get("/b/{slug}/knowledge/{article}")
def read_article(request: Request, tx: HasTx, membership: Views, article: str) -> HTMLResponse:
    return answer(request, _article_page(request, tx, membership, _article_id(article)))


@router.post("/b/{slug}/knowledge/{article}/replace", dependencies=[CheckedForm])
def replace_article(
    request: Request,
    tx: HasTx,
    membership: Manages,
    principal: IsSignedIn,
    article: str,
    file: Annotated[UploadFile | str | None, File()] = None,
) -> Response:
    """Put the file's text in the article's place. It holds in search from this answer on."""
    article_id = _article_id(article)
    line = queries.article(tx, brand=membership.brand, article_id=article_id).line
    try:
        document = replace(_document(file), key=line.key)
        put = publishing.put_article(
            tx, brand=membership.brand, document=document, author=principal.person, now=app_now(tx)
        )
    except Invalid as error:
        view = _article_page(request, tx, membership, article_id, form=refused({}, error))
        return answer(request, view, status=status_of(error))
    said = "Replaced." if put.changed else "Nothing changed: the file holds the same text."
    return see(f"{area_path(membership, 'knowledge')}/{article_id}", said=said)


@router.post("/b/{slug}/knowledge/{article}/retire", dependencies=[CheckedForm])
def retire_article(tx: HasTx, membership: Manages, article: str) -> Response:
    """Retire it: from this answer on it is in no search."""
    line = queries.article(tx, brand=membership.brand, article_id=_article_id(article)).line
    publishing.delete_article(tx, brand=membership.brand, key=line.key)
    return see(area_path(membership, "knowledge"), said=f"“{line.title}” is retired.")


def _document(file: UploadFile | str | None) -> Document:
    """The one document of an uploaded file. Raises UnfitFile with a sentence for the person."""
    if file is None or isinstance(file, str) or not file.filename:
        raise UnfitFile(f"Choose a file: {ONE_ARTICLE}.")
    if ending_of(file.filename) in MANY_ARTICLES_ENDINGS:
        raise UnfitFile(f"This file holds many articles. Replace one article by {ONE_ARTICLE}.")
    reading = read_apart(file.filename, file.file.read(), limits=WHILE_SOMEONE_WAITS)
    if reading.refusals:
        raise UnfitFile(f"{reading.refusals[0].name}: {reading.refusals[0].reason}")
    if len(reading.documents) != 1:
        raise UnfitFile(f"This file holds many articles. Replace one article by {ONE_ARTICLE}.")
    return reading.documents[0]


def _article_page(
    request: Request, tx: Tx, membership: Membership, article_id: ArticleId, *, form: FormState = EMPTY_FORM
) -> ArticlePage:
    brand = membership.brand
    detail = queries.article(tx, brand=brand, article_id=article_id)
    line = detail.line
    is_live = line.state is ArticleState.PUBLISHED
    may_write, now = allowed(membership.role, Permission.MANAGE_KNOWLEDGE), app_now(tx)
    planned = schedule(tx, brand=brand, article=line.id, now=now)
    here = f"{area_path(membership, 'knowledge')}/{line.id}"
    return ArticlePage(
        frame=frame_for(request, tx, membership),
        slug=membership.slug,
        article=str(line.id),
        title=line.title,
        state=present.article_state(line, queries.index_status(tx, brand=brand)),
        revision_label=f"revision {line.revision_number}",
        source_name=line.key,
        updated_at=line.written_at,
        passages=present.article_passages(
            detail,
            citations_of_passages(tx, brand=brand, article=line.id),
            quarantined_of_article(tx, brand=brand, article=line.id),
        ),
        retire_effect=present.retire_effect(
            len(detail.passages), open_suggestions_citing(tx, brand=brand, article=line.id)
        ),
        no_passages=present.no_passages(line.state),
        sections=articles.sections(here, current="", can_edit=may_write),
        holds_now=articles.holds_now(planned),
        draft=articles.draft(detail.revisions[0], line.state, planned, names_of(tx, membership)),
        checks=articles.checks(
            verification(tx, brand=brand, article=line.id), accounts.members(tx, brand), now=now
        )
        if is_live
        else None,
        planned=articles.planned(planned),
        time_zone=accounts.brand(tx, brand).time_zone,
        can_write=may_write,
        retirable=line.state is not ArticleState.RETIRED or bool(planned.planned),
        can_edit=is_live and may_write,
        verified_on=line.verified_at.date(),
        stopped=_why_stopped(tx, membership, line.id),
        stop_href=f"{area_path(membership, 'control/switches')}?article={line.id}"
        if is_live and allowed(membership.role, Permission.CONTROL_SHARING)
        else "",
        credits=_credits(tx, membership, line.id),
        outcomes=outcome_words.article(
            outcomes_of_article(tx, brand=brand, article=line.id, now=now),
            replies_of_article(tx, brand=brand, article=line.id, now=now),
            slug=membership.slug,
        ),
        form=form,
    )


def _credits(tx: Tx, membership: Membership, article: ArticleId) -> tuple[ArticleCredit, ...]:
    return tuple(
        ArticleCredit(
            worker=alias(one.worker),
            ticket=str(one.ticket),
            number=f"#{one.number}",
            credited_at=one.credited_at,
        )
        for one in named_credits(tx, brand=membership.brand, article=article)
    )


def _why_stopped(tx: Tx, membership: Membership, article: ArticleId) -> str:
    switch = find_live(tx, kind=SwitchKind.ARTICLE, brand=membership.brand, key=str(article))
    return "" if switch is None else switch.reason


def _article_id(text: str) -> ArticleId:
    return ArticleId(as_uuid(text))
