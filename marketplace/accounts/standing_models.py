"""Tables of a worker's standing: warnings, suspensions, and what the worker says against one."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.kernel.db import TIMESTAMP, Base, state_of
from marketplace.kernel.ids import AppealId, PersonId, SuspensionId, WarningId, WorkerId


class StandingReason(StrEnum):
    """What somebody did. Nothing else is a reason: not a refused ticket, not a lost race, not a pause."""

    CONDUCT = "conduct"
    WRONG_ANSWERS = "wrong_answers"
    PERSONAL_DATA = "personal_data"
    FRAUD = "fraud"
    SHARED_LOGIN = "shared_login"
    OTHER = "other"


class AppealOutcome(StrEnum):
    UPHELD = "upheld"
    LIFTED = "lifted"


class StandingWarning(Base):
    """Told to a worker before anything is taken from them."""

    __tablename__ = "standing_warning"
    __table_args__ = (Index("ix_standing_warning_worker", "worker_id", "warned_at"),)

    id: Mapped[WarningId] = mapped_column(primary_key=True)
    worker_id: Mapped[WorkerId] = mapped_column(ForeignKey("worker.id"))
    reason: Mapped[StandingReason] = mapped_column(state_of(StandingReason, "warning_reason"))
    note: Mapped[str]
    warned_by: Mapped[PersonId] = mapped_column(ForeignKey("person.id"))
    warned_at: Mapped[datetime] = mapped_column(TIMESTAMP)
    read_at: Mapped[datetime | None] = mapped_column(TIMESTAMP)


class Suspension(Base):
    """A worker may not claim or answer; what they earned is theirs. Without a warning it says why there was none."""

    __tablename__ = "suspension"
    __table_args__ = (
        Index("uq_suspension_live", "worker_id", unique=True, postgresql_where=text("lifted_at IS NULL")),
        Index("ix_suspension_worker", "worker_id", "suspended_at"),
        CheckConstraint("(lifted_at IS NULL) = (lifted_by IS NULL)", name="lifted_by_somebody"),
        CheckConstraint("warning_id IS NOT NULL OR unwarned_because <> ''", name="warned_or_says_why_not"),
    )

    id: Mapped[SuspensionId] = mapped_column(primary_key=True)
    worker_id: Mapped[WorkerId] = mapped_column(ForeignKey("worker.id"))
    reason: Mapped[StandingReason] = mapped_column(state_of(StandingReason, "suspension_reason"))
    note: Mapped[str]
    warning_id: Mapped[WarningId | None] = mapped_column(ForeignKey("standing_warning.id"))
    unwarned_because: Mapped[str]
    suspended_by: Mapped[PersonId] = mapped_column(ForeignKey("person.id"))
    suspended_at: Mapped[datetime] = mapped_column(TIMESTAMP)
    lifted_by: Mapped[PersonId | None] = mapped_column(ForeignKey("person.id"))
    lifted_at: Mapped[datetime | None] = mapped_column(TIMESTAMP)


class Appeal(Base):
    """A worker's word against a suspension; another operator decides it where there is one (a trigger holds it)."""

    __tablename__ = "appeal"
    __table_args__ = (
        Index("uq_appeal_open", "suspension_id", unique=True, postgresql_where=text("decided_at IS NULL")),
        CheckConstraint(
            "num_nonnulls(decided_at, decided_by, outcome) IN (0, 3)", name="decided_wholly_or_not_at_all"
        ),
    )

    id: Mapped[AppealId] = mapped_column(primary_key=True)
    suspension_id: Mapped[SuspensionId] = mapped_column(ForeignKey("suspension.id"))
    worker_id: Mapped[WorkerId] = mapped_column(ForeignKey("worker.id"))
    text: Mapped[str]
    written_at: Mapped[datetime] = mapped_column(TIMESTAMP)
    decided_at: Mapped[datetime | None] = mapped_column(TIMESTAMP)
    decided_by: Mapped[PersonId | None] = mapped_column(ForeignKey("person.id"))
    outcome: Mapped[AppealOutcome | None] = mapped_column(state_of(AppealOutcome, "appeal_outcome"))
    answer: Mapped[str] = mapped_column(server_default="")
