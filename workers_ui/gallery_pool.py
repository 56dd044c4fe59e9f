"""Sample views of the pool: full, filtered, empty, away."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from workers_ui.gallery_desk import RELEASE_REASONS
from workers_ui.gallery_samples import BRAND, NOW, SLUG, MakeFrame, ahead, usd, worker_frame
from workers_ui.presenters import worker
from workers_ui.presenters.pool_filters import FilterForm
from workers_ui.presenters.values import (
    Choice,
    FormState,
    Notice,
    Pager,
    Tone,
)
from workers_ui.templating import PageView

LONG_SUBJECT = "Change the delivery address on an order that has left already"


def pool_rows() -> tuple[worker.PoolRow, ...]:
    subjects = (
        ("Where is my order?", BRAND, "Orders", "e-mail", "EN", 4, 140, 15, "covered"),
        ("Refund for a damaged grinder", BRAND, "Returns", "chat", "EN", 5, 175, 3, "covered"),
        ("Cannot sign in after the reset", "Kestrel Air", "Account", "e-mail", "DE", 6, 210, 29, "partly"),
        (LONG_SUBJECT, "Tern Home", "Delivery", "chat", "EN", 7, 245, 36, "covered"),
        ("Talla equivocada, ¿la cambio?", "Alba Cycles", "Returns", "e-mail", "ES", 8, 280, 64, "unknown"),
        ("Wrong VAT number on the invoice", "Alba Cycles", "Billing", "e-mail", "DE", 9, 140, 130, "partly"),
        ("Is descaler safe for the dual boiler?", BRAND, "Product", "e-mail", "EN", 4, 160, -6, "covered"),
    )  # fmt: skip
    return tuple(
        worker.PoolRow(
            ticket=f"t{1001 + index}",
            revision=1,
            subject=subject,
            brand=brand_name,
            category=category,
            channel=channel,
            language=language,
            estimated_minutes=minutes,
            pay=usd(pay),
            pay_per_hour=usd(pay * 60 // minutes),
            due_at=ahead(minutes=due),
            rendered_at=NOW,
            coverage=worker.Coverage(coverage),
            terms_version=3,
            brand_slug=brand_name.lower().replace(" ", "-"),
            lease_terms="20 s to read, then 3 min to answer"
            if channel == "chat"
            else "5 min to read, then 60 min to answer",
            brand_record="new here" if brand_name == "Kestrel Air" else "98 % paid, in 3 days",
            surge="+20 % for waiting" if due < 0 else "",
            newcomers_first=index == 0,
            skill="Billing" if category == "Billing" else "",
            skip_reasons=RELEASE_REASONS,
        )
        for index, (
            subject,
            brand_name,
            category,
            channel,
            language,
            minutes,
            pay,
            due,
            coverage,
        ) in enumerate(subjects)
    )


def pool(frame: MakeFrame) -> PageView:
    return worker.PoolPage(
        frame=worker_frame(frame, "/worker/pool"),
        rows=pool_rows(),
        waiting=24,
        rooms=rooms(email=1),
        filters=FILTERS,
        pager=Pager(next_href="/worker/pool?page=2", label="Page 1"),
    )


def rooms(*, email: int = 0, chat: int = 0) -> tuple[worker.ChannelRoom, ...]:
    return (
        worker.ChannelRoom(channel="e-mail", held=email, cap=3),
        worker.ChannelRoom(channel="chat", held=chat, cap=1),
    )


FILTERS = FilterForm(
    brands=(Choice(value=SLUG, label=BRAND), Choice(value="alba-cycles", label="Alba Cycles")),
    languages=(Choice(value="en", label="English"), Choice(value="de", label="German")),
    channels=(Choice(value="email", label="e-mail"), Choice(value="chat", label="chat")),
    skills=(Choice(value="general", label="No skill needed"), Choice(value="billing", label="Billing")),
    pays=(Choice(value="1", label="1.00"), Choice(value="2", label="2.00")),
    lengths=(Choice(value="5", label="5 min"), Choice(value="15", label="15 min")),
)


def pool_filtered(frame: MakeFrame) -> PageView:
    return worker.PoolPage(
        frame=worker_frame(frame, "/worker/pool"),
        rows=pool_rows()[:2],
        waiting=24,
        rooms=rooms(email=1),
        filters=_filtered(),
        searched_up_to=2_000,
    )


def pool_no_match(frame: MakeFrame) -> PageView:
    return worker.PoolPage(
        frame=worker_frame(frame, "/worker/pool"), rows=(), waiting=24, rooms=rooms(), filters=_filtered()
    )


def _filtered() -> FilterForm:
    return replace(
        FILTERS,
        form=FormState(values={"brand": SLUG, "language": "en", "minutes": "5"}),
        chosen=(BRAND, "English", "at most 5 min"),
        brand=SLUG,
        language="en",
        longest_minutes=5,
    )


def pool_away(frame: MakeFrame) -> PageView:
    return worker.PoolPage(
        frame=worker_frame(frame, "/worker/pool"),
        rows=pool_rows()[2:5],
        waiting=3,
        rooms=rooms(),
        available=False,
        filters=FILTERS,
    )


def pool_full(frame: MakeFrame) -> PageView:
    notice = Notice(text="Released. The ticket is back in the pool.", tone=Tone.GOOD)
    return worker.PoolPage(
        frame=worker_frame(frame, "/worker/pool", notices=(notice,)),
        rows=pool_rows()[:3],
        waiting=3,
        rooms=rooms(email=3, chat=1),
        filters=FILTERS,
        callouts=(
            Notice(
                text="We cannot pay to your country yet. You may look, but claims are off.",
                tone=Tone.WARN,
                href="/worker/earnings",
                link_label="Payout set-up",
            ),
        ),
    )


def pool_empty(frame: MakeFrame) -> PageView:
    return worker.PoolPage(
        frame=worker_frame(frame, "/worker/pool"), rows=(), waiting=0, rooms=rooms(), filters=FILTERS
    )


BUILDERS: Mapping[str, Callable[[MakeFrame], PageView]] = {
    "pool": pool,
    "pool-full": pool_full,
    "pool-empty": pool_empty,
    "pool-filtered": pool_filtered,
    "pool-no-match": pool_no_match,
    "pool-away": pool_away,
}
