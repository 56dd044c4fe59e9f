"""The only door to argon2: hashing, checking and judging passwords.

argon2id with OWASP's 19 MiB, two passes, one lane. Each computation costs a core and 19 MiB for a while, so
no more run at once than there are cores, and whoever waits too long is told so: a flood of sign-ins slows
sign-ins down and nothing else.
"""

import os
import threading
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError

from marketplace.accounts.errors import (
    PasswordHoldsEmail,
    PasswordTooCommon,
    PasswordTooLong,
    PasswordTooShort,
    SignInBusy,
)

CHARACTERS_MIN = 10
CHARACTERS_MAX = 200
DISTINCT_CHARACTERS_MIN = 5
LOCAL_PART_CHARACTERS_MIN = 3  # a shorter local part is in many good passwords by chance
WAIT_SECONDS = 10.0
AT_ONCE = os.cpu_count() or 1
COMMON_PASSWORDS = Path(__file__).with_name("common_passwords.txt")

_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
# Nobody's password: checked where there is no such person, so that strangers cannot tell by the work done.
_NOBODYS_HASH = (
    "$argon2id$v=19$m=19456,t=2,p=1$oCuTEkhWwz/EGZ/wNm74Sg$7QRDBHmHkXH4nqpsdmppV5HbN5nODHGxew0WMZgk6nc"
)


class _Turns:
    """Lets AT_ONCE computations run at a time and counts them."""

    def __init__(self) -> None:
        self._free = threading.BoundedSemaphore(AT_ONCE)
        self._lock = threading.Lock()
        self.computed = 0
        self.running = 0
        self.running_most = 0

    @contextmanager
    def one(self) -> Iterator[None]:
        if not self._free.acquire(timeout=WAIT_SECONDS):
            raise SignInBusy
        try:
            self._count(1)
            yield
        finally:
            self._count(-1)
            self._free.release()

    def _count(self, step: int) -> None:
        with self._lock:
            self.computed += max(step, 0)
            self.running += step
            self.running_most = max(self.running_most, self.running)


_turns = _Turns()


def hash_password(password: str) -> str:
    """The encoded argon2id hash of `password`, salt and parameters included. Raises SignInBusy."""
    with _turns.one():
        return _HASHER.hash(_bytes(password))


def is_password(password: str, encoded: str | None) -> bool:
    """Whether `password` is the one behind `encoded`; with None the same work is done, for nothing.

    Raises SignInBusy.
    """
    with _turns.one():
        try:
            _HASHER.verify(encoded or _NOBODYS_HASH, _bytes(password[: CHARACTERS_MAX + 1]))
        except VerifyMismatchError:
            return False
    return encoded is not None and len(password) <= CHARACTERS_MAX


def needs_rehash(encoded: str) -> bool:
    """Whether `encoded` was made with other parameters than today's."""
    return _HASHER.check_needs_rehash(encoded)


def check_strength(password: str, *, email: str) -> None:
    """Raises a WeakPassword that says what is wrong with `password` for the person with `email`."""
    if len(password) < CHARACTERS_MIN:
        raise PasswordTooShort
    if len(password) > CHARACTERS_MAX:
        raise PasswordTooLong
    plain = unicodedata.normalize("NFKC", password).casefold()
    local_part = email.partition("@")[0].casefold()
    if len(local_part) >= LOCAL_PART_CHARACTERS_MIN and local_part in plain:
        raise PasswordHoldsEmail
    if _is_common(plain):
        raise PasswordTooCommon


def computations() -> int:
    """How many hashes this process has computed since its start."""
    return _turns.computed


def computations_at_once() -> int:
    """The most that ever ran at the same time."""
    return _turns.running_most


def _is_common(password: str) -> bool:
    """Also common: a common word with digits and signs around it, and a few characters over and over."""
    core = password.strip("0123456789!\"#$%&'()*+,-./:;<=>?@[]^_`{|}~ ")
    return bool({password, core} & _common_passwords() or len(set(password)) < DISTINCT_CHARACTERS_MIN)


@cache
def _common_passwords() -> frozenset[str]:
    lines = COMMON_PASSWORDS.read_text(encoding="utf-8").splitlines()
    return frozenset(line for line in lines if line and not line.startswith("#"))


def _bytes(password: str) -> bytes:
    """One encoding for what looks the same; a lone surrogate from some JSON must not end in a crash."""
    return unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")
