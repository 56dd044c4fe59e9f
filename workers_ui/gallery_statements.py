"""Sample views of a brand's statements."""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime

from workers_ui.gallery_samples import NOW, MakeFrame, brand_frame, usd
from workers_ui.presenters import statements
from workers_ui.templating import PageView

BASE = "/b/northwind/wallet/statements"


def brand_statements(frame: MakeFrame) -> PageView:
    return statements.BrandStatementsPage(
        frame=brand_frame(frame, BASE),
        brand="Northwind",
        wallet_href="/b/northwind/wallet",
        months=(
            statements.BrandStatementLink(
                href=f"{BASE}/2026-11", month=date(2026, 11, 1), closing=usd(41_230)
            ),
            statements.BrandStatementLink(
                href=f"{BASE}/2026-10", month=date(2026, 10, 1), closing=usd(9_562)
            ),
        ),
    )


def brand_statements_none(frame: MakeFrame) -> PageView:
    return statements.BrandStatementsPage(
        frame=brand_frame(frame, BASE), brand="Northwind", wallet_href="/b/northwind/wallet", months=()
    )


def brand_statement(frame: MakeFrame) -> PageView:
    def move(day: int, text: str, reference: str, amount: int) -> statements.BrandStatementMovement:
        return statements.BrandStatementMovement(
            happened_at=datetime(2026, 10, day, 9, 30, tzinfo=UTC),
            text=text,
            reference=reference,
            amount=usd(amount),
        )

    return statements.BrandStatementPage(
        frame=brand_frame(frame, f"{BASE}/2026-10"),
        brand="Northwind",
        month=date(2026, 10, 1),
        opening=usd(0),
        came_in=usd(10_219),
        went_out=usd(-657),
        closing=usd(9_562),
        movements=(
            move(2, "Top-up", "", 10_000),
            move(5, "Resolved #812", "NC-812", -219),
            move(6, "Resolved #829", "NC-829", -438),
            move(7, "Back: reopened #812", "NC-812", 219),
        ),
        issued_at=NOW,
        is_final=True,
        file_href=f"{BASE}/2026-10.csv?currency=usd",
        back_href=BASE,
    )


BUILDERS: Mapping[str, Callable[[MakeFrame], PageView]] = {
    "brand-statements": brand_statements,
    "brand-statements-none": brand_statements_none,
    "brand-statement": brand_statement,
}
