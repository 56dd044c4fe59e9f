"""What people read of holds, rejections and appeals: the brand of a ticket's pay, the worker of his, the platform of
what waits for it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, select

from billing.judgement_models import (
    EarningHold,
    EarningRejection,
    RejectionAppeal,
    RejectionFreeze,
    RejectionState,
)
from billing.models import Earning, EarningKind
from marketplace.accounts.models import Brand, Person, Worker
from marketplace.kernel.db import Tx
from marketplace.kernel.ids import BrandId, EarningId, ReplyId, TicketId, WorkerId
from marketplace.tickets.masking import mask
from marketplace.tickets.models import Reply, ReplyState, Ticket

LISTED = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownReply:
    """A reply that may be named as evidence."""

    reply: ReplyId
    written_at: datetime
    as_shown: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PayOfTicket:
    """One worker's pay for the ticket's resolution, with what was said about it last."""

    earning: Earning
    worker_name: str
    replies: tuple[ShownReply, ...]
    hold: EarningHold | None
    rejection: EarningRejection | None
    appeal: RejectionAppeal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SaidOfPay:
    """What a worker reads of a pay of his that was looked at. `reply` is his own text."""

    hold: EarningHold | None
    rejection: EarningRejection | None
    reply: str
    appeal: RejectionAppeal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingPay:
    """A held pay or an appealed rejection, as the platform's people look at it. Texts are masked."""

    earning: Earning
    ticket_number: int
    subject: str
    worker_name: str
    brand_name: str
    hold: EarningHold | None = None
    rejection: EarningRejection | None = None
    reply: str = ""
    appeal: RejectionAppeal | None = None
    replies: tuple[ShownReply, ...] = ()


def pays_of_ticket(tx: Tx, *, brand: BrandId, ticket: TicketId) -> list[PayOfTicket]:
    """Each resolution's pay on the ticket, the oldest first."""
    rows = tx.execute(
        select(Earning, Person.name)
        .join(Worker, Worker.id == Earning.worker_id)
        .join(Person, Person.id == Worker.person_id)
        .where(
            Earning.brand_id == brand,
            Earning.ticket_id == ticket,
            Earning.kind == EarningKind.RESOLUTION,
        )
        .order_by(Earning.id)
    ).all()
    found = []
    for earning, name in rows:
        rejection = _last_rejection(tx, earning)
        found.append(
            PayOfTicket(
                earning=earning,
                worker_name=name,
                replies=replies_shown(tx, ticket=ticket, worker=earning.worker_id),
                hold=_last_hold(tx, earning),
                rejection=rejection,
                appeal=_appeal_of(tx, rejection),
            )
        )
    return found


def replies_shown(tx: Tx, *, ticket: TicketId, worker: WorkerId) -> tuple[ShownReply, ...]:
    """What left for the customer, the newest first."""
    rows = tx.execute(
        select(Reply.id, Reply.written_at, Reply.as_shown)
        .where(
            Reply.ticket_id == ticket,
            Reply.worker_id == worker,
            Reply.state.in_((ReplyState.QUEUED, ReplyState.SENT, ReplyState.FAILED)),
        )
        .order_by(Reply.id.desc())
    )
    return tuple(ShownReply(reply=row.id, written_at=row.written_at, as_shown=row.as_shown) for row in rows)


def said_of(tx: Tx, earnings: Sequence[EarningId]) -> dict[EarningId, SaidOfPay]:
    """By earning, in its worker's transaction; only those of which something was said that still matters."""
    found = {}
    for earning in tx.scalars(select(Earning).where(Earning.id.in_(earnings))):
        hold, rejection = _last_hold(tx, earning), _last_rejection(tx, earning)
        if hold is not None and hold.closed_at is not None:
            hold = None
        if hold is None and rejection is None:
            continue
        reply = tx.get(Reply, (earning.brand_id, rejection.reply_id)) if rejection else None
        found[earning.id] = SaidOfPay(
            hold=hold,
            rejection=rejection,
            reply=reply.body if reply else "",
            appeal=_appeal_of(tx, rejection),
        )
    return found


