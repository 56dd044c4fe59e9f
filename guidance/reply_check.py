"""Checking a reply beside its ticket: the brand's voice, rules and knowledge, and what its customer wrote."""

import hashlib
from collections.abc import Sequence

from sqlalchemy import select

from guidance.findings import Finding, Severity
from guidance.flow_walks import told_by_flows
from guidance.lint import lint
from guidance.lint_policies import policy_of
from guidance.outdated_text import outdated_findings
from guidance.queries import cited_passages, shown_suggestion
from guidance.voices import voice_of
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import Invalid
from marketplace.kernel.ids import BrandId, SuggestionId, TicketId, WorkerId
from marketplace.tickets.models import Author, Customer, Message, Ticket

MESSAGES_READ = 200


class ReplyNotFit(Invalid):
    """This reply breaks what the brand never lets through. Mend it, and send it again."""


def check_reply(
    tx: Tx,
    *,
    brand: BrandId,
    ticket: TicketId,
    worker: WorkerId,
    text: str,
    shown: SuggestionId | None = None,
) -> tuple[Finding, ...]:
    """What is wrong with `text` as a reply of `worker` beside the suggestion that was `shown`, else the newest.

    The transaction must see the brand's rows; `brand` is the ticket's own. Raises UnknownSuggestion.
    """
    suggestion = shown_suggestion(tx, brand=brand, ticket=ticket, shown=shown)
    passages = cited_passages(tx, suggestion) if suggestion else []
    told = told_by_flows(tx, brand=brand, ticket=ticket, worker=worker)
    found = lint(
        text,
        voice_of(tx, brand=brand).voice,
        [*passages, *told],
        policy=policy_of(tx, brand=brand).policy,
        customer=_written_by_customer(tx, brand, ticket),
    )
    return (*outdated_findings(tx, brand=brand, ticket=ticket, text=text), *found)


def warnings_mark(text: str, findings: Sequence[Finding]) -> str:
    """Names this text with these warnings: a form that carries it says that they were seen. Empty without any."""
    warnings = [one for one in findings if one.severity is Severity.WARN]
    if not warnings:
        return ""
    told = "\n".join(f"{one.kind} {one.start} {one.end}" for one in warnings)
    return hashlib.sha256(f"{told}\n{text}".encode("utf-8", "surrogatepass")).hexdigest()


def _written_by_customer(tx: Tx, brand: BrandId, ticket: TicketId) -> list[str]:
    """Oldest first; the address comes last, where it is never cut off."""
    row = tx.get_one(Ticket, (brand, ticket))
    customer = tx.get(Customer, (brand, row.customer_id))
    newest = tx.scalars(
        select(Message.body)
        .where(Message.brand_id == brand, Message.ticket_id == ticket, Message.author == Author.CUSTOMER)
        .order_by(Message.id.desc())
        .limit(MESSAGES_READ)
    ).all()
    return [row.context or "", row.subject, *reversed(newest), (customer and customer.email) or ""]
