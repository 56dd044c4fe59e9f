"""Builders of people and brands whose defaults are valid and boring, and a starter for races."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import count
from typing import TypeVar

from marketplace.accounts.commands import (
    accept_invite,
    add_staff,
    create_brand,
    invite_member,
    sign_up_worker,
)
from marketplace.accounts.models import MemberRole, StaffRole
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Tx
from marketplace.kernel.ids import BrandId, PersonId, WorkerId

PASSWORD = "a quiet harbour at 6"
BASE_URL = "https://humancloud.test"
RACE_SECONDS = 30.0

Result = TypeVar("Result")
_numbers = count(1)


def a_worker(tx: Tx, *, email: str | None = None, password: str = PASSWORD, country: str = "DE") -> WorkerId:
    return sign_up_worker(
        tx,
        name="Ada Lovelace",
        email=email or f"worker{next(_numbers)}@example.org",
        password=password,
        country=country,
        languages=["en"],
        accepts_terms=True,
        now=app_now(tx),
    )


def a_brand(tx: Tx, *, slug: str | None = None, name: str = "Fernweh Bikes") -> BrandId:
    return create_brand(
        tx,
        slug=slug or f"brand-{next(_numbers)}",
        name=name,
        time_zone="Europe/Berlin",
        language="de",
        now=app_now(tx),
    )


def an_invite(
    tx: Tx, brand: BrandId, *, email: str, role: MemberRole = MemberRole.AGENT, hours: int = 24
) -> str:
    return invite_member(
        tx,
        brand=brand,
        email=email,
        role=role,
        invited_by=None,
        base_url=BASE_URL,
        now=app_now(tx),
        invite_hours=hours,
    )


def a_member(tx: Tx, brand: BrandId, *, role: MemberRole, email: str | None = None) -> PersonId:
    address = email or f"member{next(_numbers)}@example.org"
    token = an_invite(tx, brand, email=address, role=role)
    return accept_invite(tx, token=token, name="Grace Hopper", password=PASSWORD, now=app_now(tx)).person


def a_finance_person(tx: Tx, *, email: str | None = None) -> PersonId:
    return add_staff(
        tx,
        email=email or f"staff{next(_numbers)}@example.org",
        name="Katherine Johnson",
        password=PASSWORD,
        role=StaffRole.FINANCE,
        now=app_now(tx),
    )


def at_once(*steps: Callable[[], Result]) -> Sequence[Future[Result]]:
    """Start every step in a thread of its own at the same moment and wait for all."""
    gate = threading.Barrier(len(steps))

    def run(step: Callable[[], Result]) -> Result:
        gate.wait(RACE_SECONDS)
        return step()

    with ThreadPoolExecutor(len(steps)) as threads:
        return [threads.submit(run, step) for step in steps]


def refusals(outcomes: Sequence[Future[Result]]) -> list[type[BaseException]]:
    return [type(error) for outcome in outcomes if (error := outcome.exception()) is not None]
