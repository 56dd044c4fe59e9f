"""Facts as frames of the live stream."""

from collections.abc import Iterable, Sequence

from starlette.requests import Request

from marketplace.events.queries import Told
from marketplace.kernel.db import Tx
from workers_ui.live import Frame, Renderer
from workers_ui.templating import Templates


def renderer(templates: Templates) -> Renderer:
    def render(tx: Tx, facts: Sequence[Told]) -> Iterable[tuple[Told, Frame]]:
        return []

    return render


def topics_of(request: Request) -> frozenset[str] | None:
    return None
