"""Sample views of erasing a brand's knowledge."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from knowledge_base.erasure import ConfirmationDiffers
from workers_ui.gallery_samples import BRAND, SLUG, MakeFrame, ago, brand_frame
from workers_ui.presenters.erasure import ErasurePage
from workers_ui.presenters.values import FormState
from workers_ui.templating import PageView


def erasure(frame: MakeFrame) -> PageView:
    return _page(frame)


def erasure_refused(frame: MakeFrame) -> PageView:
    typed, sentence = {"confirmation": "northwind"}, ConfirmationDiffers().detail
    return replace(_page(frame), form=FormState(values=typed, errors={"confirmation": sentence}))


def erasure_running(frame: MakeFrame) -> PageView:
    return replace(_page(frame), articles=0, asked_at=ago(days=0), rows=48_000)


def erasure_done(frame: MakeFrame) -> PageView:
    return replace(_page(frame), articles=0, asked_at=ago(days=1), finished_at=ago(days=1), rows=61_204)


def _page(frame: MakeFrame) -> ErasurePage:
    return ErasurePage(
        frame=brand_frame(frame, f"/b/{SLUG}/knowledge/erasure"), slug=SLUG, brand=BRAND, articles=84
    )


BUILDERS: Mapping[str, Callable[[MakeFrame], PageView]] = {
    "erasure": erasure,
    "erasure-refused": erasure_refused,
    "erasure-running": erasure_running,
    "erasure-done": erasure_done,
}
