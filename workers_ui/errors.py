"""Refusals as people and programs read them: one table maps an error's kind to a status."""

import http

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException

from marketplace.kernel.errors import (
    AppError,
    Conflict,
    Invalid,
    NotAllowed,
    NotFound,
    NotSignedIn,
    TooLarge,
    TooMany,
    Unavailable,
)
from workers_ui.frames import error_page

STATUS_OF_KIND: tuple[tuple[type[AppError], int], ...] = (
    (Invalid, 422),
    (NotSignedIn, 401),
    (NotAllowed, 403),
    (NotFound, 404),
    (Conflict, 409),
    (TooLarge, 413),
    (TooMany, 429),
    (Unavailable, 503),
)
RETRY_SECONDS = "30"

log = structlog.get_logger()


def status_of(error: AppError) -> int:
    return next((status for kind, status in STATUS_OF_KIND if isinstance(error, kind)), 500)


def install(app: FastAPI) -> None:
    """Answer every error in the asker's form: problem+json under /api, a page elsewhere."""

    @app.exception_handler(AppError)
    def refused(request: Request, error: AppError) -> Response:
        if isinstance(error, NotSignedIn) and not _is_api(request) and request.method == "GET":
            return RedirectResponse(f"/sign-in?next={request.url.path}", status_code=303)
        return answer(request, status_of(error), error.code, error.detail)

    @app.exception_handler(RequestValidationError)
    def malformed(request: Request, error: RequestValidationError) -> Response:
        return answer(request, 422, "malformed", _first_problem(error))

    @app.exception_handler(HTTPException)
    def by_status(request: Request, error: HTTPException) -> Response:
        detail = (
            "There is nothing at this address."
            if error.status_code == 404
            else str(error.detail)
        )
        return answer(request, error.status_code, f"http_{error.status_code}", detail)

    @app.exception_handler(OperationalError)
    @app.exception_handler(PoolTimeout)
    def database_away(request: Request, error: Exception) -> Response:
        log.error("database.away", reason=type(error).__name__)
        return answer(
            request, 503, "database_away", "The database is not answering. Try again in a moment."
        )

    @app.exception_handler(Exception)
    def defect(request: Request, error: Exception) -> Response:
        log.error("request.failed", path=request.url.path, exc_info=error)
        return answer(request, 500, "defect", "Something went wrong on our side. It has been noted.")


def answer(request: Request, status: int, code: str, detail: str) -> Response:
    headers = {"Retry-After": RETRY_SECONDS} if status in (429, 503) else {}
    if _is_api(request):
        body = {
            "type": "about:blank",
            "title": http.HTTPStatus(status).phrase,
            "status": status,
            "code": code,
            "detail": detail,
        }
        return JSONResponse(body, status, headers, media_type="application/problem+json")
    return HTMLResponse(error_page(request, status, detail), status, headers)


def _is_api(request: Request) -> bool:
    return request.url.path.startswith("/api/")


def _first_problem(error: RequestValidationError) -> str:
    problems = [
        f"{'.'.join(str(part) for part in problem['loc'][1:]) or 'body'}: {problem['msg']}"
        for problem in error.errors()[:3]
    ]
    return "; ".join(problems)
