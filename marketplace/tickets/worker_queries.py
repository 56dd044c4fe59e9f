"""What a worker's pages read of his own: what is in his hands, what he sent, what he never sent."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, select, text

from marketplace.kernel.db import Tx
from marketplace.kernel.ids import BrandId, ReplyId, TicketId, WorkerId
from marketplace.kernel.money import Money
from marketplace.tickets.masking import mask
from marketplace.tickets.models import (
    Claim,
    ClaimEnd,
    PoolState,
    PoolTicket,
    Reply,
    ReplyState,
    Terms,
    TicketState,
    WorkerDraft,
)
from marketplace.tickets.queries import Line, masked_thread

HELD_SHOWN = 100
SENT_SHOWN = 100
DRAFTS_SHOWN = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldTicket:
    """A ticket in a worker's hands; `lease_ends_at` None while an answer waits for the customer, or, until
    `decide_by`, for the brand's approval. `returned`: the brand gave his last reply back. `resolves_at`: when
    the customer's silence resolves it."""

    ticket: TicketId
    number: int
    subject: str
    brand: str
    pay: Money
    state: PoolState
    lease_ends_at: datetime | None
    has_draft: bool
    answered_before: bool
    decide_by: datetime | None = None
    returned: bool = False
    resolves_at: datetime | None = None


def held_tickets(tx: Tx, *, worker: WorkerId, now: datetime) -> tuple[HeldTicket, ...]:
    """What `worker` holds, the most pressing first."""
    rows = tx.execute(_HELD, {"worker": worker, "now": now, "limit": HELD_SHOWN})
    return tuple(
        HeldTicket(
            ticket=TicketId(row.ticket_id),
            number=row.number,
            subject=row.subject,
            brand=row.brand,
            pay=_pay(row),
            state=PoolState(row.state),
            lease_ends_at=row.lease_ends_at,
            has_draft=row.has_draft,
            answered_before=row.answered_before,
            decide_by=row.decide_by,
            returned=bool(row.returned),
            resolves_at=row.resolves_at,
        )
        for row in rows
    )


def find_next_claimed(tx: Tx, *, worker: WorkerId, now: datetime) -> TicketId | None:
    """The ticket that presses most among those that wait for an answer of `worker`."""
    wanted = (
        select(PoolTicket.ticket_id)
        .where(
            PoolTicket.worker_id == worker,
            PoolTicket.state == PoolState.CLAIMED,
            PoolTicket.lease_ends_at > now,
        )
        .order_by(PoolTicket.lease_ends_at, PoolTicket.ticket_id)
        .limit(1)
    )
    return tx.scalars(wanted).one_or_none()


@dataclass(frozen=True, slots=True, kw_only=True)
class SentTicket:
    """A ticket with a worker's newest reply to it, as it stands now."""

    ticket: TicketId
    number: int
    subject: str
    brand: str
    pay: Money
    state: TicketState
    sent_at: datetime


