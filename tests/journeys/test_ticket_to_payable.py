"""A ticket's life and its money, through the commands, as the roles that run them."""

from datetime import timedelta

import pytest

from billing import earnings
from billing.accounts import payable, pending, platform_fee, reserved, wallet
from billing.ledger import balance, proof
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database
from marketplace.tickets.endings import (
    confirm_escalation,
    escalate_ticket,
    reject_escalation,
    resolve_silent,
    resolve_ticket,
)
from marketplace.tickets.models import EscalationReason, ReleaseReason, ResolvedBy, Ticket, TicketState
from marketplace.tickets.pool import (
    AlreadyClaimed,
    AtYourLimit,
    GivenBackBefore,
    StaleClaim,
    claim_next,
    claim_ticket,
    expire_leases,
    release_ticket,
)
from marketplace.tickets.replies import ApiFeed, customer_writes, deliver_queued, send_reply
from tests.builders import Clock, a_brand, a_worker, an_open_ticket, as_brand, as_worker, give_funds, usd


def test_a_resolved_ticket_pays_its_worker_and_the_platform_and_nothing_is_left_reserved(
    db: Database, background: Database, clock: Clock
) -> None:
    with background.transaction() as tx:
        brand, worker = a_brand(tx), a_worker(tx)
        ticket = an_open_ticket(tx, brand)
    with background.transaction() as tx:
        assert balance(tx, reserved(brand), currency="usd") == usd(250)
    with db.transaction() as tx:
        hold = claim_ticket(tx, ticket=ticket, worker=worker)
    with db.transaction(as_worker(worker)) as tx:
        send_reply(tx, ticket=ticket, worker=worker, number=hold.number, body="On its way.", now=app_now(tx))
    with background.transaction() as tx:
        assert deliver_queued(tx, delivery=ApiFeed(), now=app_now(tx)) == 1
    with db.transaction(as_brand(brand)) as tx:
        resolve_ticket(tx, brand=brand, ticket=ticket, by=ResolvedBy.CUSTOMER, now=app_now(tx))
    with background.transaction() as tx:
        assert balance(tx, pending(brand, worker), currency="usd") == usd(200)
        assert balance(tx, platform_fee(brand), currency="usd") == usd(50)
        assert balance(tx, reserved(brand), currency="usd") == usd(0)
        assert earnings.mature(tx, now=app_now(tx)) == 0
    clock.forward(timedelta(hours=73))
    with background.transaction() as tx:
        assert earnings.mature(tx, now=app_now(tx)) == 1
        assert balance(tx, payable(brand, worker), currency="usd") == usd(200)
        found = proof(tx)
        assert (found.imbalance_minor, found.drifted_accounts) == (0, ())


def test_a_second_claim_is_refused_and_a_stale_token_writes_nothing(
    db: Database, background: Database, clock: Clock
) -> None:
    with background.transaction() as tx:
        brand, first, second = a_brand(tx), a_worker(tx), a_worker(tx)
        ticket = an_open_ticket(tx, brand)
    with db.transaction() as tx:
        hold = claim_ticket(tx, ticket=ticket, worker=first)
    with db.transaction() as tx, pytest.raises(AlreadyClaimed):
        claim_ticket(tx, ticket=ticket, worker=second)
    clock.forward(timedelta(minutes=6))
    with background.transaction() as tx:
        assert expire_leases(tx, now=app_now(tx)) == 1
    with db.transaction() as tx:
        again = claim_ticket(tx, ticket=ticket, worker=second)
    assert again.number == hold.number + 1
    with db.transaction(as_worker(first)) as tx, pytest.raises(StaleClaim):
        send_reply(tx, ticket=ticket, worker=first, number=hold.number, body="Late", now=app_now(tx))


