"""Who may do what: two tables and a lookup, nothing else.

A brand's finance and the platform's finance are two roles with one word. As StrEnums they are equal and hash
alike, so each kind of role has a table of its own and is told apart by its type, never by its value.
"""

from collections.abc import Iterable
from enum import StrEnum

from marketplace.accounts.models import MemberRole, StaffRole
from marketplace.kernel.errors import NotAllowed, NotFound


class Permission(StrEnum):
    # at a brand
    VIEW_TICKETS = "view_tickets"
    POST_TICKETS = "post_tickets"
    ANSWER_AS_BRAND = "answer_as_brand"
    REVIEW_REPLIES = "review_replies"
    CONTROL_SHARING = "control_sharing"
    VIEW_KNOWLEDGE = "view_knowledge"
    MANAGE_KNOWLEDGE = "manage_knowledge"
    MANAGE_VOICE = "manage_voice"
    VIEW_PRICES = "view_prices"
    MANAGE_PRICES = "manage_prices"
    VIEW_WALLET = "view_wallet"
    MANAGE_WALLET = "manage_wallet"
    VIEW_TEAM = "view_team"
    MANAGE_TEAM = "manage_team"
    MANAGE_API_KEYS = "manage_api_keys"
    # on the platform
    VIEW_EARNINGS = "view_earnings"
    APPROVE_EARNINGS = "approve_earnings"
    SUBMIT_BATCHES = "submit_batches"
    APPROVE_PAYOUTS = "approve_payouts"
    STOP_PAYOUTS = "stop_payouts"
    VIEW_LEDGER = "view_ledger"
    CLOSE_PERIODS = "close_periods"
    MANAGE_BRAND_FUNDS = "manage_brand_funds"
    VIEW_OPERATIONS = "view_operations"
    MANAGE_BRANDS = "manage_brands"
    MANAGE_STAFF = "manage_staff"
    MANAGE_PEOPLE = "manage_people"
    THROW_SWITCHES = "throw_switches"


_P = Permission
_MAY_AT_BRAND: dict[MemberRole, frozenset[Permission]] = {
    MemberRole.OWNER: frozenset(
        {
            *(_P.VIEW_TICKETS, _P.POST_TICKETS, _P.ANSWER_AS_BRAND, _P.REVIEW_REPLIES),
            *(_P.VIEW_KNOWLEDGE, _P.MANAGE_KNOWLEDGE, _P.MANAGE_VOICE),
            *(_P.CONTROL_SHARING, _P.VIEW_PRICES, _P.MANAGE_PRICES, _P.VIEW_WALLET, _P.MANAGE_WALLET),
            *(_P.VIEW_TEAM, _P.MANAGE_TEAM, _P.MANAGE_API_KEYS),
        }
    ),
    MemberRole.MANAGER: frozenset(
        {
            *(_P.VIEW_TICKETS, _P.POST_TICKETS, _P.ANSWER_AS_BRAND, _P.REVIEW_REPLIES),
            *(_P.VIEW_KNOWLEDGE, _P.MANAGE_KNOWLEDGE, _P.MANAGE_VOICE),
            *(_P.CONTROL_SHARING, _P.VIEW_PRICES, _P.MANAGE_PRICES, _P.VIEW_WALLET),
            *(_P.VIEW_TEAM, _P.MANAGE_API_KEYS),
        }
    ),
    MemberRole.REVIEWER: frozenset({_P.VIEW_TICKETS, _P.REVIEW_REPLIES, _P.VIEW_KNOWLEDGE}),
    MemberRole.AGENT: frozenset({_P.VIEW_TICKETS, _P.POST_TICKETS, _P.ANSWER_AS_BRAND, _P.VIEW_KNOWLEDGE}),
    MemberRole.FINANCE: frozenset({_P.VIEW_PRICES, _P.VIEW_WALLET, _P.MANAGE_WALLET}),
}
_MAY_ON_PLATFORM: dict[StaffRole, frozenset[Permission]] = {
    StaffRole.FINANCE: frozenset(
        {
            *(_P.VIEW_EARNINGS, _P.APPROVE_EARNINGS, _P.SUBMIT_BATCHES, _P.APPROVE_PAYOUTS),
            *(_P.STOP_PAYOUTS, _P.VIEW_LEDGER, _P.CLOSE_PERIODS, _P.MANAGE_BRAND_FUNDS),
        }
    ),
    StaffRole.OPERATOR: frozenset(
        {
            *(_P.VIEW_OPERATIONS, _P.MANAGE_BRANDS, _P.MANAGE_STAFF, _P.VIEW_LEDGER),
            *(_P.MANAGE_PEOPLE, _P.THROW_SWITCHES, _P.STOP_PAYOUTS),
        }
    ),
}


def allowed(role: MemberRole | StaffRole, permission: Permission) -> bool:
    """Whether `role` includes `permission`; that two people must agree to a payout is decided elsewhere."""
    if isinstance(role, MemberRole):
        return permission in _MAY_AT_BRAND[role]
    return permission in _MAY_ON_PLATFORM[role]


def require_at_brand(role: MemberRole | None, permission: Permission) -> None:
    """Raises NotFound to a stranger, for whom there is no such brand, and NotAllowed to a member."""
    if role is None:
        raise NotFound
    if not allowed(role, permission):
        raise NotAllowed


def require_on_platform(roles: Iterable[StaffRole], permission: Permission) -> None:
    """Raises NotFound to everybody outside the platform's staff, NotAllowed to staff without it."""
    own = tuple(roles)
    if not own:
        raise NotFound
    if not any(allowed(role, permission) for role in own):
        raise NotAllowed
