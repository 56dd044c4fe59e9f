"""What handlers ask for: a transaction, the person behind the request, and the scope that is theirs.

A transaction is committed before the answer leaves (`scope="function"`): FastAPI's default answers first,
and would say 200 even when the commit fails. A place in the pool is taken before a connection is, so that
requests queue in order instead of deadlocking between threads and connections.
"""

import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Annotated, cast
from uuid import UUID

from fastapi import Depends, Header, Path, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from marketplace.accounts.api_keys import ApiScope, KeyHolder, key_holder
from marketplace.accounts.models import WorkerStatus
from marketplace.accounts.permissions import Permission, require_at_brand, require_on_platform
from marketplace.accounts.sessions import Membership, Principal, principal_of, seen
from marketplace.accounts.suspensions import refusal_of
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import PLATFORM, Scope, rescope, transaction_ahead
from marketplace.kernel.db import Tx as Transaction
from marketplace.kernel.errors import NotAllowed, NotFound, NotSignedIn
from marketplace.kernel.ids import BrandId, WorkerId
from workers_ui.claim_desk import NotAWorker
from workers_ui.frames import FORM_COOKIE
from workers_ui.idempotency import KEY_LIMIT
from workers_ui.services import Services

SESSION_COOKIE = "hc_session"
SECURE_SESSION_COOKIE = "__Host-hc_session"
READING = frozenset({"GET", "HEAD"})


class FormExpired(NotAllowed):
    """This form was open for too long or came from elsewhere. Go back, reload the page, and send it again."""


class KeyNeeded(NotSignedIn):
    """Send an API key of your brand as `Authorization: Bearer hc_…`; it is missing, unknown or revoked."""


class TokenNeeded(NotSignedIn):
    """Sign in by POST /api/v1/sessions and send its token as `Authorization: Bearer …`; sessions end."""


class WorkSuspended(NotAllowed):
    """Your work here is suspended. The reason, and how to appeal, are at /worker/standing."""


_BRAND_KEY = HTTPBearer(
    scheme_name="brandKey", description="A brand's API key, hc_test_… or hc_live_….", auto_error=False
)
_SESSION_TOKEN = HTTPBearer(
    scheme_name="sessionToken", description="The token from POST /api/v1/sessions.", auto_error=False
)
BrandKey = Annotated[HTTPAuthorizationCredentials | None, Security(_BRAND_KEY)]
SessionToken = Annotated[HTTPAuthorizationCredentials | None, Security(_SESSION_TOKEN)]
KEY_SAYS = "Your own name for this request: sent again with it, the request acts once."
RequestKey = Annotated[
    str | None, Header(alias="Idempotency-Key", max_length=KEY_LIMIT, description=KEY_SAYS)
]

BrandSlug = Annotated[str, Path(max_length=100, pattern="^[a-z0-9][a-z0-9-]*$")]


def services(request: Request) -> Services:
    return cast(Services, request.app.state.services)


async def _services(request: Request) -> Services:
    """As a coroutine, for FastAPI sends every other kind of dependency through a thread."""
    return services(request)


HasServices = Annotated[Services, Depends(_services)]


async def _admitted(having: HasServices) -> AsyncIterator[None]:
    async with having.admission:
        with transaction_ahead():
            yield


def _transaction(
    having: HasServices, _place: Annotated[None, Depends(_admitted, scope="function")]
) -> Iterator[Transaction]:
    with having.database.transaction() as tx:
        yield tx


HasTx = Annotated[Transaction, Depends(_transaction, scope="function")]


def session_cookie(secure: bool) -> str:
    return SECURE_SESSION_COOKIE if secure else SESSION_COOKIE


def session_token(request: Request) -> str | None:
    return request.cookies.get(session_cookie(services(request).settings.secure_cookies))


def _maybe_signed_in(request: Request, tx: HasTx) -> Principal | None:
    token = session_token(request)
    principal = principal_of(tx, token, app_now(tx)) if token else None
    request.state.principal = principal
    return principal


MaybeSignedIn = Annotated[Principal | None, Depends(_maybe_signed_in)]


def _signed_in(principal: MaybeSignedIn) -> Principal:
    if principal is None:
        raise NotSignedIn
    return principal


IsSignedIn = Annotated[Principal, Depends(_signed_in)]


async def _checked_form(request: Request, principal: MaybeSignedIn) -> None:
    await _check_token(request, principal)


async def _check_token(request: Request, principal: Principal | None) -> None:
    """A page's form was made here for this person: same origin, and the token they were given."""
    site = request.headers.get("sec-fetch-site", "same-origin")
    expected = principal.csrf_token if principal else request.cookies.get(FORM_COOKIE, "")
    given = request.headers.get("x-csrf-token") or (await request.form()).get("csrf", "")
    if site not in ("same-origin", "none") or not expected or not isinstance(given, str):
        raise FormExpired
    if not secrets.compare_digest(given.encode(), expected.encode()):
        raise FormExpired


