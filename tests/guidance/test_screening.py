"""Screening: the dial first, then what the ticket says; a ticket that cannot be judged is kept, not lost."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import count

import pytest
from sqlalchemy import select

from billing.accounts import pending, reserved
from guidance.screening import NoJudge, screen_ticket
from marketplace.accounts.models import Brand
from marketplace.events.models import Event
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database
from marketplace.kernel.ids import BrandId, TicketId
from marketplace.kernel.settings import Settings
from marketplace.tickets.dial import is_shared
from marketplace.tickets.eligibility import ORDINARY, KeepBackRules, Outcome, Verdict
from marketplace.tickets.keep_back import (
    BadExample,
    BadPhrase,
    TooManyKeepBackRules,
    TopicAlwaysKept,
    UnknownTopic,
    add_example,
    add_phrase,
    keep_category_back,
    own_rules,
    remove_keep_back_rule,
    switch_topic,
)
from marketplace.tickets.models import PoolTicket, Ticket, TicketState
from marketplace.tickets.pool import claim_ticket
from marketplace.tickets.posting import post_ticket
from marketplace.tickets.recall_models import RecallPay
from marketplace.tickets.recalls import recalls_of_ticket
from marketplace.tickets.replies import customer_writes, send_reply
from marketplace.tickets.sharing import set_share_rule
from marketplace.tickets.stages import enable
from tests.billing.paying import assert_proven, standing
from tests.builders import Clock, a_brand, a_member, a_new_ticket, a_resolved_ticket, a_worker, as_brand, usd
from workers_ui import parts
from workers_ui.background import JOB_IS_LOST, Background
from workers_ui.money_work import MoneyWork


class FixedJudge:
    """Says the same of every ticket, but stumbles over what it cannot read."""

    reads_meaning = True

    def __init__(self, verdict: Verdict) -> None:
        self.verdict = verdict
        self.read: list[str] = []

    def judge(self, text: str, *, language: str, rules: KeepBackRules) -> Verdict:
        if "unreadable" in text:
            raise ValueError("no such language")
        self.read.append(text)
        return self.verdict


LETS_IN = NoJudge()


@pytest.fixture
def brand(background: Database) -> BrandId:
    with background.transaction() as tx:
        noise = a_brand(tx, name="Noise & Sons")
        add_phrase(tx, brand=noise, phrase="kettle", author=None, now=app_now(tx))
        keep_category_back(tx, brand=noise, category="general", enabled=True, author=None, now=app_now(tx))
        return a_brand(tx)


def posted(db: Database, brand: BrandId, **changes: object) -> TicketId:
    with db.transaction(as_brand(brand)) as tx:
        return post_ticket(tx, brand=brand, ticket=a_new_ticket(**changes), now=app_now(tx))[0].id


def screened(
    background: Database, brand: BrandId, ticket: TicketId, judge: FixedJudge | NoJudge = LETS_IN
) -> tuple[TicketState, Sequence[str]]:
    """The ticket's state after screening, and the reasons it was held back for."""
    with background.transaction() as tx:
        screen_ticket(tx, judge, brand=brand, ticket=ticket, now=app_now(tx))
    with background.transaction() as tx:
        told = tx.scalars(
            select(Event.body).where(Event.kind == "ticket_held_back", Event.subject_id == ticket)
        )
        return tx.get_one(Ticket, (brand, ticket)).state, [body["reason"] for body in told]


def test_an_ordinary_ticket_is_let_in(db: Database, background: Database, brand: BrandId) -> None:
    assert screened(background, brand, posted(db, brand)) == (TicketState.OPEN, [])


def test_of_dial_and_stage_the_lower_decides_and_is_named(
    db: Database, background: Database, brand: BrandId
) -> None:
    with db.transaction(as_brand(brand)) as tx:
        salt = tx.get_one(Brand, brand).dial_salt
        enable(tx, brand=brand, person=a_member(tx, brand), now=app_now(tx))  # the first stage shares 5 %
    inside = next(name for name in map(str, count()) if is_shared(salt, name, 5))
    outside = next(name for name in map(str, count()) if not is_shared(salt, name, 5))
    assert screened(background, brand, posted(db, brand, external_id=inside)) == (TicketState.OPEN, [])
    kept = posted(db, brand, external_id=outside)
    assert screened(background, brand, kept) == (TicketState.HELD_BACK, ["stage"])
    with db.transaction(as_brand(brand)) as tx:
        set_share_rule(tx, brand=brand, percent=0, author=None, now=app_now(tx))
    shut = posted(db, brand, external_id=f"{outside}-b")
    assert screened(background, brand, shut) == (TicketState.HELD_BACK, ["share dial"])


