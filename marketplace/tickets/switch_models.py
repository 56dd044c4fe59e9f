"""Table of the kill switches: what is stopped, by whom and why."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.kernel.db import TIMESTAMP, Base, state_of
from marketplace.kernel.ids import BrandId, PersonId, SwitchId


class SwitchKind(StrEnum):
    """What a kill switch stops."""

    BRAND = "brand"
    CATEGORY = "category"
    CHANNEL = "channel"
    WORKER = "worker"
    ARTICLE = "article"
    GUIDANCE = "guidance"


class KillSwitch(Base):
    """Something was stopped, by whom and why; live until it is lifted. NULL brand: on the whole platform."""

    __tablename__ = "kill_switch"
    __table_args__ = (
        CheckConstraint(
            "kind <> 'brand' AND kind <> 'category' OR brand_id IS NOT NULL", name="names_its_brand"
        ),
        CheckConstraint("(key IS NULL) = (kind IN ('brand', 'guidance'))", name="names_its_key"),
        CheckConstraint("(lifted_at IS NULL) = (lifted_by IS NULL)", name="lifted_by_somebody"),
        CheckConstraint("brand_id IS NOT NULL OR by_platform", name="everywhere_by_the_platform"),
        Index(
            "uq_kill_switch_live",
            "kind",
            "brand_id",
            "key",
            "by_platform",
            unique=True,
            postgresql_where=text("lifted_at IS NULL"),
            postgresql_nulls_not_distinct=True,
        ),
        Index("ix_kill_switch_brand", "brand_id", "thrown_at"),
    )

    id: Mapped[SwitchId] = mapped_column(primary_key=True)
    kind: Mapped[SwitchKind] = mapped_column(state_of(SwitchKind, "switch_kind"))
    brand_id: Mapped[BrandId | None] = mapped_column(ForeignKey("brand.id"))
    key: Mapped[str | None]
    reason: Mapped[str]
    by_platform: Mapped[bool] = mapped_column(server_default="false")
    thrown_by: Mapped[PersonId] = mapped_column(ForeignKey("person.id"))
    thrown_at: Mapped[datetime] = mapped_column(TIMESTAMP)
    lifted_by: Mapped[PersonId | None] = mapped_column(ForeignKey("person.id"))
    lifted_at: Mapped[datetime | None] = mapped_column(TIMESTAMP)
