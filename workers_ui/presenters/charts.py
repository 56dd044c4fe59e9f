"""Geometry of server-drawn charts: plain numbers for SVG attributes, so that no page needs a chart script."""

from dataclasses import dataclass

from marketplace.kernel.money import Money

CHART_WIDTH = 640
PLOT_TOP = 28
PLOT_BOTTOM = 188
BAR_SHARE = 0.62


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    label: str
    value: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class BarMark:
    label: str
    value: Money
    x: float
    y: float
    width: float
    height: float
    middle: float


@dataclass(frozen=True, slots=True, kw_only=True)
class BarChart:
    """`caption` states the finding in a sentence; the values also stand in a table under the picture."""

    caption: str
    column: str
    bars: tuple[Bar, ...]

    @property
    def marks(self) -> tuple[BarMark, ...]:
        highest = max((bar.value.amount_minor for bar in self.bars), default=0)
        slot = CHART_WIDTH / max(len(self.bars), 1)
        return tuple(_mark(bar, index, slot, highest) for index, bar in enumerate(self.bars))


def _mark(bar: Bar, index: int, slot: float, highest: int) -> BarMark:
    height = (PLOT_BOTTOM - PLOT_TOP) * max(bar.value.amount_minor, 0) / highest if highest > 0 else 0.0
    return BarMark(
        label=bar.label,
        value=bar.value,
        x=round(slot * index + slot * (1 - BAR_SHARE) / 2, 1),
        y=round(PLOT_BOTTOM - height, 1),
        width=round(slot * BAR_SHARE, 1),
        height=round(height, 1),
        middle=round(slot * index + slot / 2, 1),
    )
