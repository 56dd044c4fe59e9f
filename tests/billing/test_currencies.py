"""Each currency by itself: its decimal places, the units it is paid in, batches of one currency."""

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from billing import batches
from billing.batches import NothingToPay
from billing.models import Payout, PayoutBatch, PayoutLine, StripeCall
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database
from marketplace.kernel.money import THREE_DECIMAL, WHOLE_UNITS, ZERO_DECIMAL, Money, step
from marketplace.tickets.terms import PriceNotPayable
from tests.billing.paying import an_approved_batch, as_owner, assert_proven, pass_review, release
from tests.builders import a_brand, a_resolved_ticket, a_worker

PRICES = {"usd": 2_005, "jpy": 2_001, "kwd": 90_010, "huf": 77_700, "ugx": 99_900}
PAY = {"usd": 1_604, "jpy": 1_601, "kwd": 72_010, "huf": 62_200, "ugx": 79_900}
"""A fifth is the platform's, rounded to what the currency is paid in."""


def test_case_45_each_currency_is_batched_by_itself_and_paid_in_its_own_units(
    background: Database, database_url: str
) -> None:
    with background.transaction() as tx:
        workers = [a_worker(tx, payable=True), a_worker(tx, payable=True)]
        for currency, total in PRICES.items():
            brand = a_brand(
                tx,
                price=Money(amount_minor=total, currency=currency),
                funds=Money(amount_minor=total * 2, currency=currency),
            )
            for worker in workers:
                a_resolved_ticket(tx, brand, worker)
    pass_review(background)

    for currency, pay in PAY.items():
        with background.transaction() as tx:
            batch = an_approved_batch(tx, currency=currency)
            release(tx, batch)
        with background.transaction() as tx:
            assert tx.get_one(PayoutBatch, batch).currency == currency
            payouts = tx.scalars(select(Payout).where(Payout.batch_id == batch)).all()
            assert [(one.currency, one.amount_minor) for one in payouts] == [(currency, pay)] * 2
            asked = tx.scalars(
                select(StripeCall.params).where(StripeCall.payout_id.in_([one.id for one in payouts]))
            )
            assert [(one["currency"], one["amount"]) for one in asked] == [(currency, pay)] * 2
            assert pay % step(currency) == 0
    with background.transaction() as tx, pytest.raises(NothingToPay):
        batches.draft_batch(tx, currency="huf", author=None, now=app_now(tx))
    assert_proven(background)

    for attack, refusal in MIXTURES.items():
        with pytest.raises(DBAPIError, match=refusal), as_owner(database_url) as sql:
            sql.execute(text(attack))


MIXTURES = {
    "UPDATE payout SET amount_minor = amount_minor + 1 WHERE currency = 'huf'": "ck_payout_whole_steps",
    "UPDATE payout SET amount_minor = amount_minor + 1 WHERE currency = 'kwd'": "ck_payout_whole_steps",
    "UPDATE payout SET currency = 'eur' WHERE currency = 'usd'": "in the currency of its batch",
    "UPDATE payout_line SET payout_id = (SELECT id FROM payout WHERE currency = 'jpy' LIMIT 1) "
    "WHERE payout_id IN (SELECT id FROM payout WHERE currency = 'usd')": "in its own currency",
}


@pytest.mark.parametrize(("currency", "total"), [("huf", 77_750), ("isk", 150), ("kwd", 9_001)])
def test_a_price_that_could_not_be_paid_out_to_the_unit_is_refused(
    background: Database, currency: str, total: int
) -> None:
    with background.transaction() as tx, pytest.raises(PriceNotPayable):
        a_brand(tx, price=Money(amount_minor=total, currency=currency))


def test_the_database_knows_the_same_steps(background: Database) -> None:
    known = sorted({*ZERO_DECIMAL, *THREE_DECIMAL, *WHOLE_UNITS, "usd", "eur"})
    with background.transaction() as tx:
        for currency in known:
            asked = text("SELECT money_step(:currency)")
            assert tx.execute(asked, {"currency": currency}).scalar_one() == step(currency), currency


def test_a_batch_holds_no_line_of_another_currency(background: Database) -> None:
    with background.transaction() as tx:
        worker = a_worker(tx, payable=True)
        for currency in ("usd", "jpy"):
            a_resolved_ticket(tx, a_brand(tx, price=Money(amount_minor=2_000, currency=currency)), worker)
    pass_review(background)
    with background.transaction() as tx:
        batch = batches.draft_batch(tx, currency="jpy", author=None, now=app_now(tx))
        lines = tx.scalars(
            select(PayoutLine.amount_minor)
            .join(Payout, Payout.id == PayoutLine.payout_id)
            .where(Payout.batch_id == batch.id)
        ).all()
    assert lines == [1_600]
