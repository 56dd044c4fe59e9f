"""What is looked at at Stripe after it told us something: Observer over our connection."""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import stripe

from billing.bank_payout_models import BankPayoutState
from billing.gateway import CallUnknown
from billing.observing import ObservedPayout, Observer
from billing.stripe_connection import StripeConnection, call

if TYPE_CHECKING:
    from stripe.params import EventListParams

PAGE_SIZE = 100
EVENTS_LIMIT = 200_000


class StripeObserver(Observer):
    """Stripe, or fake Stripe."""

    def __init__(self, connection: StripeConnection, *, page_size: int = PAGE_SIZE) -> None:
        self._client = connection.client
        self._page_size = page_size

    def bank_payout(self, payout: str, *, account: str) -> ObservedPayout:
        return call(
            lambda: self._client.v1.payouts.retrieve(payout, options={"stripe_account": account}), _payout
        )

    def events_since(self, since: datetime, *, account: str | None) -> Iterator[Sequence[Mapping[str, Any]]]:
        params: EventListParams = {"created": {"gte": int(since.timestamp())}, "limit": self._page_size}
        for _ in range(EVENTS_LIMIT // self._page_size):
            page, has_more = self._page(params, account)
            yield page
            if not has_more:
                return
            params = {**params, "starting_after": page[-1]["id"]}
        raise CallUnknown(f"More than {EVENTS_LIMIT:,} events since {since.isoformat()}.")

    def _page(
        self, params: "EventListParams", account: str | None
    ) -> tuple[Sequence[Mapping[str, Any]], bool]:
        options: stripe.RequestOptions = {"stripe_account": account} if account else {}
        return call(lambda: self._client.v1.events.list(params, options), _events)


def _events(page: stripe.ListObject[stripe.Event]) -> tuple[Sequence[Mapping[str, Any]], bool]:
    """Stripe's JSON as it came: the SDK's objects would not give it back unchanged."""
    answer = page.last_response
    if answer is None:
        raise ValueError("a page without its answer")
    return json.loads(answer.body)["data"], page.has_more


def _payout(payout: stripe.Payout) -> ObservedPayout:
    state = BankPayoutState(payout.status)
    return ObservedPayout(
        id=payout.id,
        amount_minor=payout.amount,
        currency=payout.currency,
        state=state,
        failure_code=payout.failure_code if state is BankPayoutState.FAILED else None,
        bank=_id(payout.destination),
        created_at=datetime.fromtimestamp(payout.created, UTC),
        arrives_at=datetime.fromtimestamp(payout.arrival_date, UTC),
    )


def _id(reference: object) -> str | None:
    """Stripe gives an id, the object where it was expanded, or nothing."""
    if reference is None or isinstance(reference, str):
        return reference
    return str(getattr(reference, "id", "")) or None
