"""What a figure is, and how it is printed."""

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass

import structlog


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measured figure with both sides and its goal."""

    benchmark: str
    figure: str
    value: float
    unit: str
    sides: Mapping[str, float]
    goal: float


def run(measure: Callable[[], Iterator[Figure]], about: str | None) -> None:
    """The command line of a benchmark: a table, or with --json one object a line and nothing else."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--json", action="store_true")
    as_json = parser.parse_args().json
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    for figure in measure():
        print(json.dumps(asdict(figure)) if as_json else line(figure), flush=True)


def line(figure: Figure) -> str:
    sides = ", ".join(f"{name} {value:,.6g}" for name, value in figure.sides.items())
    return (
        f"{figure.benchmark:<12} {figure.figure:<32} {figure.value:>10.4g} {figure.unit:<10} "
        f"goal {figure.goal:g}  ({sides})"
    )
