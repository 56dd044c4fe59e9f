"""What a brand must know about its tickets before it looks at one: it is not approved yet, or nobody covers a lane."""

from collections.abc import Sequence

from knowledge_base.report_queries import quarantined_texts
from marketplace.accounts.approval import decision_on
from marketplace.accounts.permissions import Permission, allowed
from marketplace.accounts.sessions import Membership
from marketplace.kernel.db import Tx
from marketplace.tickets.lanes import GENERAL, SKILLS
from marketplace.tickets.models import Channel
from marketplace.tickets.uncovered import uncovered_of_brand
from workers_ui.pages.brand_ticket_views import CHANNELS
from workers_ui.presenters.values import Notice, Tone


def brand_notices(tx: Tx, membership: Membership, languages: dict[str, str]) -> tuple[Notice, ...]:
    return (
        *_approval(tx, membership),
        *_uncovered(uncovered_of_brand(tx, brand=membership.brand), languages),
        *quarantine_notices(tx, membership),
    )


def quarantine_notices(tx: Tx, membership: Membership) -> tuple[Notice, ...]:
    """What is kept from suggestions until the brand has looked."""
    held = quarantined_texts(tx, brand=membership.brand)
    if not held or not allowed(membership.role, Permission.VIEW_KNOWLEDGE):
        return ()
    text = (
        f"{held} {'passage is' if held == 1 else 'passages are'} quarantined: reported or confirmed as wrong."
    )
    href = f"/b/{membership.slug}/knowledge/wrong?show=quarantined"
    return (Notice(text=text, tone=Tone.WARN, href=href, link_label="Look at them"),)


def _approval(tx: Tx, membership: Membership) -> tuple[Notice, ...]:
    decided = decision_on(tx, membership.brand)
    if decided.approved:
        return ()
    if decided.refused_for:
        return (Notice(text=f"Not approved for the pool: {decided.refused_for}", tone=Tone.BAD),)
    text = f"{membership.name} waits for approval. Tickets are kept, and enter the pool when it is approved."
    return (Notice(text=text, tone=Tone.WARN),)


def _uncovered(lanes: Sequence[str], languages: dict[str, str]) -> tuple[Notice, ...]:
    if not lanes:
        return ()
    named = "; ".join(_lane(lane, languages) for lane in lanes)
    where = "this lane" if len(lanes) == 1 else "these lanes"
    text = f"Nobody works in {where} yet: {named}. The tickets wait, and you can take them back."
    return (Notice(text=text, tone=Tone.WARN),)


def _lane(lane: str, languages: dict[str, str]) -> str:
    channel, language, skill = lane.split("/", 2)
    told = f"{CHANNELS[Channel(channel)].lower()}, {languages.get(language, language)}"
    return told if skill == GENERAL else f"{told}, {SKILLS.get(skill, skill)}"
