"""An earning and its reply, judged by its brand or the platform, and what a test looks at afterwards."""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select

from billing import appeals, holds, rejections
from billing.judgement_models import (
    AppealEnd,
    EarningRejection,
    HoldCause,
    Judge,
    RejectionAppeal,
    RejectionReason,
)
from billing.models import Earning, EarningState
from marketplace.accounts.models import Staff, StaffRole
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import PLATFORM, Database, Tx
from marketplace.kernel.ids import (
    BrandId,
    EarningId,
    PersonId,
    RejectionAppealId,
    RejectionId,
    ReplyId,
    TicketId,
    WorkerId,
)
from marketplace.tickets.models import Reply
from tests.builders import Clock, a_brand, a_person, a_resolved_ticket, a_worker, as_brand, as_worker

NOTE = "It names the wrong shop."
SAID = "The customer asked about that shop."


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One resolved ticket's earning, and who may speak about it: 2.00 for the worker, 0.50 for the platform."""

    db: Database
    background: Database
    brand: BrandId
    worker: WorkerId
    ticket: TicketId
    earning: EarningId
    reply: ReplyId

    def dispute(self, *, reason: str = NOTE) -> None:
        with self.db.transaction(as_brand(self.brand)) as tx:
            holds.hold_earning(
                tx,
                brand=self.brand,
                earning=self.earning,
                cause=HoldCause.DISPUTE,
                reason=reason,
                person=None,
                now=app_now(tx),
            )

    def hold(self, person: PersonId) -> None:
        with self.db.transaction(PLATFORM) as tx:
            holds.hold_earning(
                tx,
                brand=self.brand,
                earning=self.earning,
                cause=HoldCause.QA,
                reason=NOTE,
                person=person,
                now=app_now(tx),
            )

    def release(self, *, is_brand: bool = True, person: PersonId | None = None) -> None:
        with self.db.transaction(as_brand(self.brand) if is_brand else PLATFORM) as tx:
            holds.release_hold(
                tx,
                brand=self.brand,
                earning=self.earning,
                person=person,
                is_brand=is_brand,
                now=app_now(tx),
            )

    def reject(self, *, person: PersonId | None = None, judge: Judge = Judge.BRAND) -> RejectionId:
        with self.db.transaction(as_brand(self.brand) if judge is Judge.BRAND else PLATFORM) as tx:
            return rejections.reject(
                tx,
                brand=self.brand,
                earning=self.earning,
                reply=self.reply,
                reason=RejectionReason.WRONG_ANSWER,
                note=NOTE,
                judge=judge,
                person=person,
                now=app_now(tx),
            ).id

    def undo(self, rejection: RejectionId) -> None:
        with self.db.transaction(as_brand(self.brand)) as tx:
            rejections.undo(tx, brand=self.brand, rejection=rejection, person=None, now=app_now(tx))

    def rejected(self, *, person: PersonId | None = None, judge: Judge = Judge.BRAND) -> RejectionId:
        """Rejected, and past its moment to be undone."""
        rejection = self.reject(person=person, judge=judge)
        self.settle()
        return rejection

    def settle(self) -> None:
        Clock(database=self.background).forward(rejections.UNDO_WITHIN + timedelta(seconds=1))
        rejections.settle_rejections(self.background)

    def appeal(self, rejection: RejectionId, *, said: str = SAID) -> RejectionAppealId:
        with self.db.transaction(as_worker(self.worker)) as tx:
            return appeals.appeal(tx, worker=self.worker, rejection=rejection, said=said, now=app_now(tx)).id

    def decide(self, appeal: RejectionAppealId, end: AppealEnd, *, person: PersonId) -> RejectionAppeal:
        with self.db.transaction(PLATFORM) as tx:
            return appeals.decide_appeal(
                tx, appeal_id=appeal, end=end, answer="We read both.", person=person, now=app_now(tx)
            )

    def a_colleague(self) -> PersonId:
        """Of the platform's finance."""
        with self.background.transaction() as tx:
            return a_staff_person(tx)

    def state(self) -> EarningState:
        with self.background.transaction() as tx:
            return tx.get_one(Earning, (self.brand, self.earning)).state

    def rejection(self, rejection: RejectionId) -> EarningRejection:
        with self.background.transaction() as tx:
            return tx.get_one(EarningRejection, (self.brand, rejection))


def a_staff_person(tx: Tx, *, role: StaffRole = StaffRole.FINANCE) -> PersonId:
    person = a_person(tx, name="Fay Finance")
    tx.add(Staff(person_id=person, role=role, added_at=app_now(tx)))
    tx.flush()
    return person


def a_judged(
    db: Database, background: Database, *, brand: BrandId | None = None, worker: WorkerId | None = None
) -> Judged:
    with background.transaction() as tx:
        brand = brand or a_brand(tx)
        worker = worker or a_worker(tx)
        ticket = a_resolved_ticket(tx, brand, worker)
    return judged(db, background, brand, ticket)


def judged(db: Database, background: Database, brand: BrandId, ticket: TicketId) -> Judged:
    """The one earning of a resolved ticket."""
    with background.transaction() as tx:
        earning = tx.scalars(select(Earning).where(Earning.ticket_id == ticket)).one()
        reply = tx.scalars(select(Reply.id).where(Reply.ticket_id == ticket)).one()
        return Judged(
            db=db,
            background=background,
            brand=brand,
            worker=earning.worker_id,
            ticket=ticket,
            earning=earning.id,
            reply=reply,
        )
