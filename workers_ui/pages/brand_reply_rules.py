"""The control area's Reply rules tab: each kind of finding blocks, warns or is left; every version can come back."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, Response

from guidance.findings import FindingKind
from guidance.lint_policies import policy_of, policy_versions, read_levels, restore_policy, set_policy
from guidance.lint_policy import ALWAYS_BLOCK, USUAL, Level
from guidance.models import LintPolicyVersion
from marketplace.accounts.people_queries import names_of
from marketplace.accounts.permissions import Permission
from marketplace.accounts.sessions import Membership
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import Conflict, Invalid
from workers_ui.deps import CheckedForm, HasTx, IsSignedIn, at_brand
from workers_ui.errors import status_of
from workers_ui.frames import page as answer
from workers_ui.pages.answers import see
from workers_ui.pages.brand_scope import area_path, frame_for
from workers_ui.presenters.control import control_sections
from workers_ui.presenters.reply_rules import ReplyRulesPage, RuleRow
from workers_ui.presenters.values import EMPTY_FORM, Choice, FormState
from workers_ui.presenters.versions import VersionRow

router = APIRouter()

Manages = Annotated[Membership, Depends(at_brand(Permission.MANAGE_VOICE))]
Version = Annotated[int, Form(ge=0, le=2**31 - 1)]

SECTION = "reply-rules"


async def _typed_fields(request: Request) -> dict[str, str]:
    """A field by each kind of finding; read on the loop, so that the handler need not be."""
    return {name: value for name, value in (await request.form()).items() if isinstance(value, str)}


TypedFields = Annotated[dict[str, str], Depends(_typed_fields)]
LEVELS = (
    Choice(value=Level.BLOCK, label="Block"),
    Choice(value=Level.WARN, label="Warn first"),
    Choice(value=Level.OFF, label="Leave"),
)
KINDS: Mapping[FindingKind, tuple[str, str]] = {
    FindingKind.AVOIDED_WORD: ("Words to avoid", "As your voice lists them."),
    FindingKind.LINK: ("Links to other domains", "Those that your voice does not list."),
    FindingKind.VOICE: (
        "Voice",
        "Contractions where you are formal, emoji, the other spelling, length and reading level, as your voice says.",
    ),
    FindingKind.PROMISE: (
        "Promises",
        "A refund, a replacement, a deadline or a guarantee that no passage shown holds, in English.",
    ),
    FindingKind.UNSUPPORTED_FIGURE: ("Amounts, shares and times", "Those that no passage shown names."),
    FindingKind.UNSUPPORTED_SENTENCE: ("Statements", "A sentence that no passage shown says."),
    FindingKind.CUSTOMER_DATA: ("The customer's own data", "What they wrote, repeated in the reply."),
    FindingKind.PERSONAL_DATA: ("Other personal data", "An address or number that is in no passage."),
}
ALWAYS: Mapping[FindingKind, str] = {
    FindingKind.EMPTY: "an empty reply",
    FindingKind.TOO_LONG: "one that is too long",
    FindingKind.UNFILLED_SLOT: "a slot that is not filled in",
    FindingKind.CARD_NUMBER: "a whole card number",
    FindingKind.OUTDATED: "knowledge that does not hold any more",
}


@router.get("/b/{slug}/control/reply-rules")
def show(request: Request, tx: HasTx, membership: Manages) -> HTMLResponse:
    return answer(request, _page(request, tx, membership))


@router.post("/b/{slug}/control/reply-rules", dependencies=[CheckedForm])
def save(
    request: Request, tx: HasTx, membership: Manages, principal: IsSignedIn, typed: TypedFields
) -> Response:
    chosen: dict[str, str] = {kind: typed[kind] for kind in map(str, USUAL) if kind in typed}
    try:
        saved = set_policy(
            tx,
            brand=membership.brand,
            levels=read_levels(chosen),
            author=principal.person,
            now=app_now(tx),
            based_on=_number(typed.get("based_on", "")),
        )
    except (Invalid, Conflict) as refusal:
        form = FormState(values=chosen, problem=refusal.detail)
        return answer(request, _page(request, tx, membership, form=form), status=status_of(refusal))
    return see(_path(membership), said=f"Saved as version {saved.version}. The next check follows it.")


@router.post("/b/{slug}/control/reply-rules/restoration", dependencies=[CheckedForm])
def restore(tx: HasTx, membership: Manages, principal: IsSignedIn, version: Version = 0) -> Response:
    restored = restore_policy(
        tx, brand=membership.brand, version=version, author=principal.person, now=app_now(tx)
    )
    return see(_path(membership), said=f"It holds again, as version {restored.version}.")


def _page(
    request: Request, tx: Tx, membership: Membership, *, form: FormState = EMPTY_FORM
) -> ReplyRulesPage:
    held = policy_of(tx, brand=membership.brand)
    return ReplyRulesPage(
        frame=frame_for(request, tx, membership),
        slug=membership.slug,
        brand=membership.name,
        sections=control_sections(membership.slug, SECTION),
        rows=tuple(
            RuleRow(kind=kind.value, label=label, hint=hint, level=held.policy.level(kind))
            for kind, (label, hint) in KINDS.items()
        ),
        levels=LEVELS,
        always=tuple(ALWAYS[kind] for kind in FindingKind if kind in ALWAYS_BLOCK),
        based_on=held.version,
        versions=_versions(tx, policy_versions(tx, brand=membership.brand)),
        form=form,
    )


def _versions(tx: Tx, found: list[LintPolicyVersion]) -> tuple[VersionRow, ...]:
    names = names_of(tx, [one.author_id for one in found if one.author_id])
    return tuple(
        VersionRow(
            version=one.version,
            summary=_summary(one.levels),
            written_at=one.written_at,
            by=names.get(one.author_id, "") if one.author_id else "",
        )
        for one in found
    )


def _summary(levels: Mapping[str, str]) -> str:
    """What differs from the usual."""
    chosen = read_levels(levels)
    odd = [f"{KINDS[kind][0]}: {level.value}" for kind, level in chosen.items() if level is not USUAL[kind]]
    return ", ".join(odd) or "As usual"


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 9 else None


def _path(membership: Membership) -> str:
    return area_path(membership, f"control/{SECTION}")
