"""What is done to one article besides writing it: its dates, its owner, its checks, its history."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import HTMLResponse, Response

from knowledge_base import history, publishing, queries, verification
from knowledge_base.publishing import RevisionNotFound
from knowledge_base.schedules import schedule
from knowledge_base.verification import BadInterval, KnowledgeRules
from marketplace.accounts import queries as accounts
from marketplace.accounts.permissions import Permission, allowed
from marketplace.accounts.sessions import Membership
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import Conflict, Invalid
from marketplace.kernel.ids import ArticleId, PersonId
from workers_ui.deps import CheckedForm, HasTx, IsSignedIn, as_uuid, at_brand
from workers_ui.errors import status_of
from workers_ui.frames import page as answer
from workers_ui.pages import brand_article_views as present
from workers_ui.pages.answers import see
from workers_ui.pages.brand_article_editor import names_of
from workers_ui.pages.brand_knowledge_tabs import knowledge_tabs
from workers_ui.pages.brand_scope import area_path, frame_for, refused
from workers_ui.pages.typed_moments import typed_moment
from workers_ui.presenters.articles import ArticleHistoryPage, DiffView, KnowledgeChecksPage
from workers_ui.presenters.values import EMPTY_FORM, Choice, FormState

router = APIRouter()

Views = Annotated[Membership, Depends(at_brand(Permission.VIEW_KNOWLEDGE))]
Manages = Annotated[Membership, Depends(at_brand(Permission.MANAGE_KNOWLEDGE))]
Short = Annotated[str, Form(max_length=100)]
Number = Annotated[int, Form(ge=1, le=1_000_000)]
Revision = Annotated[str, Query(max_length=20)]


@router.get("/b/{slug}/knowledge/checks")
def list_checks(request: Request, tx: HasTx, membership: Views) -> HTMLResponse:
    """What is unverified, overdue or due soon, by who answers for it."""
    return answer(request, _checks_page(request, tx, membership))


@router.post("/b/{slug}/knowledge/checks/rules", dependencies=[CheckedForm])
def set_rules(
    request: Request, tx: HasTx, membership: Manages, verify_days: Short = "", verified_only: Short = ""
) -> Response:
    try:
        rules = KnowledgeRules(verified_only=verified_only == "yes", verify_days=_days(verify_days) or 0)
        verification.set_rules(tx, brand=membership.brand, rules=rules)
    except Invalid as error:
        form = refused({"verify_days": verify_days}, error, field="verify_days")
        return answer(request, _checks_page(request, tx, membership, form=form), status=status_of(error))
    return see(
        f"{area_path(membership, 'knowledge')}/checks", said="Saved. It holds in every search at once."
    )


@router.post("/b/{slug}/knowledge/{article}/verify", dependencies=[CheckedForm])
def verify(tx: HasTx, membership: Manages, article: str, back: Short = "") -> Response:
    """Somebody looked: the text is still true."""
    line = queries.article(tx, brand=membership.brand, article_id=ArticleId(as_uuid(article))).line
    verification.verify_article(tx, brand=membership.brand, key=line.key, now=app_now(tx))
    rest = "checks" if back == "checks" else str(line.id)
    return see(f"{area_path(membership, 'knowledge')}/{rest}", said=f"“{line.title}” is verified.")


@router.post("/b/{slug}/knowledge/{article}/owner", dependencies=[CheckedForm])
def set_owner(
    tx: HasTx, membership: Manages, article: str, owner: Short = "", verify_days: Short = ""
) -> Response:
    wanted = ArticleId(as_uuid(article))
    here = f"{area_path(membership, 'knowledge')}/{wanted}"
    try:
        verification.set_owner(
            tx,
            brand=membership.brand,
            article=wanted,
            owner=PersonId(as_uuid(owner)) if owner else None,
            verify_days=_days(verify_days),
        )
    except Invalid as error:
        return see(here, said=f"Not saved: {error.detail}")
    return see(here, said="Saved.")


@router.post("/b/{slug}/knowledge/{article}/publish", dependencies=[CheckedForm])
def publish(
    tx: HasTx,
    membership: Manages,
    principal: IsSignedIn,
    article: str,
    revision: Number,
    starts: Short = "",
    ends: Short = "",
) -> Response:
    """Let a revision hold: now or from a date, for good or until another."""
    wanted = ArticleId(as_uuid(article))
    here = f"{area_path(membership, 'knowledge')}/{wanted}"
    text = history.revision_text(tx, brand=membership.brand, article=wanted, number=revision)
    zone = accounts.brand(tx, membership.brand).time_zone
    try:
        publishing.publish_revisions(
            tx,
            brand=membership.brand,
            revisions=[text.id],
            author=principal.person,
            now=app_now(tx),
            starts=typed_moment(starts, zone),
            ends=typed_moment(ends, zone),
        )
    except (Invalid, Conflict) as error:
        return see(here, said=f"Not published: {error.detail}")
    return see(here, said="It is planned." if starts.strip() else "Published. It holds from now on.")


@router.post("/b/{slug}/knowledge/{article}/cancel", dependencies=[CheckedForm])
def cancel(tx: HasTx, membership: Manages, principal: IsSignedIn, article: str, starts: Short) -> Response:
    """Take back something planned."""
    wanted = ArticleId(as_uuid(article))
    publishing.cancel_planned(
        tx,
        brand=membership.brand,
        article=wanted,
        starts=_moment(starts),
        author=principal.person,
        now=app_now(tx),
    )
    return see(f"{area_path(membership, 'knowledge')}/{wanted}", said="Cancelled.")


@router.get("/b/{slug}/knowledge/{article}/history")
def read_history(
    request: Request, tx: HasTx, membership: Views, article: str, before: Revision = "", after: Revision = ""
) -> HTMLResponse:
    """Every revision with who, when and why; two of them side by side in one text."""
    wanted = ArticleId(as_uuid(article))
    try:
        view = _history_page(request, tx, membership, wanted, before=before, after=after)
    except RevisionNotFound as error:
        view = _history_page(request, tx, membership, wanted, form=refused({}, error))
        return answer(request, view, status=status_of(error))
    return answer(request, view)


@router.post("/b/{slug}/knowledge/{article}/restore", dependencies=[CheckedForm])
def restore(
    tx: HasTx, membership: Manages, principal: IsSignedIn, article: str, revision: Number
) -> Response:
    wanted = ArticleId(as_uuid(article))
    put = history.restore_revision(
        tx,
        brand=membership.brand,
        article=wanted,
        number=revision,
        author=principal.person,
        now=app_now(tx),
    )
    said = f"Revision {revision} holds again, as revision {put.revision_number}."
    return see(
        f"{area_path(membership, 'knowledge')}/{wanted}", said=said if put.changed else "It holds already."
    )


def _days(text: str) -> int | None:
    """Raises BadInterval."""
    plain = text.strip()
    if not plain:
        return None
    if not (plain.isascii() and plain.isdigit() and len(plain) <= 6):
        raise BadInterval
    return int(plain)


class NoSuchMoment(Invalid):
    """This is no time of the schedule. Reload the page."""


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise NoSuchMoment from None
    if moment.tzinfo is None:
        raise NoSuchMoment
    return moment


def _checks_page(
    request: Request, tx: Tx, membership: Membership, *, form: FormState = EMPTY_FORM
) -> KnowledgeChecksPage:
    now, brand = app_now(tx), membership.brand
    found = verification.reminders(tx, brand=brand, now=now)
    rules = verification.rules_of(tx, brand=brand)
    return KnowledgeChecksPage(
        frame=frame_for(request, tx, membership),
        slug=membership.slug,
        brand=membership.name,
        tabs=knowledge_tabs(tx, membership, current="checks"),
        owners=present.due(found, now=now),
        more=len(found) == verification.REMINDERS_SHOWN,
        verified_only=rules.verified_only,
        verify_days=rules.verify_days,
        can_edit=allowed(membership.role, Permission.MANAGE_KNOWLEDGE),
        form=form,
    )


def _history_page(
    request: Request,
    tx: Tx,
    membership: Membership,
    article: ArticleId,
    *,
    before: str = "",
    after: str = "",
    form: FormState = EMPTY_FORM,
) -> ArticleHistoryPage:
    brand = membership.brand
    detail = queries.article(tx, brand=brand, article_id=article)
    can_edit = allowed(membership.role, Permission.MANAGE_KNOWLEDGE)
    planned = schedule(tx, brand=brand, article=article, now=app_now(tx))
    numbers = [line.number for line in detail.revisions]
    return ArticleHistoryPage(
        frame=frame_for(request, tx, membership),
        slug=membership.slug,
        article=str(article),
        title=detail.line.title,
        sections=present.sections(
            f"{area_path(membership, 'knowledge')}/{article}", current="/history", can_edit=can_edit
        ),
        revisions=present.revisions(detail.revisions, names_of(tx, membership), planned, can_edit=can_edit),
        held=present.held(planned),
        choices=tuple(Choice(value=str(number), label=f"Revision {number}") for number in numbers),
        before=before or str(numbers[min(1, len(numbers) - 1)]),
        after=after or str(numbers[0]),
        diff=_diff(tx, membership, article, before, after) if before and after else None,
        can_edit=can_edit,
        form=form,
    )


def _diff(tx: Tx, membership: Membership, article: ArticleId, before: str, after: str) -> DiffView:
    """Raises RevisionNotFound."""
    texts = [
        history.comparable_text(tx, brand=membership.brand, article=article, number=_number(text))
        for text in (before, after)
    ]
    return present.comparison(*texts)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 6):
        raise RevisionNotFound
    return int(text)
