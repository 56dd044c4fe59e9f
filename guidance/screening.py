"""Whether a posted ticket enters the pool: the share dial decides first, then what the ticket says.

And whether it stays there when its customer says more.
"""

from dataclasses import replace
from datetime import datetime
from typing import Protocol

from sqlalchemy import select

from marketplace.events.facts import CustomerWrote
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Tx
from marketplace.kernel.ids import BrandId, TicketId
from marketplace.tickets import posting, recalls, sharing, switch_queries
from marketplace.tickets.eligibility import ORDINARY, KeepBackRules, Verdict, judge_by_rules
from marketplace.tickets.keep_back import keep_back_rules
from marketplace.tickets.models import Category, Message, Ticket, TicketState

BY_RULE = "your keep-back rules"
IN_WORKERS_REACH = (TicketState.AWAITING_FUNDS, TicketState.OPEN, TicketState.CLAIMED)


class Judge(Protocol):
    """Tells what a ticket is about where no word gives it away."""

    @property
    def reads_meaning(self) -> bool:
        """False where there is no model to read with: rules by word decide alone."""

    def judge(self, text: str, *, language: str, rules: KeepBackRules) -> Verdict:
        """Its verdict on a ticket's text; whatever it raises leaves the ticket unscreened."""


class NoJudge:
    """Where there is no embedding model: the rules by word decide alone."""

    reads_meaning = False

    def judge(self, text: str, *, language: str, rules: KeepBackRules) -> Verdict:
        return ORDINARY


def screen_ticket(tx: Tx, judge: Judge, *, brand: BrandId, ticket: TicketId, now: datetime) -> None:
    """Let a posted ticket in or leave it with its brand; a ticket that is screened already stays as it is."""
    row = posting.ticket_of(tx, brand=brand, ticket=ticket)
    if row.state is not TicketState.SCREENING:
        return
    if switch_queries.keeps_ticket_out(tx, brand=brand, ticket=ticket):
        return  # a kill switch is thrown: the ticket waits, being screened, until it is lifted
    kept = _why_kept(tx, judge, row, now)
    if kept is not None:
        posting.hold_back(tx, brand=brand, ticket=ticket, reason=kept)
    else:
        posting.admit(tx, brand=brand, ticket=ticket)


def would_enter(tx: Tx, judge: Judge, *, brand: BrandId, ticket: TicketId, now: datetime) -> bool:
    """Whether a ticket that is being screened would be let in as things stand. Changes and locks nothing."""
    row = tx.get_one(Ticket, (brand, ticket))
    return (
        row.state is TicketState.SCREENING
        and not switch_queries.keeps_ticket_out(tx, brand=brand, ticket=ticket)
        and _why_kept(tx, judge, row, now) is None
    )


def _why_kept(tx: Tx, judge: Judge, row: Ticket, now: datetime) -> str | None:
    """Why a ticket stays with its brand: the share dial's reason, else that of what it says; None lets it in."""
    kept = sharing.kept_by(tx, ticket=row, now=now)
    if kept is not None:
        return kept
    verdict = verdict_on(tx, judge, row)
    return verdict.reason if verdict.stays else None


def screen_further_message(tx: Tx, fact: CustomerWrote) -> None:
    """Take the ticket back when its customer now says what the brand's rules keep, before a worker reads it.

    By word alone: a ticket in work costs its brand what a recall pays, so no guess about a meaning ends it.
    """
    row = tx.get_one(Ticket, (fact.owner, fact.ticket))
    if row.state not in IN_WORKERS_REACH:
        return  # being screened still, or its brand's already
    message = tx.get_one(Message, (fact.owner, fact.message))
    rules = replace(keep_back_rules(tx, brand=fact.owner), categories=frozenset())
    verdict = judge_by_rules(message.body, category=row.category, category_name="", rules=rules)
    if verdict.stays:
        recalls.take_back(
            tx,
            brand=fact.owner,
            ticket=fact.ticket,
            reason=verdict.reason[: recalls.REASON_LIMIT],
            by=BY_RULE,
            now=app_now(tx),
        )


def verdict_on(tx: Tx, judge: Judge, ticket: Ticket) -> Verdict:
    """What the brand's rules, and then the judge, say about a ticket."""
    messages = tx.scalars(
        select(Message.body)
        .where(Message.brand_id == ticket.brand_id, Message.ticket_id == ticket.id)
        .order_by(Message.id)
    ).all()
    return judge_text(
        tx,
        judge,
        brand=ticket.brand_id,
        category=ticket.category,
        language=ticket.language,
        words=[ticket.subject, *messages, ticket.context],
    )


def judge_text(
    tx: Tx, judge: Judge, *, brand: BrandId, category: str, language: str, words: list[str]
) -> Verdict:
    """The verdict on a text as if it came as a ticket of `category`: by rule first, because that is certain."""
    rules = keep_back_rules(tx, brand=brand)
    name = tx.scalar(select(Category.name).where(Category.brand_id == brand, Category.key == category))
    text = "\n".join(part for part in words if part)
    by_rule = judge_by_rules(text, category=category, category_name=name or category, rules=rules)
    if by_rule.stays:
        return by_rule
    return judge.judge(text, language=language, rules=rules)
