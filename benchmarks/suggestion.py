"""What a suggestion costs: end to end in CPU time on one thread, and encoding against the reference encoder."""

import resource
import statistics
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks import readiness
from benchmarks.figures import Figure, run
from guidance.commands import prepare_suggestion
from knowledge_base.index.building import build_index, rebuild_on_damage
from knowledge_base.index.bulk_work import LocalWork
from knowledge_base.index.embedder import Embedder, ReferenceEmbedder, load_embedder
from knowledge_base.index.retrieval import Retriever
from knowledge_base.index.shelf import LocalShelf
from knowledge_base.publishing import put_articles
from knowledge_base.reading.documents import Document, Section
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database, Role
from marketplace.kernel.embedded_postgres import EmbeddedPostgres
from marketplace.kernel.ids import BrandId
from marketplace.kernel.settings import Settings
from marketplace.migrations import upgrade
from tests.builders import a_brand, an_open_ticket, usd
from workers_ui.bootstrap import same_transaction_bus
from workers_ui.content import demo_brands

PASSAGES = 10_000
TICKETS = 60
CPU_P95_GOAL_MS = 60.0
SPEEDUP_GOAL = 5.0
ENCODED = 40


def measure() -> Iterator[Figure]:
    embedder = load_embedder(Settings().model_dir)
    yield _speedup(embedder)
    with tempfile.TemporaryDirectory(prefix="humancloud-bench-") as name:
        folder = Path(name)
        with EmbeddedPostgres(folder / "postgres", durable=False) as server:
            upgrade(server.url)
            database = Database(
                server.url, role=Role.BACKGROUND, connections=4, shared={"bus": same_transaction_bus()}
            )
            yield _suggestion(database, folder / "snapshots", embedder)
            database.dispose()
    yield from readiness.measure()


def _suggestion(database: Database, folder: Path, embedder: Embedder) -> Figure:
    with database.transaction() as tx:
        brand = a_brand(tx, funds=usd(10_000_000))
    _load(database, brand)
    build_index(database, brand, bulk=LocalWork(embedder), folder=folder)
    retriever = Retriever(
        shelf=LocalShelf(folder), load_embedder=lambda: embedder, report_damage=rebuild_on_damage(database)
    )
    asked = [line for plan in demo_brands() for line in plan.tickets][: TICKETS + 5]
    spent = []
    for line in asked:
        with database.transaction() as tx:
            ticket = an_open_ticket(tx, brand, subject=str(line["subject"]), text=str(line["text"]))
        with database.transaction() as tx:
            before = _cpu()
            prepare_suggestion(
                tx, retriever, brand=brand, ticket=ticket, weight=0.6, threshold=0.5, now=app_now(tx)
            )
            spent.append((_cpu() - before) * 1000)
    spent = spent[5:]  # the first ones open the snapshot
    return Figure(
        benchmark="suggestion",
        figure="cpu_p95_ms",
        value=statistics.quantiles(spent, n=20)[18],
        unit="ms",
        sides={"ours": statistics.median(spent), "reference": CPU_P95_GOAL_MS},
        goal=CPU_P95_GOAL_MS,
    )


def _load(database: Database, brand: BrandId) -> None:
    """The demo's articles, again and again under other headings, until there are enough passages."""
    texts = [content.decode().split("---", 2)[-1] for plan in demo_brands() for _, content in plan.files]
    words = " ".join(texts).split()
    for start in range(0, PASSAGES, 500):
        documents = [
            Document(
                key=f"article-{number}",
                title=f"Article {number}",
                sections=(
                    Section(path=(), text=" ".join(words[(number * 37) % len(words) :][:100]) or "Nothing."),
                ),
            )
            for number in range(start, start + 500)
        ]
        with database.transaction() as tx:
            put_articles(tx, brand=brand, documents=documents, author=None, now=app_now(tx))


def _speedup(embedder: Embedder) -> Figure:
    """CPU per query, both sides in turn."""
    reference = ReferenceEmbedder()
    questions = [str(line["text"]) for plan in demo_brands() for line in plan.tickets][:ENCODED]
    ours, theirs = [], []
    for question in questions:
        ours.append(_cpu_of(lambda: embedder.encode([question])))  # noqa: B023 - called at once
        theirs.append(_cpu_of(lambda: reference.encode([question])))  # noqa: B023
    mine, default = statistics.median(ours) * 1000, statistics.median(theirs) * 1000
    return Figure(
        benchmark="suggestion",
        figure="encode_speedup",
        value=default / mine,
        unit="times",
        sides={"ours": mine, "reference": default},
        goal=SPEEDUP_GOAL,
    )


def _cpu_of(act: Callable[[], object]) -> float:
    before = _cpu()
    act()
    return _cpu() - before


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    run(measure, __doc__)