def test_a_ticket_posted_before_the_dial_was_shut_is_judged_by_the_shut_dial(
    db: Database, background: Database, brand: BrandId
) -> None:
    waiting = posted(db, brand)
    with db.transaction(as_brand(brand)) as tx:
        set_share_rule(tx, brand=brand, percent=0, author=None, now=app_now(tx))
    assert screened(background, brand, waiting) == (TicketState.HELD_BACK, ["share dial"])
    with db.transaction(as_brand(brand)) as tx:
        set_share_rule(tx, brand=brand, percent=100, author=None, now=app_now(tx))
    assert screened(background, brand, posted(db, brand))[0] is TicketState.OPEN
    assert screened(background, brand, waiting)[0] is TicketState.HELD_BACK


@pytest.mark.parametrize("where", ["subject", "text", "context"])
def test_a_sensitive_word_anywhere_keeps_the_ticket(
    db: Database, background: Database, brand: BrandId, where: str
) -> None:
    state, reasons = screened(background, brand, posted(db, brand, **{where: "my lawyer will call"}))
    assert state is TicketState.HELD_BACK
    assert reasons == ["Legal claims: it says “lawyer”"]


@pytest.mark.parametrize("outcome", [Outcome.KEPT_BACK, Outcome.UNSURE])
def test_what_the_judge_keeps_or_is_unsure_of_stays_with_the_brand(
    db: Database, background: Database, brand: BrandId, outcome: Outcome
) -> None:
    judge = FixedJudge(Verdict(outcome=outcome, reason="because"))
    ticket = posted(db, brand, subject="A", text="B", context="C")
    assert screened(background, brand, ticket, judge) == (TicketState.HELD_BACK, ["because"])
    assert judge.read == ["A\nB\nC"]


def test_the_brands_own_rules_hold_and_go(db: Database, background: Database, brand: BrandId) -> None:
    with db.transaction(as_brand(brand)) as tx:
        add_phrase(tx, brand=brand, phrase="kettle", author=None, now=app_now(tx))
    assert screened(background, brand, posted(db, brand))[1] == ["your own phrase “kettle”"]
    with db.transaction(as_brand(brand)) as tx:
        (rule,) = own_rules(tx, brand=brand)
        remove_keep_back_rule(tx, brand=brand, rule=rule.id)
        keep_category_back(tx, brand=brand, category="general", enabled=True, author=None, now=app_now(tx))
    assert screened(background, brand, posted(db, brand))[1] == ["the category “General” is kept back"]
    with db.transaction(as_brand(brand)) as tx:
        keep_category_back(tx, brand=brand, category="general", enabled=False, author=None, now=app_now(tx))
    assert screened(background, brand, posted(db, brand))[0] is TicketState.OPEN


def test_a_topic_is_switched_where_it_may_be(db: Database, background: Database, brand: BrandId) -> None:
    with db.transaction(as_brand(brand)) as tx:
        switch_topic(tx, brand=brand, topic="press", enabled=False, author=None, now=app_now(tx))
        with pytest.raises(TopicAlwaysKept):
            switch_topic(tx, brand=brand, topic="legal", enabled=False, author=None, now=app_now(tx))
        with pytest.raises(UnknownTopic):
            switch_topic(tx, brand=brand, topic="weather", enabled=False, author=None, now=app_now(tx))
    assert screened(background, brand, posted(db, brand, text="I am a journalist"))[0] is TicketState.OPEN


def test_phrases_and_examples_have_their_limits(db: Database, brand: BrandId) -> None:
    with db.transaction(as_brand(brand)) as tx:
        for phrase in ("ab", "!!!", "x" * 101):
            with pytest.raises(BadPhrase):
                add_phrase(tx, brand=brand, phrase=phrase, author=None, now=app_now(tx))
        with pytest.raises(BadExample):
            add_example(tx, brand=brand, example="  a ", author=None, now=app_now(tx))
        for number in range(50):
            add_example(tx, brand=brand, example=f"example {number}", author=None, now=app_now(tx))
        with pytest.raises(TooManyKeepBackRules):
            add_example(tx, brand=brand, example="one more", author=None, now=app_now(tx))


def customer_says(db: Database, brand: BrandId, ticket: TicketId, text: str) -> TicketState:
    """The ticket's state once its customer has written `text`."""
    with db.transaction(as_brand(brand)) as tx:
        customer_writes(tx, brand=brand, ticket=ticket, text=text, external_id=None, now=app_now(tx))
    with db.transaction(as_brand(brand)) as tx:
        return tx.get_one(Ticket, (brand, ticket)).state


