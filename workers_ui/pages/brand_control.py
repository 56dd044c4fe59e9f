"""The control area's address alone leads to its first tab."""

from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import RedirectResponse

from marketplace.accounts.permissions import Permission
from marketplace.accounts.sessions import Membership
from workers_ui.deps import at_brand
from workers_ui.presenters.control import SECTIONS

router = APIRouter()

Controls = Annotated[Membership, Depends(at_brand(Permission.CONTROL_SHARING))]


@router.get("/b/{slug}/control")
def first_section(membership: Controls) -> RedirectResponse:
    return RedirectResponse(f"/b/{membership.slug}/control/{SECTIONS[0][0]}", status_code=303)
