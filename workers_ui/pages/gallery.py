"""Every page with sample data, for whoever works on the look; only in development."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from marketplace.kernel.errors import NotFound
from workers_ui.deps import HasServices
from workers_ui.frames import frame, page
from workers_ui.templating import PageView

router = APIRouter(prefix="/ui")


@router.get("")
def index(request: Request, having: HasServices) -> HTMLResponse:
    return page(request, _sample(request, having.settings.development, "gallery"))


@router.get("/{name}")
def sample(request: Request, having: HasServices, name: str) -> HTMLResponse:
    return page(request, _sample(request, having.settings.development, name))


def _sample(request: Request, development: bool, name: str) -> PageView:
    if not development:
        raise NotFound
    # Imported here: a served page has no use for the samples.
    from workers_ui.gallery import gallery_views

    around = frame(request, None)
    views = gallery_views(theme=around.theme, money_mode=around.money_mode, csrf_token=around.csrf_token)
    if name not in views:
        raise NotFound
    return views[name]
