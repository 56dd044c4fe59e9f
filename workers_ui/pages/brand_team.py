"""The brand's people, invites to more of them, and keys for its own systems."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, Response

from marketplace.accounts import api_keys, queries
from marketplace.accounts.api_keys import ApiScope
from marketplace.accounts.commands import invite_member
from marketplace.accounts.models import MemberRole
from marketplace.accounts.permissions import Permission, allowed
from marketplace.accounts.queries import KeyCard
from marketplace.accounts.sessions import Membership
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import Conflict, Invalid
from marketplace.kernel.settings import Settings
from workers_ui.deps import CheckedForm, HasServices, HasTx, IsSignedIn, as_uuid, at_brand
from workers_ui.errors import status_of
from workers_ui.frames import page as answer
from workers_ui.pages.answers import see
from workers_ui.pages.brand_scope import area_path, frame_for, refused
from workers_ui.presenters import brand as views
from workers_ui.presenters.values import EMPTY_FORM, Action, Choice, FormState

router = APIRouter()

Views = Annotated[Membership, Depends(at_brand(Permission.VIEW_TEAM))]
Invites = Annotated[Membership, Depends(at_brand(Permission.MANAGE_TEAM))]
MakesKeys = Annotated[Membership, Depends(at_brand(Permission.MANAGE_API_KEYS))]
Line = Annotated[str, Form(max_length=1_000)]

ROLES = {
    MemberRole.AGENT: "Agent: tickets",
    MemberRole.REVIEWER: "Reviewer: reads replies",
    MemberRole.MANAGER: "Manager: knowledge, prices",
    MemberRole.FINANCE: "Finance: the wallet",
    MemberRole.OWNER: "Owner: everything",
}
SCOPES = {
    ApiScope.TICKETS_WRITE: "Post tickets and messages, decide on them",
    ApiScope.TICKETS_READ: "Read tickets",
    ApiScope.EVENTS_READ: "Read events and replies",
    ApiScope.KNOWLEDGE_WRITE: "Write knowledge",
    ApiScope.KNOWLEDGE_READ: "Read and search knowledge",
    ApiScope.WALLET_READ: "Read the wallet",
    ApiScope.WALLET_WRITE: "Top up and set prices",
    ApiScope.SHARING_READ: "Read the share dial and caps",
    ApiScope.SHARING_WRITE: "Turn the share dial, set caps",
}


class UnknownRole(Invalid):
    """Choose a role from the list."""


class UnknownScope(Invalid):
    """Choose from the list what the key may do."""


@router.get("/b/{slug}/team")
def read_team(request: Request, tx: HasTx, having: HasServices, membership: Views) -> HTMLResponse:
    return answer(request, _team_page(request, tx, having.settings, membership))


@router.post("/b/{slug}/team/invites", dependencies=[CheckedForm])
def invite(
    request: Request,
    tx: HasTx,
    having: HasServices,
    membership: Invites,
    principal: IsSignedIn,
    email: Line = "",
    role: Line = "",
) -> Response:
    """Send a one-time link to join the brand."""
    try:
        invite_member(
            tx,
            brand=membership.brand,
            email=email,
            role=_role(role),
            invited_by=principal.person,
            base_url=having.settings.base_url,
            now=app_now(tx),
            invite_hours=having.settings.invite_hours,
        )
    except (Invalid, Conflict) as error:
        field = "role" if isinstance(error, UnknownRole) else "email"
        form = refused({"email": email, "role": role}, error, field=field)
        view = _team_page(request, tx, having.settings, membership, invite_form=form)
        return answer(request, view, status=status_of(error))
    return see(area_path(membership, "team"), said=f"The invite to {email.strip()} is on its way.")


@router.post("/b/{slug}/team/api-keys", dependencies=[CheckedForm])
def make_key(
    request: Request,
    tx: HasTx,
    having: HasServices,
    membership: MakesKeys,
    name: Line = "",
    scopes: Annotated[list[str], Form(max_length=20)] = [],  # noqa: B006 - FastAPI copies it per request
) -> Response:
    """Make a key and show it, once, in this very answer: nobody can read it again."""
    try:
        created = api_keys.create_key(
            tx, brand=membership.brand, name=name, scopes=_scopes(scopes), now=app_now(tx)
        )
    except (Invalid, Conflict) as error:
        form = refused({"name": name}, error)
        view = _team_page(request, tx, having.settings, membership, key_form=form, chosen=tuple(scopes))
        return answer(request, view, status=status_of(error))
    view = _team_page(request, tx, having.settings, membership, new_key=created.key)
    return answer(request, view, status=201)


@router.post("/b/{slug}/team/api-keys/{key}/revocation", dependencies=[CheckedForm])
def revoke_key(tx: HasTx, membership: MakesKeys, key: str) -> Response:
    """From this answer on the key opens nothing."""
    api_keys.revoke_key(tx, brand=membership.brand, key_id=as_uuid(key), now=app_now(tx))
    return see(area_path(membership, "team"), said="The key is revoked.")


def _role(text: str) -> MemberRole:
    if text not in set(MemberRole):
        raise UnknownRole
    return MemberRole(text)


def _scopes(texts: list[str]) -> frozenset[ApiScope]:
    if not set(texts) <= set(ApiScope):
        raise UnknownScope
    return frozenset(ApiScope(text) for text in texts)


def _team_page(
    request: Request,
    tx: Tx,
    settings: Settings,
    membership: Membership,
    *,
    invite_form: FormState = EMPTY_FORM,
    key_form: FormState = EMPTY_FORM,
    chosen: tuple[str, ...] = (),
    new_key: str = "",
) -> views.TeamPage:
    may_make_keys = allowed(membership.role, Permission.MANAGE_API_KEYS)
    keys = queries.api_keys(tx, membership.brand)
    return views.TeamPage(
        frame=frame_for(request, tx, membership),
        slug=membership.slug,
        brand=membership.name,
        members=tuple(
            views.Member(name=one.name, email=one.email, role_label=one.role.value, joined_at=one.joined_at)
            for one in queries.members(tx, membership.brand)
        ),
        invites=tuple(
            views.PendingInvite(email=one.email, role_label=one.role.value, expires_at=one.expires_at)
            for one in queries.open_invites(tx, membership.brand, app_now(tx))
        ),
        api_keys=tuple(_key_row(one, settings, membership, may_revoke=may_make_keys) for one in keys),
        roles=tuple(Choice(value=role.value, label=label) for role, label in ROLES.items()),
        scopes=tuple(Choice(value=scope.value, label=label) for scope, label in SCOPES.items()),
        can_invite=allowed(membership.role, Permission.MANAGE_TEAM),
        can_make_keys=may_make_keys,
        chosen_scopes=chosen,
        new_key=new_key,
        invite_form=invite_form,
        key_form=key_form,
    )


def _key_row(
    key: KeyCard, settings: Settings, membership: Membership, *, may_revoke: bool
) -> views.ApiKeyRow:
    path = f"{area_path(membership, 'team')}/api-keys/{key.id}/revocation"
    return views.ApiKeyRow(
        name=key.name,
        prefix=f"hc_{settings.money_mode.value}_…{key.last_four}",
        scopes=", ".join(key.scopes),
        created_at=key.created_at,
        revoked_at=key.revoked_at,
        revocation=Action(href=path, label="Revoke") if may_revoke and key.revoked_at is None else None,
    )
