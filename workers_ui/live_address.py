"""Where a page finds its stream: one address for all tabs of a session, and for nobody else's."""

from marketplace.accounts.sessions import Principal

KEY_LETTERS = 12


def live_url(principal: Principal) -> str:
    """A page that was left open when somebody else signed in asks by the old key, and gets nothing."""
    return f"/live?of={live_key(principal)}"


def live_key(principal: Principal) -> str:
    """A name for the session that gives nothing away."""
    return principal.session_hash.hex()[:KEY_LETTERS]
