"""The index of the development gallery."""

from dataclasses import dataclass
from typing import ClassVar

from workers_ui.presenters.frame import Frame
from workers_ui.presenters.values import Choice


@dataclass(frozen=True, slots=True, kw_only=True)
class GalleryPage:
    """GET /ui lists them; GET /ui/{value} shows one."""

    template: ClassVar[str] = "dev/gallery.html"
    frame: Frame
    pages: tuple[Choice, ...]
