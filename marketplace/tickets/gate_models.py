"""Tables of the gates: a brand's policy, its stage, every move with its numbers, and customers' ratings."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import (
    ARRAY,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.kernel.db import TIMESTAMP, Base, Json, state_of
from marketplace.kernel.ids import BrandId, PersonId, RatingId, ResolutionId, StageMoveId, TicketId
from marketplace.tickets.gates import MoveCause


class StagePolicy(Base):
    """What moves a brand between its stages; a brand without one has the defaults of `gates.Policy`."""

    __tablename__ = "stage_policy"
    __table_args__ = (
        CheckConstraint("cardinality(percents) BETWEEN 1 AND 6", name="some_stages"),
        CheckConstraint("1 <= ALL (percents) AND 100 >= ALL (percents)", name="percents"),
        CheckConstraint(
            "window_days > 0 AND stage_days >= 0 AND minimum > 0 AND fcr_basis_points BETWEEN 0 AND 10000 "
            "AND csat_basis_points BETWEEN 0 AND 10000 AND accuracy_basis_points BETWEEN 0 AND 10000 "
            "AND breach_margin_basis_points BETWEEN 0 AND 10000",
            name="in_bounds",
        ),
    )

    brand_id: Mapped[BrandId] = mapped_column(ForeignKey("brand.id"), primary_key=True)
    percents: Mapped[list[int]] = mapped_column(ARRAY(Integer))
    window_days: Mapped[int]
    stage_days: Mapped[int]
    minimum: Mapped[int]
    fcr_basis_points: Mapped[int]
    csat_basis_points: Mapped[int]
    accuracy_basis_points: Mapped[int]
    breach_margin_basis_points: Mapped[int]
    saved_at: Mapped[datetime] = mapped_column(TIMESTAMP)
    saved_by: Mapped[PersonId | None] = mapped_column(ForeignKey("person.id"))


class BrandStage(Base):
    """Where a brand with gates stands; without a row its gates are off and the whole dial counts."""

    __tablename__ = "brand_stage"
    __table_args__ = (
        CheckConstraint("stage >= 0", name="counted_from_zero"),
        Index("ix_brand_stage_checked", "checked_at"),
    )

    brand_id: Mapped[BrandId] = mapped_column(ForeignKey("stage_policy.brand_id"), primary_key=True)
    stage: Mapped[int]
    since: Mapped[datetime] = mapped_column(TIMESTAMP)
    checked_at: Mapped[datetime] = mapped_column(TIMESTAMP)


class StageMove(Base):
    """One move between stages with the numbers that moved it; NULL is "no gates". Never changed."""

    __tablename__ = "stage_move"
    __table_args__ = (
        CheckConstraint("cause <> 'advanced' OR to_stage = from_stage + 1", name="advances_one_stage"),
        CheckConstraint("cause <> 'rolled_back' OR to_stage = from_stage - 1", name="falls_back_one_stage"),
        CheckConstraint(
            "(cause IN ('advanced', 'rolled_back')) = (moved_by IS NULL)", name="by_itself_or_by_someone"
        ),
        CheckConstraint("cause <> 'by_hand' OR reason <> ''", name="by_hand_has_a_reason"),
        Index("ix_stage_move_brand", "brand_id", "id"),
    )

    brand_id: Mapped[BrandId] = mapped_column(ForeignKey("brand.id"), primary_key=True)
    id: Mapped[StageMoveId] = mapped_column(primary_key=True)
    from_stage: Mapped[int | None]
    to_stage: Mapped[int | None]
    from_percent: Mapped[int]
    to_percent: Mapped[int]
    cause: Mapped[MoveCause] = mapped_column(state_of(MoveCause, "stage_move_cause"))
    reason: Mapped[str] = mapped_column(server_default="")
    numbers: Mapped[Json]
    moved_at: Mapped[datetime] = mapped_column(TIMESTAMP)
    moved_by: Mapped[PersonId | None] = mapped_column(ForeignKey("person.id"))


class RatingReason(StrEnum):
    """Why a customer gave less than five stars."""

    WRONG_ANSWER = "wrong_answer"
    NOT_SOLVED = "not_solved"
    TOO_SLOW = "too_slow"
    TONE = "tone"
    POLICY = "policy"
    OTHER = "other"


class Rating(Base):
    """What a customer thought of one resolution: 1 to 5 stars, said once."""

    __tablename__ = "rating"
    __table_args__ = (
        ForeignKeyConstraint(["brand_id", "ticket_id"], ["ticket.brand_id", "ticket.id"]),
        ForeignKeyConstraint(["brand_id", "resolution_id"], ["resolution.brand_id", "resolution.id"]),
        UniqueConstraint("brand_id", "resolution_id"),
        CheckConstraint("stars BETWEEN 1 AND 5", name="stars"),
        CheckConstraint("reason IS NULL OR stars < 5", name="five_stars_need_no_reason"),
        Index("ix_rating_ticket", "brand_id", "ticket_id"),
    )

    brand_id: Mapped[BrandId] = mapped_column(primary_key=True)
    id: Mapped[RatingId] = mapped_column(primary_key=True)
    ticket_id: Mapped[TicketId]
    resolution_id: Mapped[ResolutionId]
    stars: Mapped[int]
    reason: Mapped[RatingReason | None] = mapped_column(state_of(RatingReason, "rating_reason"))
    comment: Mapped[str]
    rated_at: Mapped[datetime] = mapped_column(TIMESTAMP)
