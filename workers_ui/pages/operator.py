"""The operator's pages, gathered into one router."""

from fastapi import APIRouter
from fastapi.responses import RedirectResponse

from workers_ui.pages import (
    operator_brands,
    operator_health,
    operator_invariants,
    operator_jobs,
    operator_people,
    operator_switches,
)
from workers_ui.pages.answers import see

router = APIRouter()
for part in (
    operator_health,
    operator_people,
    operator_brands,
    operator_switches,
    operator_jobs,
    operator_invariants,
):
    router.include_router(part.router)


@router.get("/operator")
def operator_home() -> RedirectResponse:
    return see("/operator/health")
