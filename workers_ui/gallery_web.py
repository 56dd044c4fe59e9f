"""Sample views of addresses that knowledge is read from."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from marketplace.kernel.safe_fetch import AddressNotPublic
from workers_ui.gallery_samples import BRAND, SLUG, MakeFrame, ago, brand_frame
from workers_ui.gallery_wrong import tabs
from workers_ui.pages.brand_web import PAGE, READING, SITEMAP, WAIT
from workers_ui.presenters.values import Action, FormState
from workers_ui.presenters.web_sources import WebSourceRow, WebSourcesPage
from workers_ui.templating import PageView

BASE = f"/b/{SLUG}/knowledge"


def web(frame: MakeFrame) -> PageView:
    return _page(frame)


def web_refused(frame: MakeFrame) -> PageView:
    address = "https://intranet.northwind.example/wiki/returns"
    form = FormState(values={"address": address}, errors={"address": AddressNotPublic().detail})
    return replace(_page(frame), form=form)


def web_empty(frame: MakeFrame) -> PageView:
    return replace(_page(frame), sources=())


def _page(frame: MakeFrame) -> WebSourcesPage:
    busy = Action(href=f"{BASE}/web/s1/again", label="Read again", allowed=False, reason=WAIT)
    sitemap = WebSourceRow(
        address="https://help.northwind.example/sitemap.xml",
        state=READING,
        href=f"{BASE}/imports/i7",
        read_at=ago(days=0),
        again=busy,
    )
    long = (
        "https://www.northwind.example/legal/"
        + "terms-and-conditions-of-sale-for-consumers/" * 2
        + "2026.pdf"
    )
    page = replace(
        sitemap, address=long, state=PAGE, again=Action(href=f"{BASE}/web/s2/again", label="Read again")
    )
    older = replace(
        page, address="https://blog.northwind.example/sitemap.xml", state=SITEMAP, read_at=ago(days=20)
    )
    return WebSourcesPage(
        frame=brand_frame(frame, f"{BASE}/web"),
        slug=SLUG,
        brand=BRAND,
        tabs=tabs("web"),
        sources=(sitemap, page, older),
    )


BUILDERS: Mapping[str, Callable[[MakeFrame], PageView]] = {
    "web": web,
    "web-refused": web_refused,
    "web-empty": web_empty,
}
