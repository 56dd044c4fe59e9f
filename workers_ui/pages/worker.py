"""The worker's pages, gathered into one router."""

from fastapi import APIRouter

from workers_ui.pages import desk, desk_acts, mine, worker_earnings, worker_pool

router = APIRouter()
for part in (worker_pool, desk, desk_acts, mine, worker_earnings):
    router.include_router(part.router)