def test_a_reopened_ticket_takes_the_pay_back_and_pays_once_when_resolved_again(
    db: Database, background: Database
) -> None:
    with background.transaction() as tx:
        brand, worker = a_brand(tx), a_worker(tx)
        ticket = an_open_ticket(tx, brand)
    with db.transaction() as tx:
        hold = claim_ticket(tx, ticket=ticket, worker=worker)
    with db.transaction(as_worker(worker)) as tx:
        send_reply(tx, ticket=ticket, worker=worker, number=hold.number, body="Done.", now=app_now(tx))
    with db.transaction(as_brand(brand)) as tx:
        resolve_ticket(tx, brand=brand, ticket=ticket, by=ResolvedBy.CUSTOMER, now=app_now(tx))
    with db.transaction(as_brand(brand)) as tx:
        customer_writes(
            tx, brand=brand, ticket=ticket, text="Still broken", external_id="m2", now=app_now(tx)
        )
    with background.transaction() as tx:
        assert balance(tx, pending(brand, worker), currency="usd") == usd(0)
        assert balance(tx, reserved(brand), currency="usd") == usd(250)
        assert tx.get_one(Ticket, (brand, ticket)).state is TicketState.CLAIMED
    with db.transaction(as_worker(worker)) as tx:
        send_reply(tx, ticket=ticket, worker=worker, number=hold.number + 1, body="Fixed.", now=app_now(tx))
    with db.transaction(as_brand(brand)) as tx:
        resolve_ticket(tx, brand=brand, ticket=ticket, by=ResolvedBy.BRAND, now=app_now(tx))
    with background.transaction() as tx:
        assert balance(tx, pending(brand, worker), currency="usd") == usd(200)
        assert balance(tx, wallet(brand), currency="usd") == usd(9_750)


def test_a_confirmed_escalation_pays_its_fee_and_a_rejected_one_returns_everything(
    db: Database, background: Database
) -> None:
    with background.transaction() as tx:
        brand, worker = a_brand(tx), a_worker(tx)
        tickets = [an_open_ticket(tx, brand) for _ in range(2)]
    for ticket in tickets:
        with db.transaction() as tx:
            hold = claim_ticket(tx, ticket=ticket, worker=worker)
        with db.transaction(as_worker(worker)) as tx:
            escalate_ticket(
                tx,
                ticket=ticket,
                worker=worker,
                number=hold.number,
                reason=EscalationReason.NO_GROUNDED_ANSWER,
                note="",
                now=app_now(tx),
            )
    with db.transaction(as_brand(brand)) as tx:
        confirm_escalation(tx, brand=brand, ticket=tickets[0], by="Mo", now=app_now(tx))
        reject_escalation(tx, brand=brand, ticket=tickets[1], by="Mo", now=app_now(tx))
    with background.transaction() as tx:
        assert balance(tx, pending(brand, worker), currency="usd") == usd(60)
        assert balance(tx, platform_fee(brand), currency="usd") == usd(12)
        assert balance(tx, reserved(brand), currency="usd") == usd(0)
        assert balance(tx, wallet(brand), currency="usd") == usd(10_000 - 72)


def test_silence_resolves_and_the_cap_and_releases_hold(
    db: Database, background: Database, clock: Clock
) -> None:
    with background.transaction() as tx:
        brand, worker, other = a_brand(tx), a_worker(tx, email_cap=2), a_worker(tx)
        tickets = [an_open_ticket(tx, brand) for _ in range(3)]
    with db.transaction() as tx:
        holds = [claim_ticket(tx, ticket=ticket, worker=worker) for ticket in tickets[:2]]
    with db.transaction() as tx, pytest.raises(AtYourLimit):
        claim_ticket(tx, ticket=tickets[2], worker=worker)
    with db.transaction(as_worker(worker)) as tx:
        release_ticket(
            tx,
            ticket=tickets[0],
            worker=worker,
            number=holds[0].number,
            reason=ReleaseReason.NO_TIME,
            now=app_now(tx),
        )
    with db.transaction() as tx, pytest.raises(GivenBackBefore):
        claim_ticket(tx, ticket=tickets[0], worker=worker)
    with db.transaction() as tx:
        assert claim_next(tx, worker=worker).ticket == tickets[2]
    with db.transaction() as tx:
        assert claim_next(tx, worker=other).ticket == tickets[0]
    with db.transaction(as_worker(worker)) as tx:
        send_reply(tx, ticket=tickets[1], worker=worker, number=holds[1].number, body="Hi", now=app_now(tx))
    clock.forward(timedelta(hours=49))
    assert resolve_silent(background) == 1


def test_an_unfunded_ticket_is_never_shown_and_opens_once_when_money_arrives(
    db: Database, background: Database
) -> None:
    with background.transaction() as tx:
        brand = a_brand(tx, funds=usd(300))
        tickets = [an_open_ticket(tx, brand) for _ in range(3)]
    with background.transaction() as tx:
        states = [tx.get_one(Ticket, (brand, ticket)).state for ticket in tickets]
        assert states == [TicketState.OPEN, TicketState.AWAITING_FUNDS, TicketState.AWAITING_FUNDS]
        give_funds(tx, brand, usd(250))
    with background.transaction() as tx:
        assert earnings.open_awaiting(tx, brand=brand, now=app_now(tx)) == 1
    with background.transaction() as tx:
        assert earnings.open_awaiting(tx, brand=brand, now=app_now(tx)) == 0
