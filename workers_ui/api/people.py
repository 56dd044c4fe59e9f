"""Signing in for programs that work on a worker's behalf."""

from fastapi import APIRouter, Request

from marketplace.accounts.sessions import sign_in
from marketplace.kernel.clock import app_now
from workers_ui.api.schemas import SessionOut, SignInIn
from workers_ui.deps import ByToken, HasServices, HasTx, SessionToken
from workers_ui.leaving import leave

router = APIRouter(tags=["sessions"])


@router.post("/sessions", status_code=201, response_model=SessionOut)
def begin(body: SignInIn, request: Request, tx: HasTx, having: HasServices) -> SessionOut:
    """A session token for an e-mail and password; send it as `Authorization: Bearer …`."""
    limit_sign_in(request, having, body.email)
    signed = sign_in(
        tx,
        email=body.email,
        password=body.password,
        session_hours=having.settings.session_hours,
        now=app_now(tx),
    )
    return SessionOut(token=signed.token, expires_at=signed.expires_at)


@router.delete("/sessions/current", status_code=204)
def end(tx: HasTx, principal: ByToken, credentials: SessionToken) -> None:
    """End the session of the token that the request carries. A worker's running claims go back to the pool with
    his last session; what he wrote is kept."""
    assert credentials is not None  # somebody is signed in with them
    leave(tx, principal, credentials.credentials.strip())


def limit_sign_in(request: Request, having: HasServices, email: str) -> None:
    """A few attempts a minute per address and per account. Raises TooManyAttempts."""
    per_minute = having.settings.sign_in_attempts_per_minute
    address = request.client.host if request.client else "unknown"
    having.limiter.hit("sign-in-address", address, per_minute * 5)
    having.limiter.hit("sign-in-account", email.strip().lower(), per_minute)
