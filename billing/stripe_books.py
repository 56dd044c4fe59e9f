"""Stripe's record of our balance, read over our connection: the BooksPort."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import stripe

from billing.books_port import BooksPort, Movement
from billing.gateway import CallUnknown
from billing.stripe_connection import StripeConnection, call

if TYPE_CHECKING:
    from stripe.params import BalanceTransactionListParams

PAGE_SIZE = 100
MOVEMENT_LIMIT = 1_000_000
KNOWN_BY_THEIR_PAYMENT = frozenset({"charge", "payment", "payment_failure_refund", "payment_reversal"})


class StripeBooks(BooksPort):
    """Stripe, or fake Stripe."""

    def __init__(self, connection: StripeConnection) -> None:
        self._client = connection.client

    def movements(self, *, since: datetime | None) -> Iterator[Movement]:
        asked: BalanceTransactionListParams = {"limit": PAGE_SIZE, "expand": ["data.source"]}
        if since is not None:
            asked["created"] = {"gte": int(since.timestamp())}
        for _ in range(MOVEMENT_LIMIT // PAGE_SIZE):
            read, has_more = self._page(asked)
            yield from read
            if not has_more:
                return
            asked = {**asked, "starting_after": read[-1].id}
        raise CallUnknown(f"More than {MOVEMENT_LIMIT} balance transactions in one window.")

    def _page(self, asked: "BalanceTransactionListParams") -> tuple[list[Movement], bool]:
        return call(
            lambda: self._client.v1.balance_transactions.list(asked),
            lambda page: ([_movement(one) for one in page.data], page.has_more),
        )

    def held_by_currency(self) -> Mapping[str, int]:
        return call(self._client.v1.balance.retrieve, _held)

    def lowest_balance(self, account: str) -> tuple[str, int]:
        return call(lambda: self._client.v1.balance.retrieve(options={"stripe_account": account}), _lowest)


def _movement(one: stripe.BalanceTransaction) -> Movement:
    raw = one.to_dict(for_json=True)
    source = raw["source"]
    source_id = source["id"] if isinstance(source, dict) else source
    payment = source.get("payment_intent") if isinstance(source, dict) else None
    related = payment if one.type in KNOWN_BY_THEIR_PAYMENT else None
    ids = (_id(reference) for reference in (one.id, source_id, related))
    return Movement(
        id=one.id,
        type=one.type,
        amount_minor=one.amount,
        fee_minor=one.fee,
        currency=one.currency,
        source=source_id,
        refs=tuple(dict.fromkeys(ref for ref in ids if ref)),
        status=one.status,
        created_at=datetime.fromtimestamp(one.created, UTC),
        raw=raw,
    )


def _id(reference: object) -> str | None:
    found = reference.get("id") if isinstance(reference, dict) else reference
    return found if isinstance(found, str) else None


def _held(balance: stripe.Balance) -> dict[str, int]:
    held: dict[str, int] = {}
    for part in (*balance.available, *balance.pending, *(balance.connect_reserved or ())):
        held[part.currency] = held.get(part.currency, 0) + part.amount
    return held


def _lowest(balance: stripe.Balance) -> tuple[str, int]:
    held = _held(balance)
    return min(held.items(), key=lambda one: one[1])
