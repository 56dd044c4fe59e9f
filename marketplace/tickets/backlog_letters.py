"""Letters to a brand whose tickets wait: one an hour at most, however many tickets they speak of."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select, update

from marketplace.accounts.letters import Words
from marketplace.accounts.mail import write_letter
from marketplace.accounts.models import Brand, MemberRole
from marketplace.accounts.permissions import Permission, allowed
from marketplace.accounts.queries import addresses_of
from marketplace.kernel.db import Tx
from marketplace.tickets.service_models import LadderStep, Rung

BRANDS_A_STEP = 100
NEXT_LETTER_AFTER = timedelta(hours=1)
IN_CHARGE = [role for role in MemberRole if allowed(role, Permission.CONTROL_SHARING)]


def write_due(tx: Tx, *, base_url: str, now: datetime) -> int:
    """Write to the people in charge of each brand of which tickets have been waiting; how many brands."""
    brands = _brands_to_tell(tx, now)
    for brand in brands:
        told = tx.scalars(
            update(LadderStep)
            .where(
                LadderStep.brand_id == brand.id,
                LadderStep.rung == Rung.NOTIFY,
                LadderStep.said_at.is_(None),
            )
            .values(said_at=now)
            .returning(LadderStep.ticket_id)
            .execution_options(synchronize_session=False)
        ).all()
        if told:  # else another process was faster
            words = tickets_wait(
                brand=brand.name, tickets=len(told), link=f"{base_url}/b/{brand.slug}/tickets"
            )
            for reader in addresses_of(tx, brand=brand.id, roles=IN_CHARGE):
                write_letter(tx, recipient=reader, subject=words.subject, body=words.body, now=now)
    return len(brands)


def tickets_wait(*, brand: str, tickets: int, link: str) -> Words:
    one = tickets == 1
    return Words(
        subject=f"{tickets:,} {'ticket waits' if one else 'tickets wait'} for a first reply at {brand}",
        body=(
            "Hello,\n\n"
            f"{tickets:,} more {'ticket' if one else 'tickets'} of {brand} {'has' if one else 'have'} waited for "
            "longer than you wished without being claimed.\n\n"
            f"Look at them here: {link}\n\n"
            "What happens next, and when we write to you, is set under Control, Service levels. "
            "We write about this once an hour at most.\n"
        ),
    )


def _brands_to_tell(tx: Tx, now: datetime) -> Sequence[Brand]:
    unsaid = (
        select(LadderStep.brand_id)
        .where(LadderStep.rung == Rung.NOTIFY, LadderStep.said_at.is_(None))
        .distinct()
    )
    just_said = select(LadderStep.brand_id).where(
        LadderStep.brand_id == Brand.id,
        LadderStep.rung == Rung.NOTIFY,
        LadderStep.said_at > now - NEXT_LETTER_AFTER,
    )
    wanted = select(Brand).where(Brand.id.in_(unsaid), ~just_said.exists())
    return tx.scalars(wanted.order_by(Brand.id).limit(BRANDS_A_STEP)).all()
