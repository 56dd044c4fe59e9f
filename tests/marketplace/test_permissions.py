"""Every permission is refused to somebody, and one word for two roles opens no door."""

import pytest

from marketplace.accounts.models import MemberRole, StaffRole
from marketplace.accounts.permissions import Permission, allowed, require_at_brand, require_on_platform
from marketplace.kernel.errors import NotAllowed, NotFound

ROLES: tuple[MemberRole | StaffRole, ...] = (*MemberRole, *StaffRole)
MONEY_OUT = (Permission.APPROVE_PAYOUTS, Permission.APPROVE_EARNINGS, Permission.SUBMIT_BATCHES)


@pytest.mark.parametrize("permission", Permission)
def test_every_permission_is_refused_to_some_role_and_given_to_another(permission: Permission) -> None:
    answers = {allowed(role, permission) for role in ROLES}
    assert answers == {True, False}


@pytest.mark.parametrize("permission", MONEY_OUT)
@pytest.mark.parametrize("role", MemberRole)
def test_no_member_of_a_brand_decides_about_pay_not_even_its_finance(
    role: MemberRole, permission: Permission
) -> None:
    assert MemberRole.FINANCE == StaffRole.FINANCE  # type: ignore[comparison-overlap]  # the trap
    assert not allowed(role, permission)
    assert allowed(StaffRole.FINANCE, permission)


def test_staff_get_no_permission_at_a_brand_by_their_role() -> None:
    at_brand = {permission for permission in Permission if allowed(MemberRole.OWNER, permission)}
    for role in StaffRole:
        assert not {permission for permission in at_brand if allowed(role, permission)}


def test_an_owner_may_do_whatever_any_member_may() -> None:
    for role in MemberRole:
        for permission in Permission:
            assert allowed(MemberRole.OWNER, permission) or not allowed(role, permission)


def test_whoever_manages_a_thing_may_also_view_it() -> None:
    pairs = [
        (Permission.MANAGE_KNOWLEDGE, Permission.VIEW_KNOWLEDGE),
        (Permission.MANAGE_PRICES, Permission.VIEW_PRICES),
        (Permission.MANAGE_WALLET, Permission.VIEW_WALLET),
        (Permission.MANAGE_TEAM, Permission.VIEW_TEAM),
        (Permission.POST_TICKETS, Permission.VIEW_TICKETS),
        (Permission.APPROVE_EARNINGS, Permission.VIEW_EARNINGS),
    ]
    for manage, view in pairs:
        for role in ROLES:
            assert allowed(role, view) or not allowed(role, manage)


def test_who_approves_money_does_not_choose_the_staff() -> None:
    assert not allowed(StaffRole.FINANCE, Permission.MANAGE_STAFF)
    assert not allowed(StaffRole.OPERATOR, Permission.APPROVE_PAYOUTS)


def test_a_stranger_finds_no_brand_and_a_member_without_the_permission_is_refused() -> None:
    with pytest.raises(NotFound):
        require_at_brand(None, Permission.VIEW_TICKETS)
    with pytest.raises(NotAllowed):
        require_at_brand(MemberRole.AGENT, Permission.MANAGE_WALLET)
    require_at_brand(MemberRole.FINANCE, Permission.MANAGE_WALLET)


def test_a_stranger_finds_no_platform_pages_and_other_staff_are_refused() -> None:
    with pytest.raises(NotFound):
        require_on_platform([], Permission.APPROVE_PAYOUTS)
    with pytest.raises(NotAllowed):
        require_on_platform([StaffRole.OPERATOR], Permission.APPROVE_PAYOUTS)
    require_on_platform([StaffRole.OPERATOR, StaffRole.FINANCE], Permission.APPROVE_PAYOUTS)
