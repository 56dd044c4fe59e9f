"""Tables by which a brand keeps control: what it shares, what it keeps back, what it pays for which cell."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.kernel.db import TIMESTAMP, Base, state_of
from marketplace.kernel.ids import BrandId, KeepBackRuleId, PersonId, PriceId, ShareRuleId, TermsId
from marketplace.tickets.hours import Window, window_of

WINDOW = (
    "(from_hour IS NULL) = (to_hour IS NULL) AND from_hour BETWEEN 0 AND 23 AND to_hour BETWEEN 0 AND 23 "
    "AND from_hour <> to_hour"
)


class KeepBackKind(StrEnum):
    """What a rule goes by: a built-in topic, the brand's own phrase or example, a whole category."""

    TOPIC = "topic"
    PHRASE = "phrase"
    EXAMPLE = "example"
    CATEGORY = "category"


class ShareRule(Base):
    """How many of a hundred tickets the brand shares. NULL category: of all; NULL hours: all day.

    Windows of one category never overlap: an exclusion constraint, in the migration.
    """

    __tablename__ = "share_rule"
    __table_args__ = (
        ForeignKeyConstraint(["brand_id", "category"], ["category.brand_id", "category.key"]),
        CheckConstraint("percent BETWEEN 0 AND 100", name="percent"),
        CheckConstraint(WINDOW, name="window"),
        Index(
            "uq_share_rule_all_day",
            "brand_id",
            "category",
            unique=True,
            postgresql_where=text("from_hour IS NULL"),
            postgresql_nulls_not_distinct=True,
        ),
    )

    brand_id: Mapped[BrandId] = mapped_column(ForeignKey("brand.id"), primary_key=True)
    id: Mapped[ShareRuleId] = mapped_column(primary_key=True)
    category: Mapped[str | None]
    from_hour: Mapped[int | None]
    to_hour: Mapped[int | None]
    percent: Mapped[int]
    set_at: Mapped[datetime] = mapped_column(TIMESTAMP)
    set_by: Mapped[PersonId | None] = mapped_column(ForeignKey("person.id"))

    @property
    def hours(self) -> Window | None:
        """None: all day."""
        return window_of(self.from_hour, self.to_hour)


class KeepBackRule(Base):
    """Something that keeps tickets with the brand. A topic's row says whether it is on; the others stand alone."""

    __tablename__ = "keep_back_rule"
    __table_args__ = (UniqueConstraint("brand_id", "kind", "key"),)

    brand_id: Mapped[BrandId] = mapped_column(ForeignKey("brand.id"), primary_key=True)
    id: Mapped[KeepBackRuleId] = mapped_column(primary_key=True)
    kind: Mapped[KeepBackKind] = mapped_column(state_of(KeepBackKind, "keep_back_kind"))
    key: Mapped[str]
    enabled: Mapped[bool] = mapped_column(server_default="true")
    set_at: Mapped[datetime] = mapped_column(TIMESTAMP)
    set_by: Mapped[PersonId | None] = mapped_column(ForeignKey("person.id"))


class Price(Base):
    """Which terms hold for a category, in a language ('' = any), at some hours (NULL = any).

    The row may point to newer terms or go; terms never change. Windows of one cell never overlap: an exclusion
    constraint, in the migration.
    """

    __tablename__ = "price"
    __table_args__ = (
        ForeignKeyConstraint(["brand_id", "category"], ["category.brand_id", "category.key"]),
        ForeignKeyConstraint(["brand_id", "terms_id"], ["terms.brand_id", "terms.id"]),
        CheckConstraint(WINDOW, name="window"),
        CheckConstraint("language = lower(language)", name="language"),
        Index(
            "uq_price_all_day",
            "brand_id",
            "category",
            "language",
            unique=True,
            postgresql_where=text("from_hour IS NULL"),
        ),
    )

    brand_id: Mapped[BrandId] = mapped_column(ForeignKey("brand.id"), primary_key=True)
    id: Mapped[PriceId] = mapped_column(primary_key=True)
    category: Mapped[str]
    language: Mapped[str] = mapped_column(server_default="")
    from_hour: Mapped[int | None]
    to_hour: Mapped[int | None]
    terms_id: Mapped[TermsId]

    @property
    def hours(self) -> Window | None:
        """None: all day."""
        return window_of(self.from_hour, self.to_hour)
