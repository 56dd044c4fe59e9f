"""The tabs of the brand's control area that set what it shares, keeps back and pays."""

from fastapi import APIRouter

from workers_ui.pages import control_eligibility, control_prices, control_sharing

router = APIRouter()
for part in (control_sharing, control_eligibility, control_prices):
    router.include_router(part.router)
