"""What paying workers and topping up a wallet ask of Stripe: PaymentGateway over our connection."""

from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, cast

import stripe
import structlog

from billing.gateway import (
    AccountStatus,
    CallUnknown,
    PaymentGateway,
    Reversal,
    ServiceAgreement,
    TopUpCheckout,
    TopUpState,
    TopUpStatus,
    Transfer,
    check_reversal_params,
    check_transfer_params,
)
from billing.stripe_connection import StripeConnection, call

if TYPE_CHECKING:
    from stripe.params import TransferCreateParams
    from stripe.params._transfer_reversal_create_params import TransferReversalCreateParams

PAGE_SIZE = 100
FIND_LIMIT = 1_000

log = structlog.get_logger()


class StripeGateway(PaymentGateway):
    """Stripe, or fake Stripe."""

    def __init__(self, connection: StripeConnection) -> None:
        self._environment = connection.environment
        self._client = connection.client

    @property
    def environment(self) -> str:
        return self._environment

    def create_recipient_account(
        self,
        *,
        worker_ref: str,
        country: str,
        email: str,
        key: str,
        service_agreement: ServiceAgreement = ServiceAgreement.FULL,
    ) -> str:
        account = call(
            lambda: self._client.v1.accounts.create(
                {
                    "country": country,
                    "email": email,
                    "controller": {
                        "fees": {"payer": "application"},
                        "losses": {"payments": "application"},
                        "requirement_collection": "stripe",
                        "stripe_dashboard": {"type": "express"},
                    },
                    "capabilities": {"transfers": {"requested": True}},
                    "tos_acceptance": {"service_agreement": service_agreement.value},
                    "metadata": {"env": self._environment, "worker_ref": worker_ref},
                },
                {"idempotency_key": key},
            ),
            _account_id,
        )
        log.info("stripe.account_created", account=account, worker_ref=worker_ref)
        return account

    def create_onboarding_link(self, *, account_id: str, refresh_url: str, return_url: str, key: str) -> str:
        return call(
            lambda: self._client.v1.account_links.create(
                {
                    "account": account_id,
                    "type": "account_onboarding",
                    "refresh_url": refresh_url,
                    "return_url": return_url,
                    "collection_options": {"fields": "eventually_due"},
                },
                {"idempotency_key": key},
            ),
            _link_url,
        )

    def account_status(self, account_id: str) -> AccountStatus:
        return call(lambda: self._client.v1.accounts.retrieve(account_id), _account_status)

    def create_top_up_checkout(
        self, *, reference: str, amount_minor: int, currency: str, success_url: str, cancel_url: str, key: str
    ) -> TopUpCheckout:
        ours = {"env": self._environment, "top_up_ref": reference}
        return call(
            lambda: self._client.v1.checkout.sessions.create(
                {
                    "mode": "payment",
                    "client_reference_id": reference,
                    "line_items": [
                        {
                            "quantity": 1,
                            "price_data": {
                                "currency": currency,
                                "unit_amount": amount_minor,
                                "product_data": {"name": "Prepaid ticket credit"},
                            },
                        }
                    ],
                    # A payer's own currency would settle to another amount than the wallet is credited.
                    "adaptive_pricing": {"enabled": False},
                    "payment_intent_data": {"metadata": ours},
                    "metadata": ours,
                    "success_url": success_url,
                    "cancel_url": cancel_url,
                },
                {"idempotency_key": key},
            ),
            _checkout,
        )

    def top_up_status(self, session_id: str) -> TopUpStatus:
        return call(
            lambda: self._client.v1.checkout.sessions.retrieve(
                session_id, {"expand": ["payment_intent.latest_charge.balance_transaction"]}
            ),
            _top_up_status,
        )

    def available_balance(self, currency: str) -> int:
        return call(
            self._client.v1.balance.retrieve,
            lambda balance: sum(part.amount for part in balance.available if part.currency == currency),
        )

    def payout_interval(self) -> str:
        return call(self._client.v1.balance_settings.retrieve, _payout_interval)

    def execute_reversal(self, params: Mapping[str, object], *, key: str) -> Reversal:
        check_reversal_params(params, self._environment)
        asked = {name: value for name, value in params.items() if name != "transfer"}
        reversal = call(
            lambda: self._client.v1.transfers.reversals.create(
                str(params["transfer"]), cast("TransferReversalCreateParams", asked), {"idempotency_key": key}
            ),
            _reversal,
        )
        log.info("stripe.reversed", reversal=reversal.id, amount=reversal.amount_minor, key=key)
        return reversal

    def find_reversals(self, transfer_id: str) -> list[Reversal]:
        return call(
            lambda: self._reversals(transfer_id), lambda found: [_reversal(reversal) for reversal in found]
        )

    def _reversals(self, transfer_id: str) -> list[stripe.TransferReversal]:
        first = self._client.v1.transfers.reversals.list(transfer_id, {"limit": PAGE_SIZE})
        return list(islice(first.auto_paging_iter(), FIND_LIMIT))

    def execute_transfer(self, params: Mapping[str, object], *, key: str) -> Transfer:
        check_transfer_params(params, self._environment)
        transfer = call(
            lambda: self._client.v1.transfers.create(
                cast("TransferCreateParams", dict(params)), {"idempotency_key": key}
            ),
            _transfer,
        )
        log.info("stripe.transferred", transfer=transfer.id, amount=transfer.amount_minor, key=key)
        return transfer

    def find_transfers(self, *, transfer_group: str, destination: str) -> list[Transfer]:
        found = call(
            lambda: self._transfers(transfer_group, destination), lambda page: [_transfer(t) for t in page]
        )
        if len(found) > FIND_LIMIT:
            raise CallUnknown(f"More than {FIND_LIMIT} transfers of one batch to one account.")
        return found

    def _transfers(self, transfer_group: str, destination: str) -> list[stripe.Transfer]:
        first = self._client.v1.transfers.list(
            {"transfer_group": transfer_group, "destination": destination, "limit": PAGE_SIZE}
        )
        return list(islice(first.auto_paging_iter(), FIND_LIMIT + 1))

    def retrieve_transfer(self, transfer_id: str) -> Transfer:
        return call(lambda: self._client.v1.transfers.retrieve(transfer_id), _transfer)


