"""`humancloud evaluate`: the engine as this installation runs it, on files of questions."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from guidance.evaluation import Progress, evaluate
from guidance.question_sets import read_question_set, unknown_answers
from knowledge_base.index.embedder import load_embedder
from marketplace.kernel.settings import Settings

RANKINGS = ("bm25", "dense", "engine")
STEPS = 20
"""A bar moves this often at most: the terminal may be a log."""


def evaluate_files(
    settings: Settings, docs: Path, queries: Path, *, tickets: Path | None, out_of_scope: Path | None
) -> tuple[dict[str, Any], str]:
    """The figures and their table. Raises UnusableLine or UnusableSet."""
    asked = read_question_set(docs, queries, tickets=tickets, out_of_scope=out_of_scope)
    missing = unknown_answers(asked)
    if missing:
        click.echo(
            f"{missing:,} answers in `rel` are no document of the set: they count as not found.", err=True
        )
    with tempfile.TemporaryDirectory(prefix="humancloud-evaluate-") as folder:
        figures = evaluate(
            asked,
            load_embedder(settings.model_dir),
            Path(folder),
            weight=settings.hybrid_weight,
            threshold=settings.answer_threshold,
            told=_told(),
        )
    return figures, _table(figures)


def _told() -> Progress:
    said: set[tuple[str, int]] = set()

    def tell(what: str, done: int, total: int) -> None:
        step = what, done * STEPS // total
        if step not in said:
            said.add(step)
            click.echo(f"{what}: {done:,} of {total:,}", err=True)

    return tell


def _table(figures: Mapping[str, Any]) -> str:
    names = list(figures["engine"])
    lines = ["".join(f"{name:>12}" for name in ("", *names))]
    for ranking in RANKINGS:
        values = (f"{figures[ranking][name]:.3f}" for name in names)
        lines.append(f"{ranking:>12}" + "".join(f"{value:>12}" for value in values))
    told = ", ".join(
        f"{name} {'–' if value is None else f'{value:.3f}'}" for name, value in figures["abstention"].items()
    )
    spent = figures["cpu_ms"]
    lines.append(f"abstention: {told}")
    lines.append(
        f"CPU a suggestion: {spent['p50']:.1f} ms, p95 {spent['p95']:.1f} ms; {figures['n']:,} questions"
    )
    return "\n".join(lines)
