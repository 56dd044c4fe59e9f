"""The pages people see: a handler parses, calls one command or query, presents, answers."""

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from workers_ui.pages import (
    brand,
    finance,
    finance_books,
    finance_disputes,
    finance_funds,
    finance_periods,
    finance_queue,
    gallery,
    operator,
    public,
    worker,
)

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
for part in (
    public,
    worker,
    brand,
    finance,
    finance_books,
    finance_disputes,
    finance_funds,
    finance_periods,
    finance_queue,
    operator,
    gallery,
):
    router.include_router(part.router)
