"""The share dial: how many of a hundred tickets a brand shares, by category and hour; next ticket, next value."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from psycopg.errors import ExclusionViolation
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from marketplace.accounts.models import Brand
from marketplace.events.commands import record
from marketplace.events.facts import ShareDialChanged
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import Conflict, Invalid, NotFound
from marketplace.kernel.ids import BrandId, PersonId, ShareRuleId, new_id
from marketplace.tickets.control_models import ShareRule
from marketplace.tickets.dial import EVERYTHING, DialRule, is_shared, percent_by
from marketplace.tickets.hours import Window, window_of
from marketplace.tickets.models import Category, Ticket
from marketplace.tickets.stages import stage_percent
from marketplace.tickets.terms import UnknownCategory

SHARE_DIAL, STAGE = "share dial", "stage"
RULES_PER_BRAND = 200
PREVIEWED_TICKETS = 100


class BadPercent(Invalid):
    """A dial goes from 0 to 100 percent, in whole numbers."""


class DialHoursOverlap(Conflict):
    """Another rule for this category holds at some of these hours. Remove it first."""


class DialChangedMeanwhile(Conflict):
    """Someone else changed this rule just now. Reload and look at the new one."""


class NoSuchRule(NotFound):
    """There is no such rule here."""


class TooManyRules(Conflict):
    """This brand has as many rules as it may have. Remove one first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """How many of the brand's last `of` tickets its rules would share; and one dial for all of them, by percent.

    `ceiling` is the stage's percentage, which no rule passes.
    """

    of: int
    shared: int
    ceiling: int
    by_percent: Mapping[int, int]


def set_share_rule(
    tx: Tx,
    *,
    brand: BrandId,
    percent: int,
    author: PersonId | None,
    now: datetime,
    category: str | None = None,
    hours: Window | None = None,
) -> ShareRule:
    """Share `percent` of a hundred from the next ticket on; a rule with the same category and hours is replaced.

    Raises BadPercent, BadHours, UnknownCategory, DialHoursOverlap, TooManyRules.
    """
    if not 0 <= percent <= EVERYTHING:
        raise BadPercent
    window = window_of(*hours) if hours else None
    if category is not None and tx.get(Category, (brand, category)) is None:
        raise UnknownCategory
    try:
        with tx.begin_nested():
            rule = _rule_for(tx, brand, category, window)
            rule.percent, rule.set_at, rule.set_by = percent, now, author
            tx.add(rule)
    except IntegrityError as error:
        if isinstance(error.orig, ExclusionViolation):
            raise DialHoursOverlap from error
        raise DialChangedMeanwhile from error
    record(tx, ShareDialChanged(brand=brand, category=category, hours=_said(window), percent=percent))
    return rule


def replace_share_rules(
    tx: Tx, *, brand: BrandId, rules: Sequence[DialRule], author: PersonId | None, now: datetime
) -> None:
    """The whole dial anew, or as it was when one of the rules is refused. Raises what `set_share_rule` does."""
    with tx.begin_nested():
        for known in share_rules(tx, brand=brand):
            remove_share_rule(tx, brand=brand, rule=known.id)
        for rule in rules:
            set_share_rule(
                tx,
                brand=brand,
                percent=rule.percent,
                category=rule.category,
                hours=rule.hours,
                author=author,
                now=now,
            )


def remove_share_rule(tx: Tx, *, brand: BrandId, rule: ShareRuleId) -> None:
    """The next most exact rule holds from the next ticket on. Raises NoSuchRule."""
    found = tx.get(ShareRule, (brand, rule), with_for_update=True)
    if found is None:
        raise NoSuchRule
    tx.delete(found)
    changed = ShareDialChanged(brand=brand, category=found.category, hours=_said(found.hours), percent=None)
    record(tx, changed)


def share_rules(tx: Tx, *, brand: BrandId) -> Sequence[ShareRule]:
    """The brand's rules, widest first."""
    ordered = select(ShareRule).where(ShareRule.brand_id == brand)
    return tx.scalars(
        ordered.order_by(ShareRule.category.asc().nulls_first(), ShareRule.from_hour.asc().nulls_first())
    ).all()


def share_percent(tx: Tx, *, brand: BrandId, category: str, now: datetime) -> int:
    """What the brand's own dial says for a ticket of `category` now."""
    hour = now.astimezone(ZoneInfo(_brand(tx, brand).time_zone)).hour
    return percent_by(_dial_rules(tx, brand), category=category, hour=hour)


def kept_by(tx: Tx, *, ticket: Ticket, now: datetime) -> str | None:
    """What keeps this ticket with its brand now: its dial, else the stage it stands on; None if both share it."""
    brand, salt = ticket.brand_id, _brand(tx, ticket.brand_id).dial_salt
    dial = share_percent(tx, brand=brand, category=ticket.category, now=now)
    if not is_shared(salt, ticket.external_id, dial):
        return SHARE_DIAL
    return None if is_shared(salt, ticket.external_id, stage_percent(tx, brand)) else STAGE


def preview(tx: Tx, *, brand: BrandId, steps: Sequence[int] = ()) -> Preview:
    """What the dial would have done with the last tickets: by the rules as they are, and at each of `steps`."""
    row = _brand(tx, brand)
    zone, salt, rules = ZoneInfo(row.time_zone), row.dial_salt, _dial_rules(tx, brand)
    ceiling = stage_percent(tx, brand)
    newest = select(Ticket.external_id, Ticket.category, Ticket.posted_at).where(Ticket.brand_id == brand)
    last = tx.execute(newest.order_by(Ticket.number.desc()).limit(PREVIEWED_TICKETS)).all()
    return Preview(
        of=len(last),
        shared=sum(
            is_shared(
                salt,
                name,
                min(ceiling, percent_by(rules, category=category, hour=at.astimezone(zone).hour)),
            )
            for name, category, at in last
        ),
        ceiling=ceiling,
        by_percent={percent: sum(is_shared(salt, name, percent) for name, _, _ in last) for percent in steps},
    )


def _rule_for(tx: Tx, brand: BrandId, category: str | None, window: Window | None) -> ShareRule:
    """The rule with exactly this category and these hours, else a new one that is not added yet."""
    from_hour, to_hour = window or (None, None)
    same = (
        ShareRule.brand_id == brand,
        ShareRule.category.is_not_distinct_from(category),
        ShareRule.from_hour.is_not_distinct_from(from_hour),
        ShareRule.to_hour.is_not_distinct_from(to_hour),
    )
    known = tx.scalars(select(ShareRule).where(*same).with_for_update()).one_or_none()
    if known is not None:
        return known
    if (tx.scalar(select(func.count()).where(ShareRule.brand_id == brand)) or 0) >= RULES_PER_BRAND:
        raise TooManyRules
    return ShareRule(
        brand_id=brand,
        id=ShareRuleId(new_id()),
        category=category,
        from_hour=from_hour,
        to_hour=to_hour,
    )


def _dial_rules(tx: Tx, brand: BrandId) -> list[DialRule]:
    return [
        DialRule(category=rule.category, hours=rule.hours, percent=rule.percent)
        for rule in share_rules(tx, brand=brand)
    ]


def _brand(tx: Tx, brand: BrandId) -> Brand:
    return tx.get_one(Brand, brand)


def _said(window: Window | None) -> str:
    return "" if window is None else f"{window[0]:02}–{window[1]:02}"
