"""Sample views of closed months."""

from collections.abc import Callable, Mapping
from datetime import date

from workers_ui.gallery_samples import MakeFrame, ago, finance_frame
from workers_ui.presenters.finance_periods import ClosedMonth, PeriodsPage
from workers_ui.presenters.values import Choice
from workers_ui.templating import PageView


def periods(frame: MakeFrame) -> PageView:
    return PeriodsPage(
        frame=finance_frame(frame, "/finance/periods"),
        closed=(
            ClosedMonth(month=date(2026, 9, 1), closed_at=ago(days=30), closed_by="Ines Maia"),
            ClosedMonth(month=date(2026, 8, 1), closed_at=ago(days=61), closed_by="Jonas Brandt"),
        ),
        months=(Choice(value="2026-10", label="October 2026"),),
        years=(2026, 2025, 2024),
    )


def periods_all_closed(frame: MakeFrame) -> PageView:
    return PeriodsPage(frame=finance_frame(frame, "/finance/periods"), closed=(), months=(), years=(2026,))


BUILDERS: Mapping[str, Callable[[MakeFrame], PageView]] = {
    "periods": periods,
    "periods-all-closed": periods_all_closed,
}