def _account_id(account: stripe.Account) -> str:
    return account.id


def _link_url(link: stripe.AccountLink) -> str:
    return link.url


def _account_status(account: stripe.Account) -> AccountStatus:
    capabilities, requirements = account.capabilities, account.requirements
    # The capability is absent, not inactive, while it was never requested.
    transfers = getattr(capabilities, "transfers", None)
    return AccountStatus(
        account_id=account.id,
        transfers_active=transfers == "active",
        payouts_enabled=bool(account.payouts_enabled),
        disabled_reason=requirements.disabled_reason if requirements else None,
        requirements_due=tuple(requirements.currently_due or ()) if requirements else (),
        bank=_bank(account),
    )


def _bank(account: stripe.Account) -> str | None:
    """The bank account that payouts of the account's own currency go to."""
    listed = getattr(
        account, "external_accounts", None
    )  # absent where Stripe does not show them to a platform
    banks = listed.data if listed else []
    chosen = [bank for bank in banks if bank.default_for_currency] or banks
    return chosen[0].id if chosen else None


def _checkout(session: stripe.checkout.Session) -> TopUpCheckout:
    if session.url is None:
        raise ValueError("a checkout without a page")
    return TopUpCheckout(session_id=session.id, url=session.url)


def _top_up_status(session: stripe.checkout.Session) -> TopUpStatus:
    intent = session.payment_intent if isinstance(session.payment_intent, stripe.PaymentIntent) else None
    booked = _booked(intent)
    return TopUpStatus(
        session_id=session.id,
        reference=session.client_reference_id or "",
        state=_top_up_state(session, intent),
        currency=session.currency or "",
        gross_minor=session.amount_total or 0,
        payment_intent_id=intent.id if intent else None,
        fee_minor=booked.fee if booked else None,
        settled_currency=booked.currency if booked else None,
        balance_transaction_id=booked.id if booked else None,
        available=booked is not None and booked.status == "available",
    )


def _booked(intent: stripe.PaymentIntent | None) -> stripe.BalanceTransaction | None:
    charge = intent.latest_charge if intent else None
    transaction = charge.balance_transaction if isinstance(charge, stripe.Charge) else None
    return transaction if isinstance(transaction, stripe.BalanceTransaction) else None


def _top_up_state(session: stripe.checkout.Session, intent: stripe.PaymentIntent | None) -> TopUpState:
    """The payment intent decides: a completed checkout alone is no money."""
    if session.status == "open":
        return TopUpState.OPEN
    if session.status == "expired":
        return TopUpState.EXPIRED
    match intent.status if intent else None:
        case "succeeded":
            return TopUpState.PAID
        case "requires_payment_method" | "canceled":
            return TopUpState.FAILED
    return TopUpState.PROCESSING


def _payout_interval(settings: stripe.BalanceSettings) -> str:
    payouts = settings.payments.payouts
    schedule = payouts.schedule if payouts else None
    return (schedule.interval if schedule else None) or "manual"


def _reversal(reversal: stripe.TransferReversal) -> Reversal:
    return Reversal(
        id=reversal.id,
        amount_minor=reversal.amount,
        currency=reversal.currency,
        metadata=dict(reversal.metadata.to_dict()) if reversal.metadata else {},
    )


def _transfer(transfer: stripe.Transfer) -> Transfer:
    return Transfer(
        id=transfer.id,
        amount_minor=transfer.amount,
        amount_reversed_minor=transfer.amount_reversed,
        currency=transfer.currency,
        destination=_id(transfer.destination),
        transfer_group=transfer.transfer_group,
        metadata=dict(transfer.metadata.to_dict()),
        balance_transaction_id=_id(transfer.balance_transaction) if transfer.balance_transaction else None,
        created_at=datetime.fromtimestamp(transfer.created, UTC),
    )


def _id(reference: object) -> str:
    """Stripe gives an id, or the object where it was expanded."""
    return reference if isinstance(reference, str) else str(cast("stripe.Account", reference).id)
