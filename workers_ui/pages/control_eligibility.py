"""What a brand keeps back: topics, categories, its own phrases and examples, and a box to try a text."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, Response

from guidance.screening import judge_text
from marketplace.accounts.sessions import Membership
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import Conflict, Invalid
from marketplace.kernel.ids import KeepBackRuleId
from marketplace.tickets import keep_back
from marketplace.tickets.control_models import KeepBackKind, KeepBackRule
from marketplace.tickets.eligibility import KeepBackRules, Outcome, Verdict
from marketplace.tickets.sensitive_words import ALWAYS_KEPT, NAMES, Topic
from workers_ui.deps import CheckedForm, HasServices, HasTx, IsSignedIn, as_uuid
from workers_ui.errors import status_of
from workers_ui.frames import page as answer
from workers_ui.pages.answers import see
from workers_ui.pages.brand_scope import TYPED_LIMIT, area_path, frame_for, refused
from workers_ui.pages.control_forms import Controls, Short, category_choices
from workers_ui.pages.typed_text import typed_lines
from workers_ui.presenters import sharing as views
from workers_ui.presenters.control import control_sections
from workers_ui.presenters.values import EMPTY_FORM, Action, Badge, Choice, FormState, Notice, Tone
from workers_ui.services import Services

router = APIRouter()

Typed = Annotated[str, Form(max_length=TYPED_LIMIT)]

SECTION = "eligibility"
TRIAL_CHARACTERS = 20_000
TRIED_LANGUAGE = "en"
ALWAYS = Badge(label="always kept", tone=Tone.INFO)
KEPT = Badge(label="kept back", tone=Tone.GOOD)
SHARED = Badge(label="shared", tone=Tone.NEUTRAL)


class NothingToTry(Invalid):
    """Write what a customer might, up to 20,000 characters."""


@router.get("/b/{slug}/control/eligibility")
def read_eligibility(request: Request, tx: HasTx, having: HasServices, membership: Controls) -> HTMLResponse:
    return answer(request, _page(request, tx, having, membership))


@router.post("/b/{slug}/control/eligibility/topics", dependencies=[CheckedForm])
def switch_topic(
    tx: HasTx, membership: Controls, principal: IsSignedIn, topic: Short = "", enabled: Short = ""
) -> Response:
    """Keep a topic back, or share it; what never enters the pool stays kept."""
    keeps = enabled == "yes"
    keep_back.switch_topic(
        tx, brand=membership.brand, topic=topic, enabled=keeps, author=principal.person, now=app_now(tx)
    )
    return see(_path(membership), said=_said(NAMES[Topic(topic)], keeps))


@router.post("/b/{slug}/control/eligibility/categories", dependencies=[CheckedForm])
def keep_category(
    tx: HasTx, membership: Controls, principal: IsSignedIn, category: Short = "", enabled: Short = ""
) -> Response:
    keeps, key = enabled == "yes", category.replace("\0", "")
    keep_back.keep_category_back(
        tx, brand=membership.brand, category=key, enabled=keeps, author=principal.person, now=app_now(tx)
    )
    names = {one.value: one.label for one in category_choices(tx, membership.brand)}
    return see(_path(membership), said=_said(names[key], keeps))


@router.post("/b/{slug}/control/eligibility/phrases", dependencies=[CheckedForm])
def add_phrase(
    request: Request,
    tx: HasTx,
    having: HasServices,
    membership: Controls,
    principal: IsSignedIn,
    phrase: Typed = "",
) -> Response:
    try:
        keep_back.add_phrase(
            tx, brand=membership.brand, phrase=phrase, author=principal.person, now=app_now(tx)
        )
    except (Invalid, Conflict) as error:
        form = refused({"phrase": phrase}, error, field="phrase")
        return answer(
            request, _page(request, tx, having, membership, phrase_form=form), status=status_of(error)
        )
    return see(_path(membership), said="Tickets that say this stay with you from now on.")


@router.post("/b/{slug}/control/eligibility/examples", dependencies=[CheckedForm])
def add_example(
    request: Request,
    tx: HasTx,
    having: HasServices,
    membership: Controls,
    principal: IsSignedIn,
    example: Typed = "",
) -> Response:
    try:
        keep_back.add_example(
            tx, brand=membership.brand, example=example, author=principal.person, now=app_now(tx)
        )
    except (Invalid, Conflict) as error:
        form = refused({"example": example}, error, field="example")
        return answer(
            request, _page(request, tx, having, membership, example_form=form), status=status_of(error)
        )
    return see(_path(membership), said="Tickets that read like this stay with you from now on.")


@router.post("/b/{slug}/control/eligibility/rules/{rule}/removal", dependencies=[CheckedForm])
def remove_rule(tx: HasTx, membership: Controls, rule: str) -> Response:
    keep_back.remove_keep_back_rule(tx, brand=membership.brand, rule=KeepBackRuleId(as_uuid(rule)))
    return see(_path(membership), said="It keeps no ticket back any more.")


@router.post("/b/{slug}/control/eligibility/trial", dependencies=[CheckedForm])
def try_text(
    request: Request,
    tx: HasTx,
    having: HasServices,
    membership: Controls,
    text: Typed = "",
    category: Short = "",
) -> Response:
    """What would happen to a ticket that says this; nothing is posted."""
    words = typed_lines(text).replace("\0", "").strip()
    typed = {"text": words, "category": category}
    if not words or len(words) > TRIAL_CHARACTERS:
        view = _page(request, tx, having, membership, trial_form=refused(typed, NothingToTry(), field="text"))
        return answer(request, view, status=status_of(NothingToTry()))
    verdict = judge_text(
        tx,
        having.judge,
        brand=membership.brand,
        category=category.replace("\0", ""),
        language=TRIED_LANGUAGE,
        words=[words],
    )
    view = _page(
        request,
        tx,
        having,
        membership,
        trial_form=FormState(values=typed),
        verdict=_spoken(verdict),
    )
    return answer(request, view)


def _page(
    request: Request,
    tx: Tx,
    having: Services,
    membership: Membership,
    *,
    phrase_form: FormState = EMPTY_FORM,
    example_form: FormState = EMPTY_FORM,
    trial_form: FormState = EMPTY_FORM,
    verdict: Notice | None = None,
) -> views.EligibilityPage:
    rows = keep_back.own_rules(tx, brand=membership.brand)
    rules, path = keep_back.rules_from(rows), _path(membership)
    categories = category_choices(tx, membership.brand)
    return views.EligibilityPage(
        frame=frame_for(request, tx, membership),
        slug=membership.slug,
        brand=membership.name,
        sections=control_sections(membership.slug, SECTION),
        topics=tuple(_topic(topic, rules, path) for topic in Topic),
        kept_categories=tuple(_category(one, rules, path) for one in categories),
        phrases=tuple(_own(row, path) for row in rows if row.kind is KeepBackKind.PHRASE),
        examples=tuple(_own(row, path) for row in rows if row.kind is KeepBackKind.EXAMPLE),
        categories=categories,
        reads_meaning=having.judge.reads_meaning,
        verdict=verdict,
        phrase_form=phrase_form,
        example_form=example_form,
        trial_form=trial_form,
    )


def _topic(topic: Topic, rules: KeepBackRules, path: str) -> views.TopicRow:
    if topic in ALWAYS_KEPT:
        return views.TopicRow(key=topic.value, label=NAMES[topic], badge=ALWAYS, enabled=True)
    return _switched(topic.value, NAMES[topic], topic in rules.topics, f"{path}/topics")


def _category(choice: Choice, rules: KeepBackRules, path: str) -> views.TopicRow:
    return _switched(choice.value, choice.label, choice.value in rules.categories, f"{path}/categories")


def _switched(key: str, label: str, kept: bool, href: str) -> views.TopicRow:
    return views.TopicRow(
        key=key,
        label=label,
        badge=KEPT if kept else SHARED,
        enabled=kept,
        switch=Action(href=href, label="Share" if kept else "Keep back"),
    )


def _own(row: KeepBackRule, path: str) -> views.OwnRule:
    return views.OwnRule(text=row.key, removal=Action(href=f"{path}/rules/{row.id}/removal", label="Remove"))


def _spoken(verdict: Verdict) -> Notice:
    match verdict.outcome:
        case Outcome.ORDINARY:
            return Notice(text="This ticket would enter the pool, if the dial shares it.", tone=Tone.GOOD)
        case Outcome.KEPT_BACK:
            return Notice(text=f"This ticket would stay with you. {_reason(verdict)}", tone=Tone.WARN)
        case Outcome.UNSURE:
            return Notice(
                text=f"Nobody can tell, so this ticket would stay with you. {_reason(verdict)}",
                tone=Tone.WARN,
            )


def _reason(verdict: Verdict) -> str:
    return f"{verdict.reason[:1].upper()}{verdict.reason[1:]}."


def _said(name: str, keeps: bool) -> str:
    return f"{name}: {'kept back' if keeps else 'shared'} from the next ticket on."


def _path(membership: Membership) -> str:
    return f"{area_path(membership, 'control')}/{SECTION}"
