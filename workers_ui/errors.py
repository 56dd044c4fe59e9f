"""Refusals as people and programs read them: one table maps an error's kind to a status."""

import http
from collections.abc import Callable, Mapping
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from sqlalchemy.exc import DataError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.routing import Match

from marketplace.kernel.db import DatabaseAway
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
CODE_OF_STATUS = {400: "malformed", 404: "not_found", 405: "method_not_allowed", 413: "too_large"}
RETRY_SECONDS = "30"
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
PROBLEMS_NAMED = 3
PLACE_CHARACTERS = 100
UNREADABLE_TO_FASTAPI = "There was an error parsing the body"
UNREADABLE = (
    "The body cannot be read. Send what this address takes: JSON in UTF-8, without deep nesting, with "
    "`Content-Type: application/json`; or a form with its boundary."
)
TOO_MANY_PARTS = "Too many f"
"""How the form parser begins to say that there are too many files, or fields."""
TOO_MANY_FILES = (
    "A form may hold 1,000 files. Choose a folder's files in several uploads, or zip them; with scripts switched on "
    "a whole folder is sent in slices."
)
NOT_AN_OBJECT = "Send a JSON object as the body, with `Content-Type: application/json`."
UNSTORABLE = (
    "Something in the request cannot be stored: a number is too large, or a text holds a NUL character."
)

log = structlog.get_logger()


def status_of(error: AppError) -> int:
    return next((status for kind, status in STATUS_OF_KIND if isinstance(error, kind)), 500)


def install(app: FastAPI) -> None:
    """Answer every expected error in the asker's form: problem+json under /api, a page elsewhere.

    What nobody expected is answered by `defect`, which the outermost layer (`security.Guard`) calls: FastAPI
    would run a handler for it outside of that layer, without its headers.
    """
    for kind, handler in _HANDLERS.items():
        app.add_exception_handler(kind, handler)


def expected(request: Request, error: Exception) -> Response:
    """The answer to an expected error, for handlers that FastAPI does not call; raises `error` when it is none."""
    for kind in type(error).__mro__:
        if handler := _HANDLERS.get(kind):
            return handler(request, error)
    raise error


def _refused(request: Request, error: AppError) -> Response:
    if isinstance(error, NotSignedIn) and not _is_api(request) and request.method == "GET":
        return RedirectResponse(f"/sign-in?next={request.url.path}", status_code=303)
    return answer(request, status_of(error), error.code, error.detail, more=error.more)


def _malformed(request: Request, error: RequestValidationError) -> Response:
    return answer(request, 422, "malformed", _problems(error))


def _by_status(request: Request, error: HTTPException) -> Response:
    if error.status_code == http.HTTPStatus.BAD_REQUEST and str(error.detail).startswith(TOO_MANY_PARTS):
        return answer(request, http.HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_large", TOO_MANY_FILES)
    code = CODE_OF_STATUS.get(error.status_code, f"http_{error.status_code}")
    headers = dict(error.headers or {})
    if error.status_code == http.HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(_methods_of(request))
    return answer(request, error.status_code, code, _detail(request, error), headers)


def _database_away(request: Request, error: Exception) -> Response:
    log.error("database.away", reason=type(error).__name__)
    return _refused(request, DatabaseAway())


def _unstorable(request: Request, error: DataError) -> Response:
    # The database is the last to look: what it cannot hold should have been refused before.
    log.warning("request.unstorable", path=request.url.path, reason=type(error.orig).__name__)
    return answer(request, 422, "unstorable", UNSTORABLE)


_HANDLERS: Mapping[type[Exception], Callable[[Request, Any], Response]] = {
    AppError: _refused,
    DatabaseAway: _database_away,
    RequestValidationError: _malformed,
    HTTPException: _by_status,
    OperationalError: _database_away,
    InterfaceError: _database_away,
    PoolTimeout: _database_away,
    DataError: _unstorable,
}


def defect(request: Request, error: Exception) -> Response:
    """The answer to what nobody expected: noted with its traceback, told without it."""
    log.error("request.failed", path=request.url.path, exc_info=error)
    return answer(request, 500, "defect", "Something went wrong on our side. It has been noted.")


def answer(
    request: Request,
    status: int,
    code: str,
    detail: str,
    headers: dict[str, str] | None = None,
    more: Mapping[str, object] | None = None,
) -> Response:
    """An error in the form that suits who asks."""
    headers = dict(headers or {}) | _headers(request, status)
    detail = detail.encode("utf-8", "replace").decode()  # a name sent to us may hold half a character
    if _is_api(request):
        body = {
            "type": "about:blank",
            "title": http.HTTPStatus(status).phrase,
            "status": status,
            "code": code,
            "detail": detail,
            **(more or {}),
        }
        return JSONResponse(body, status, headers, media_type="application/problem+json")
    return HTMLResponse(error_page(request, status, detail), status, headers)


def _headers(request: Request, status: int) -> dict[str, str]:
    match status:
        case 401 if _is_api(request):
            return {"WWW-Authenticate": "Bearer"}
        case 413:
            return {"Connection": "close"}  # the rest of the body is not read
        case 429 | 503:
            return {"Retry-After": RETRY_SECONDS}
        case _:
            return {}


def _is_api(request: Request) -> bool:
    return request.url.path.startswith("/api/")


def _detail(request: Request, error: HTTPException) -> str:
    match error.status_code:
        case 404:
            return "There is nothing at this address."
        case 405:
            taken = ", ".join(_methods_of(request))
            return f"This address does not take {request.method[:20]}. It takes {taken}."
        case 400 if error.detail == UNREADABLE_TO_FASTAPI:
            return UNREADABLE
        case _:
            return str(error.detail)


def _methods_of(request: Request) -> list[str]:
    """Every method of the address; the framework would name only those of the first route that fits."""
    routes = request.app.router.routes
    return [
        method
        for method in METHODS
        if any(route.matches({**request.scope, "method": method})[0] is Match.FULL for route in routes)
    ]


def _problems(error: RequestValidationError) -> str:
    """What is wrong and where, for the first few places."""
    named = [_problem(tuple(problem["loc"]), problem) for problem in error.errors()[:PROBLEMS_NAMED]]
    return "; ".join(named)


def _problem(place: tuple[str | int, ...], problem: dict[str, object]) -> str:
    if problem["type"] == "json_invalid":
        return f"The body is not valid JSON: it goes wrong at character {place[-1]}. {NOT_AN_OBJECT}"
    if place == ("body",):
        return NOT_AN_OBJECT
    return f"{'.'.join(str(part) for part in place[1:])[:PLACE_CHARACTERS]}: {problem['msg']}"