def recalled(db: Database, brand: BrandId, ticket: TicketId) -> list[tuple[str, str, RecallPay]]:
    with db.transaction(as_brand(brand)) as tx:
        found = recalls_of_ticket(tx, brand=brand, ticket=ticket)
        return [(one.by, one.reason, one.pays) for one in found]


def test_a_further_message_takes_a_waiting_ticket_out_of_the_pool(
    db: Database, background: Database, brand: BrandId
) -> None:
    ticket = posted(db, brand)
    screened(background, brand, ticket)
    assert customer_says(db, brand, ticket, "Any news?") is TicketState.OPEN
    assert customer_says(db, brand, ticket, "My lawyer will write next.") is TicketState.HELD_BACK
    assert recalled(db, brand, ticket) == [
        ("your keep-back rules", "Legal claims: it says “lawyer”", RecallPay.NOTHING)
    ]
    with background.transaction() as tx:
        assert tx.get(PoolTicket, ticket) is None
    assert customer_says(db, brand, ticket, "My lawyer says hello.") is TicketState.HELD_BACK
    assert len(recalled(db, brand, ticket)) == 1


@pytest.mark.parametrize(("replies", "pays"), [(0, RecallPay.ESCALATION_FEE), (1, RecallPay.FULL_PRICE)])
def test_a_further_message_ends_a_claim_and_pays_as_any_recall(
    db: Database, background: Database, brand: BrandId, replies: int, pays: RecallPay
) -> None:
    ticket = posted(db, brand)
    screened(background, brand, ticket)
    with background.transaction() as tx:
        worker = a_worker(tx)
        number = claim_ticket(tx, ticket=ticket, worker=worker).number
        for _ in range(replies):
            send_reply(tx, ticket=ticket, worker=worker, number=number, body="It left.", now=app_now(tx))
    assert customer_says(db, brand, ticket, "Then I will sue you.") is TicketState.HELD_BACK
    assert [paid for _, _, paid in recalled(db, brand, ticket)] == [pays]
    assert_proven(background)


def test_a_settled_ticket_that_comes_back_with_a_kept_word_reaches_no_worker(
    db: Database, background: Database, brand: BrandId
) -> None:
    with background.transaction() as tx:
        worker = a_worker(tx)
        ticket = a_resolved_ticket(tx, brand, worker)
    assert customer_says(db, brand, ticket, "My lawyer disagrees.") is TicketState.HELD_BACK
    with background.transaction() as tx:
        assert standing(tx, pending(brand, worker)) == usd(200)
        assert standing(tx, reserved(brand)) == usd(0)
    assert_proven(background)


def test_the_longest_word_that_a_rule_can_find_still_makes_a_reason(
    db: Database, background: Database, brand: BrandId
) -> None:
    with db.transaction(as_brand(brand)) as tx:
        add_phrase(tx, brand=brand, phrase="kettle*", author=None, now=app_now(tx))
    ticket = posted(db, brand, text="Where is it?")
    screened(background, brand, ticket)
    assert customer_says(db, brand, ticket, f"The kettle{'s' * 5_000} leaks.") is TicketState.HELD_BACK


def test_a_kept_category_says_nothing_of_a_further_message(
    db: Database, background: Database, brand: BrandId
) -> None:
    ticket = posted(db, brand)
    screened(background, brand, ticket)
    with db.transaction(as_brand(brand)) as tx:
        keep_category_back(tx, brand=brand, category="general", enabled=True, author=None, now=app_now(tx))
    assert customer_says(db, brand, ticket, "Any news?") is TicketState.OPEN


def test_a_ticket_that_cannot_be_judged_waits_and_holds_up_nobody(
    db: Database, background: Database, brand: BrandId, settings: Settings
) -> None:
    stuck = posted(db, brand, text="unreadable")
    behind = posted(db, brand)
    Clock(database=background).forward(JOB_IS_LOST + timedelta(seconds=1))
    work = Background(
        settings=settings,
        database=background,
        money=MoneyWork(database=background, gateway=None),
        retriever=parts.retriever(settings, background),
        judge=FixedJudge(ORDINARY),
    )
    work.redo_lost_jobs()
    with background.transaction() as tx:
        assert tx.get_one(Ticket, (brand, stuck)).state is TicketState.SCREENING
        assert tx.get_one(Ticket, (brand, behind)).state is TicketState.OPEN
    replace(work, judge=NoJudge()).redo_lost_jobs()
    with background.transaction() as tx:
        assert tx.get_one(Ticket, (brand, stuck)).state is TicketState.OPEN
