"""Answers that several pages give: go and see, and only to places of this site."""

from urllib.parse import urlencode

from fastapi.responses import RedirectResponse

PATH_LIMIT = 500


def see(href: str, *, said: str = "") -> RedirectResponse:
    """After a form: look at `href`, which says one sentence about what happened."""
    joint = "&" if "?" in href else "?"
    return RedirectResponse(f"{href}{joint}{urlencode({'said': said})}" if said else href, status_code=303)


def local_path(text: str) -> str:
    """`text` if it is a path on this site, else nothing: a link may not send people elsewhere after a form.

    Browsers read "//host", "/\\host" and "/<tab>/host" as other sites.
    """
    is_path = text.startswith("/") and not text.startswith("//") and "\\" not in text
    return text if is_path and text.isascii() and text.isprintable() and len(text) <= PATH_LIMIT else ""