CheckedForm = Depends(_checked_form)


def _as_worker(request: Request, tx: HasTx, principal: IsSignedIn) -> WorkerId:
    """The worker behind the request; the transaction may touch what is his. Suspended, he reads and does nothing."""
    worker = _even_suspended(tx, principal)
    return worker if request.method in READING else _refuse_suspended(tx, principal, worker)


def _refuse_suspended(tx: Transaction, principal: Principal, worker: WorkerId) -> WorkerId:
    if principal.worker_status is WorkerStatus.RESTRICTED:
        raise WorkSuspended(refusal_of(tx, worker))
    return worker


def _even_suspended(tx: HasTx, principal: IsSignedIn) -> WorkerId:
    """For the page of a worker's standing, where he objects."""
    if principal.worker is None:
        raise NotFound
    rescope(tx, Scope(worker=principal.worker))
    seen(tx, principal.worker, app_now(tx))
    return principal.worker


AsWorker = Annotated[WorkerId, Depends(_as_worker)]
EvenSuspended = Annotated[WorkerId, Depends(_even_suspended)]


def at_brand(permission: Permission) -> Callable[..., Membership]:
    """A dependency: the membership at the path's brand, if it includes `permission`; 404 for strangers."""

    def member(slug: str, tx: HasTx, principal: IsSignedIn) -> Membership:
        membership = principal.membership(slug)
        require_at_brand(membership.role if membership else None, permission)
        assert membership is not None
        rescope(tx, Scope(brand=membership.brand))
        return membership

    return member


def on_platform(permission: Permission) -> Callable[..., Principal]:
    """A dependency: platform staff whose role includes `permission`; 404 for everybody else."""

    def staff(tx: HasTx, principal: IsSignedIn) -> Principal:
        require_on_platform(principal.staff, permission)
        rescope(tx, PLATFORM)
        return principal

    return staff


def by_key(scope: ApiScope) -> Callable[..., BrandId]:
    """A dependency: the brand whose API key the request carries, if the key has `scope`."""

    def brand(tx: HasTx, credentials: BrandKey) -> BrandId:
        holder = _key_holder(tx, credentials)
        holder.require(scope)
        rescope(tx, Scope(brand=holder.brand))
        return holder.brand

    return brand


def by_key_before(scope: ApiScope) -> Callable[..., BrandId]:
    """Like `by_key`, but its transaction is over when the handler starts: for handlers that call Stripe."""

    def brand(having: HasServices, credentials: BrandKey) -> BrandId:
        with having.database.transaction() as tx:
            holder = _key_holder(tx, credentials)
        holder.require(scope)
        return holder.brand

    return brand


def signed_in_before(request: Request, having: HasServices) -> Principal:
    """The person behind the request, with no transaction left open: for handlers that call Stripe."""
    with having.database.transaction() as tx:
        principal = _maybe_signed_in(request, tx)
    if principal is None:
        raise NotSignedIn
    return principal


def operator_before(principal: Annotated[Principal, Depends(signed_in_before)]) -> Principal:
    """An operator, with no transaction left open: for handlers that open several of their own."""
    require_on_platform(principal.staff, Permission.VIEW_OPERATIONS)
    return principal


IsSignedInBefore = Annotated[Principal, Depends(signed_in_before)]


async def _checked_form_before(request: Request, principal: IsSignedInBefore) -> None:
    await _check_token(request, principal)


CheckedFormBefore = Depends(_checked_form_before)


def _key_holder(tx: Transaction, credentials: HTTPAuthorizationCredentials | None) -> KeyHolder:
    holder = key_holder(tx, credentials.credentials.strip()) if credentials else None
    if holder is None:
        raise KeyNeeded
    return holder


def _by_token(tx: HasTx, credentials: SessionToken) -> Principal:
    return _principal_of_token(tx, credentials.credentials.strip() if credentials else "")


ByToken = Annotated[Principal, Depends(_by_token)]


def worker_of_token(tx: Transaction, token: str) -> WorkerId:
    """The worker signed in with `token`, who wants to act; the transaction may touch what is his."""
    principal = _principal_of_token(tx, token)
    if principal.worker is None:
        raise NotAWorker
    return _refuse_suspended(tx, principal, _even_suspended(tx, principal))


def _principal_of_token(tx: Transaction, token: str) -> Principal:
    principal = principal_of(tx, token, app_now(tx)) if token else None
    if principal is None:
        raise TokenNeeded
    return principal


def _worker_by_token(request: Request, tx: HasTx, principal: ByToken) -> WorkerId:
    if principal.worker is None:
        raise NotAWorker
    return _as_worker(request, tx, principal)


ByWorkerToken = Annotated[WorkerId, Depends(_worker_by_token)]


def as_uuid(text: str) -> UUID:
    """An id from a path; anything that is none is as absent as an unknown one."""
    try:
        return UUID(text)
    except ValueError:
        raise NotFound from None
