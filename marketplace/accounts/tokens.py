"""Secrets that are handed out once; the database keeps their SHA-256 alone.

A fast hash is right for them: unlike a password, 256 random bits cannot be guessed.
"""

import secrets
from hashlib import sha256

from marketplace.kernel.settings import MoneyMode

TOKEN_BYTES = 32
KEY_PREFIXES = {MoneyMode.TEST: "hc_test_", MoneyMode.LIVE: "hc_live_"}


def new_token() -> str:
    """A secret of 256 random bits, safe in an address or a cookie."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def new_api_key(mode: MoneyMode) -> str:
    """A secret that says by its first letters whether it can touch real money."""
    return KEY_PREFIXES[mode] + new_token()


def hash_of(token: str) -> bytes:
    """What the database keeps of `token`, whatever a stranger sent in its place."""
    return sha256(token.encode("utf-8", "surrogatepass")).digest()


def mode_of(key: str) -> MoneyMode | None:
    """The money mode that an API key names; None when it is no API key of ours."""
    return next((mode for mode, prefix in KEY_PREFIXES.items() if key.startswith(prefix)), None)
