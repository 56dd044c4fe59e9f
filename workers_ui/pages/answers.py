"""Answers that several pages give: go and see, and only to places of this site."""

from urllib.parse import quote

from fastapi.responses import RedirectResponse

from workers_ui.frames import NOTICE_LIMIT, SAID_COOKIE

PATH_LIMIT = 500
SAID_SECONDS = 60


def see(href: str, *, said: str = "") -> RedirectResponse:
    """After a form: look at `href`, where one sentence says what happened.

    The sentence travels in a cookie: in the address, any link could put words on our pages.
    """
    response = RedirectResponse(href, status_code=303)
    if said:
        response.set_cookie(
            SAID_COOKIE,
            quote(said[:NOTICE_LIMIT]),
            max_age=SAID_SECONDS,
            httponly=True,
            samesite="lax",
            path="/",
        )
    return response


def local_path(text: str) -> str:
    """`text` if it is a path on this site, else nothing: a link may not send people elsewhere after a form.

    Browsers read "//host", "/\\host" and "/<tab>/host" as other sites.
    """
    is_path = text.startswith("/") and not text.startswith("//") and "\\" not in text
    return text if is_path and text.isascii() and text.isprintable() and len(text) <= PATH_LIMIT else ""
