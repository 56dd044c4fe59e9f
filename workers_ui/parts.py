"""The parts that processes are put together from: database, payment gateway, retriever."""

from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from billing.funds_port import FundsPort
from billing.gateway import PaymentGateway
from billing.inbox_events import Endpoint
from billing.stripe_connection import StripeConnection
from billing.stripe_funds import StripeFunds
from billing.stripe_gateway import StripeGateway
from guidance.answer_memory import AnswerMemory
from guidance.eligibility import TopicJudge
from guidance.screening import Judge, NoJudge
from knowledge_base.index.building import rebuild_on_damage
from knowledge_base.index.bulk_work import BulkWork, LocalWork
from knowledge_base.index.embedder import Embedder, is_model_at_hand, load_embedder
from knowledge_base.index.retrieval import Retriever
from knowledge_base.index.shelf import IndexShelf, LocalShelf
from knowledge_base.reading.reader import LocalReader, Reader
from knowledge_base.web_fetching import Fetch
from marketplace.kernel.db import Database, Role
from marketplace.kernel.errors import Unavailable
from marketplace.kernel.safe_fetch import file_rules_of, safe_fetch
from marketplace.kernel.settings import MoneyMode, Settings
from workers_ui.bootstrap import same_transaction_bus

if TYPE_CHECKING:
    from knowledge_base.scale.serving import Scale

log = structlog.get_logger()

SNAPSHOTS = "snapshots"
FAKE_STRIPE_KEY = "sk_test_fake_stripe_needs_no_secret"


class PaymentsOff(Unavailable):
    """Payments are switched off here: a live installation needs its Stripe key."""


class ScaleMissing(RuntimeError):
    """A cluster is named by RAY_ADDRESS, but not installed for: pip install 'humancloud[scale]'."""


class DatabaseMissing(RuntimeError):
    """No database is named: set DATABASE_URL, or start through `humancloud serve`, which embeds one."""


def database(
    settings: Settings, *, role: Role, process: str, announce_facts: Callable[[], None] | None = None
) -> Database:
    if settings.database_url is None:
        raise DatabaseMissing(DatabaseMissing.__doc__)
    return Database(
        settings.database_url,
        role=role,
        connections=settings.database_connections,
        process=f"humancloud {process}",
        shared={"bus": same_transaction_bus()},
        announce_facts=announce_facts,
    )


def stripe_connection(settings: Settings) -> StripeConnection:
    """Stripe by the installation's key; fake Stripe in test mode without one. Raises PaymentsOff."""
    if settings.fake_stripe:
        return StripeConnection(
            FAKE_STRIPE_KEY,
            money_mode=MoneyMode.TEST,
            environment=environment(settings),
            api_base=fake_stripe_url(settings),
        )
    if settings.stripe_api_key is None:
        raise PaymentsOff
    return StripeConnection(
        settings.stripe_api_key.get_secret_value(),
        money_mode=settings.money_mode,
        environment=environment(settings),
    )


def gateway(settings: Settings) -> PaymentGateway:
    """How workers are paid and wallets topped up. Raises PaymentsOff."""
    return StripeGateway(stripe_connection(settings))


def gateway_if_on(settings: Settings) -> PaymentGateway | None:
    """`gateway`, or None where payments are off; said once in the log."""
    connection = stripe_if_on(settings)
    return StripeGateway(connection) if connection else None


def stripe_if_on(settings: Settings) -> StripeConnection | None:
    """`stripe_connection`, or None where payments are off; said once in the log."""
    try:
        return stripe_connection(settings)
    except PaymentsOff:
        log.warning("payments.off")
        return None


def webhook_secret(settings: Settings, endpoint: Endpoint) -> str:
    """What Stripe signs with what it tells `endpoint`; empty where nobody has set it."""
    match endpoint:
        case Endpoint.PLATFORM:
            secret = settings.stripe_platform_webhook_secret
        case Endpoint.CONNECT:
            secret = settings.stripe_connect_webhook_secret
    return secret.get_secret_value() if secret else ""


def funds_if_on(settings: Settings) -> FundsPort | None:
    """How brands' money is charged, paid back and billed; None where payments are off."""
    try:
        return StripeFunds(stripe_connection(settings))
    except PaymentsOff:
        return None


def environment(settings: Settings) -> str:
    """The installation's name in Stripe's metadata."""
    return settings.base_url


def fake_stripe_url(settings: Settings) -> str:
    return f"http://127.0.0.1:{settings.fake_stripe_port}"


@cache
def embedder(model_dir: Path, threads: int | None) -> Embedder:
    """One per process: loading takes a moment and memory."""
    return load_embedder(model_dir, threads=threads)


def shelf(settings: Settings) -> IndexShelf:
    local = LocalShelf(snapshots(settings))
    cluster = scale(settings)
    return cluster.shelf(local) if cluster else local


def bulk_work(settings: Settings) -> BulkWork:
    local = LocalWork(embedder(settings.model_dir, settings.encoder_threads))
    cluster = scale(settings)
    return cluster.bulk(local, partial(load_embedder, settings.model_dir, threads=1)) if cluster else local


def reader(settings: Settings) -> Reader:
    local = LocalReader()
    cluster = scale(settings)
    return cluster.reader(local) if cluster else local


def scale(settings: Settings) -> "Scale | None":
    """This process's part in the cluster that the settings name; ray is not imported where they name none."""
    if settings.ray_address is None:
        return None
    return _scale(settings.ray_address, settings.search_shards, settings.data_dir)


@cache
def _scale(address: str, shards: int, data_dir: Path) -> "Scale":
    try:
        from knowledge_base.scale.replicas import ShardPlan
        from knowledge_base.scale.serving import Scale
    except ImportError as missing:
        raise ScaleMissing(ScaleMissing.__doc__) from missing
    plan = ShardPlan(shards=shards, folder=(data_dir / "shards").resolve())
    return Scale(address, plan, published=data_dir / SNAPSHOTS)


def retriever(settings: Settings, reporting: Database) -> Retriever:
    return Retriever(
        shelf=shelf(settings),
        load_embedder=lambda: embedder(settings.model_dir, settings.encoder_threads),
        report_damage=rebuild_on_damage(reporting),
    )


def memory(settings: Settings) -> AnswerMemory:
    return AnswerMemory(lambda: embedder(settings.model_dir, settings.encoder_threads))


@cache
def _topic_judge(model_dir: Path, threads: int | None) -> Judge:
    """One per process: its examples are encoded once."""
    return TopicJudge(lambda: embedder(model_dir, threads))


def judge(settings: Settings) -> Judge:
    """Reads what tickets mean; without an embedding model the rules by word decide alone, as the doctor says."""
    if is_model_at_hand(settings.model_dir):
        return _topic_judge(settings.model_dir, settings.encoder_threads)
    log.warning("eligibility.by_word_alone", model_dir=str(settings.model_dir))
    return NoJudge()


def fetch(settings: Settings) -> Fetch:
    """Fetches the pages and documents that people name, by the operator's rules."""
    return partial(safe_fetch, rules=file_rules_of(settings))


def snapshots(settings: Settings) -> Path:
    return settings.data_dir / SNAPSHOTS