def waiting_appeals(tx: Tx) -> list[WaitingPay]:
    """The oldest first, with the evidence."""
    rows = tx.execute(
        select(
            Earning,
            Ticket.number,
            Ticket.subject,
            Person.name.label("worker_name"),
            Brand.name.label("brand_name"),
            RejectionAppeal,
            EarningRejection,
            Reply.body,
        )
        .join(Ticket, and_(Ticket.brand_id == Earning.brand_id, Ticket.id == Earning.ticket_id))
        .join(Worker, Worker.id == Earning.worker_id)
        .join(Person, Person.id == Worker.person_id)
        .join(Brand, Brand.id == Earning.brand_id)
        .join(
            EarningRejection,
            and_(
                EarningRejection.brand_id == Earning.brand_id,
                EarningRejection.earning_id == Earning.id,
                EarningRejection.state == RejectionState.COUNTED,
            ),
        )
        .join(
            RejectionAppeal,
            and_(
                RejectionAppeal.brand_id == Earning.brand_id,
                RejectionAppeal.rejection_id == EarningRejection.id,
            ),
        )
        .join(Reply, and_(Reply.brand_id == Earning.brand_id, Reply.id == EarningRejection.reply_id))
        .where(RejectionAppeal.ended_as.is_(None))
        .order_by(RejectionAppeal.appealed_at)
        .limit(LISTED)
    )
    return [
        WaitingPay(
            earning=row.Earning,
            ticket_number=row.number,
            subject=mask(row.subject).text,
            worker_name=row.worker_name,
            brand_name=row.brand_name,
            rejection=row.EarningRejection,
            reply=mask(row.body).text,
            appeal=row.RejectionAppeal,
        )
        for row in rows
    ]


def waiting_holds(tx: Tx) -> list[WaitingPay]:
    """What is held or disputed, the oldest first."""
    rows = tx.execute(
        select(
            Earning,
            Ticket.number,
            Ticket.subject,
            Person.name.label("worker_name"),
            Brand.name.label("brand_name"),
            EarningHold,
        )
        .join(Ticket, and_(Ticket.brand_id == Earning.brand_id, Ticket.id == Earning.ticket_id))
        .join(Worker, Worker.id == Earning.worker_id)
        .join(Person, Person.id == Worker.person_id)
        .join(Brand, Brand.id == Earning.brand_id)
        .join(
            EarningHold,
            and_(EarningHold.brand_id == Earning.brand_id, EarningHold.earning_id == Earning.id),
        )
        .where(EarningHold.closed_at.is_(None))
        .order_by(EarningHold.opened_at)
        .limit(LISTED)
    ).all()
    return [
        WaitingPay(
            earning=row.Earning,
            ticket_number=row.number,
            subject=mask(row.subject).text,
            worker_name=row.worker_name,
            brand_name=row.brand_name,
            hold=row.EarningHold,
            rejection=_last_rejection(tx, row.Earning),
            replies=replies_shown(tx, ticket=row.Earning.ticket_id, worker=row.Earning.worker_id),
        )
        for row in rows
    ]


def frozen_brands(tx: Tx) -> list[tuple[RejectionFreeze, str]]:
    """Freezes that wait for a person, with their brands' names; the oldest first."""
    rows = tx.execute(
        select(RejectionFreeze, Brand.name)
        .join(Brand, Brand.id == RejectionFreeze.brand_id)
        .where(RejectionFreeze.lifted_at.is_(None))
        .order_by(RejectionFreeze.frozen_at)
        .limit(LISTED)
    )
    return [(freeze, name) for freeze, name in rows]


def _last_hold(tx: Tx, earning: Earning) -> EarningHold | None:
    return tx.scalars(
        select(EarningHold)
        .where(EarningHold.brand_id == earning.brand_id, EarningHold.earning_id == earning.id)
        .order_by(EarningHold.id.desc())
        .limit(1)
    ).one_or_none()


def _last_rejection(tx: Tx, earning: Earning) -> EarningRejection | None:
    """The one that waits or counts."""
    return tx.scalars(
        select(EarningRejection).where(
            EarningRejection.brand_id == earning.brand_id,
            EarningRejection.earning_id == earning.id,
            EarningRejection.state.in_((RejectionState.WAITING, RejectionState.COUNTED)),
        )
    ).one_or_none()


def _appeal_of(tx: Tx, rejection: EarningRejection | None) -> RejectionAppeal | None:
    if rejection is None:
        return None
    return tx.scalars(
        select(RejectionAppeal).where(
            RejectionAppeal.brand_id == rejection.brand_id, RejectionAppeal.rejection_id == rejection.id
        )
    ).one_or_none()
