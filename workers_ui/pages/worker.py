"""The worker's pages, gathered into one router."""

from fastapi import APIRouter

from workers_ui.pages import (
    desk,
    desk_acts,
    desk_flow_acts,
    desk_lease,
    desk_notes,
    desk_report,
    mine,
    pool_acts,
    worker_appeals,
    worker_earnings,
    worker_pool,
    worker_settings,
    worker_standing,
)

router = APIRouter()
for part in (
    worker_pool,
    pool_acts,
    desk,
    desk_acts,
    desk_flow_acts,
    desk_lease,
    desk_notes,
    desk_report,
    mine,
    worker_earnings,
    worker_appeals,
    worker_settings,
    worker_standing,
):
    router.include_router(part.router)