def sent_since(tx: Tx, *, worker: WorkerId, since: datetime) -> tuple[SentTicket, ...]:
    """The tickets that `worker` replied to since then, newest first."""
    rows = tx.execute(_SENT, {"worker": worker, "since": since, "limit": SENT_SHOWN})
    return tuple(
        SentTicket(
            ticket=TicketId(row.ticket_id),
            number=row.number,
            subject=mask(row.subject).text,
            brand=row.brand,
            pay=_pay(row),
            state=TicketState(row.state),
            sent_at=row.written_at,
        )
        for row in rows
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class UnsentText:
    """A draft whose claim is over; `claimable` when its ticket is back in the pool for this worker."""

    ticket: TicketId
    subject: str
    brand: str
    text: str
    saved_at: datetime
    claimable: bool


def unsent_texts(tx: Tx, *, worker: WorkerId, now: datetime) -> tuple[UnsentText, ...]:
    """Drafts of tickets that `worker` does not hold any more, newest first."""
    rows = tx.execute(_UNSENT, {"worker": worker, "now": now, "limit": DRAFTS_SHOWN})
    return tuple(
        UnsentText(
            ticket=TicketId(row.ticket_id),
            subject=mask(row.subject).text,
            brand=row.brand,
            text=row.body,
            saved_at=row.saved_at,
            claimable=row.claimable,
        )
        for row in rows
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnReply:
    """A reply of the worker who asks, written in its message's transaction, so at the very same time."""

    id: ReplyId
    written_at: datetime
    state: ReplyState
    label: str


def own_replies(tx: Tx, *, ticket: TicketId, worker: WorkerId) -> dict[datetime, OwnReply]:
    """What `worker` wrote on `ticket`, by the time of writing."""
    rows = tx.execute(
        select(Reply.id, Reply.written_at, Reply.state, Reply.label)
        .where(Reply.ticket_id == ticket, Reply.worker_id == worker)
        .order_by(Reply.id)
    )
    return {
        row.written_at: OwnReply(id=row.id, written_at=row.written_at, state=row.state, label=row.label)
        for row in rows
    }


def find_last_reply_at(tx: Tx, *, ticket: TicketId, worker: WorkerId) -> datetime | None:
    """When `worker` replied last on `ticket`."""
    wrote = select(func.max(Reply.written_at)).where(Reply.ticket_id == ticket, Reply.worker_id == worker)
    return tx.scalar(wrote)


def escalation_fee(tx: Tx, *, ticket: TicketId) -> Money | None:
    """What a confirmed escalation of this pool ticket pays its worker."""
    row = tx.execute(
        select(Terms.escalation_fee_minor, Terms.currency)
        .join(PoolTicket, (PoolTicket.brand_id == Terms.brand_id) & (PoolTicket.terms_id == Terms.id))
        .where(PoolTicket.ticket_id == ticket)
    ).one_or_none()
    return None if row is None else Money(amount_minor=row.escalation_fee_minor, currency=row.currency)


def find_brand_of_hold(tx: Tx, *, ticket: TicketId, worker: WorkerId) -> BrandId | None:
    """The brand of a ticket in the hands of `worker`, from the ticket's own row."""
    held = select(PoolTicket.brand_id).where(PoolTicket.ticket_id == ticket, PoolTicket.worker_id == worker)
    return tx.scalars(held).one_or_none()


def find_draft(tx: Tx, *, ticket: TicketId, worker: WorkerId) -> WorkerDraft | None:
    return tx.scalars(
        select(WorkerDraft).where(WorkerDraft.ticket_id == ticket, WorkerDraft.worker_id == worker)
    ).one_or_none()


@dataclass(frozen=True, slots=True, kw_only=True)
class PastDesk:
    """A ticket that was in a worker's hands: he may read the thread up to his claim's end, and his text."""

    ticket: TicketId
    brand_id: BrandId
    brand: str
    number: int
    subject: str
    channel: str
    language: str
    category: str
    claim_number: int
    ended: ClaimEnd | None
    pay: Money
    thread: tuple[Line, ...]
    draft: str


def find_past_desk(tx: Tx, *, ticket: TicketId, worker: WorkerId) -> PastDesk | None:
    """The newest claim of `worker` on `ticket`, over or about to be; None when there never was one."""
    row = tx.execute(_PAST, {"ticket": ticket, "worker": worker}).one_or_none()
    if row is None:
        return None
    draft = find_draft(tx, ticket=ticket, worker=worker)
    return PastDesk(
        ticket=ticket,
        brand_id=BrandId(row.brand_id),
        brand=row.brand,
        number=row.number,
        subject=mask(row.subject).text,
        channel=row.channel,
        language=row.language,
        category=row.category,
        claim_number=row.claim_number,
        ended=ClaimEnd(row.end_reason) if row.end_reason else None,
        pay=_pay(row),
        thread=tuple(
            line
            for line in masked_thread(tx, brand=BrandId(row.brand_id), ticket=ticket)
            # The message that ended the claim was written at its very end, and is for whoever comes next.
            if row.ended_at is None or line.written_at < row.ended_at
        ),
        draft=draft.body if draft else "",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class LastClaimant:
    """Who holds a ticket, or held it last."""

    worker: WorkerId
    holds: bool


def last_claimants(tx: Tx, tickets: Sequence[tuple[BrandId, TicketId]]) -> dict[TicketId, LastClaimant]:
    """The newest claimant of each of `tickets` that ever had one."""
    asked = {"brands": [brand for brand, _ in tickets], "tickets": [ticket for _, ticket in tickets]}
    return {
        TicketId(row.ticket): LastClaimant(worker=WorkerId(row.worker_id), holds=row.holds)
        for row in tx.execute(_CLAIMANTS, asked)
    }


def ever_held(tx: Tx, *, ticket: TicketId, worker: WorkerId) -> BrandId | None:
    """The brand of a ticket that `worker` claimed at some time."""
    claimed = select(Claim.brand_id).where(Claim.ticket_id == ticket, Claim.worker_id == worker).limit(1)
    return tx.scalars(claimed).one_or_none()


def _pay(row: Row[Any]) -> Money:
    return Money(amount_minor=row.pay_minor, currency=row.currency)


_HELD = text(
    "SELECT p.ticket_id, p.number, p.subject, b.name AS brand, p.pay_minor, p.currency, p.state, "
    "p.lease_ends_at, EXISTS (SELECT FROM worker_draft d WHERE d.brand_id = p.brand_id "
    "AND d.ticket_id = p.ticket_id AND d.worker_id = p.worker_id AND d.body <> '') AS has_draft, "
    "EXISTS (SELECT FROM reply r WHERE r.brand_id = p.brand_id AND r.ticket_id = p.ticket_id "
    "AND r.worker_id = p.worker_id AND r.message_id IS NOT NULL) AS answered_before, "
    "(SELECT v.decide_by FROM reply_review v WHERE v.ticket_id = p.ticket_id AND v.state = 'waiting') AS decide_by, "
    "(SELECT v.state IN ('rejected', 'timed_out_returned') FROM reply_review v WHERE v.brand_id = p.brand_id "
    "AND v.ticket_id = p.ticket_id AND v.worker_id = p.worker_id ORDER BY v.id DESC LIMIT 1) AS returned, "
    "(SELECT k.silence_ends_at FROM ticket k WHERE k.brand_id = p.brand_id AND k.id = p.ticket_id "
    "AND p.state = 'answered') AS resolves_at "
    "FROM pool_ticket p JOIN brand b ON b.id = p.brand_id "
    "WHERE p.worker_id = :worker AND (p.state <> 'claimed' OR p.lease_ends_at > :now) "
    "ORDER BY p.lease_ends_at NULLS LAST, p.ticket_id LIMIT :limit"
)
_SENT = text(
    "SELECT * FROM (SELECT DISTINCT ON (r.ticket_id) r.ticket_id, r.written_at, k.number, k.subject, "
    "k.state, b.name AS brand, t.pay_minor, t.currency FROM reply r "
    "JOIN ticket k ON k.brand_id = r.brand_id AND k.id = r.ticket_id JOIN brand b ON b.id = r.brand_id "
    "JOIN claim c ON c.brand_id = r.brand_id AND c.id = r.claim_id "
    "JOIN terms t ON t.brand_id = c.brand_id AND t.id = c.terms_id "
    "WHERE r.worker_id = :worker AND r.written_at >= :since AND r.message_id IS NOT NULL "
    "ORDER BY r.ticket_id, r.id DESC) AS newest "
    "ORDER BY written_at DESC LIMIT :limit"
)
_UNSENT = text(
    "SELECT d.ticket_id, k.subject, b.name AS brand, d.body, d.saved_at, "
    "coalesce(p.state = 'open' OR p.state = 'claimed' AND p.lease_ends_at <= :now, false) "
    "AND NOT EXISTS (SELECT FROM release r WHERE r.ticket_id = d.ticket_id AND r.worker_id = d.worker_id) "
    "AS claimable "
    "FROM worker_draft d JOIN ticket k ON k.brand_id = d.brand_id AND k.id = d.ticket_id "
    "JOIN brand b ON b.id = d.brand_id LEFT JOIN pool_ticket p ON p.ticket_id = d.ticket_id "
    "WHERE d.worker_id = :worker AND d.body <> '' AND (p.worker_id IS DISTINCT FROM d.worker_id "
    "OR p.state = 'claimed' AND p.lease_ends_at <= :now) ORDER BY d.saved_at DESC LIMIT :limit"
)
_PAST = text(
    "SELECT c.brand_id, b.name AS brand, k.number, k.subject, k.channel, k.language, g.name AS category, "
    "c.number AS claim_number, c.ended_at, c.end_reason, t.pay_minor, t.currency FROM claim c "
    "JOIN ticket k ON k.brand_id = c.brand_id AND k.id = c.ticket_id JOIN brand b ON b.id = c.brand_id "
    "JOIN category g ON g.brand_id = k.brand_id AND g.key = k.category "
    "JOIN terms t ON t.brand_id = c.brand_id AND t.id = c.terms_id "
    "WHERE c.ticket_id = :ticket AND c.worker_id = :worker ORDER BY c.number DESC LIMIT 1"
)
_CLAIMANTS = text(
    "SELECT asked.ticket, c.worker_id, c.ended_at IS NULL AS holds "
    "FROM unnest(CAST(:brands AS uuid[]), CAST(:tickets AS uuid[])) AS asked(brand, ticket) "
    "JOIN LATERAL (SELECT worker_id, ended_at FROM claim WHERE brand_id = asked.brand "
    "AND ticket_id = asked.ticket ORDER BY number DESC LIMIT 1) AS c ON true"
)
