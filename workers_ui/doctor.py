"""`humancloud doctor`: what this installation has, and what it lacks, in plain words."""

import sys
from pathlib import Path

import httpx

from billing.inbox_events import Endpoint
from knowledge_base.index.embedder import ModelDamaged, ModelMissing, load_embedder
from knowledge_base.queries import damaged_indexes
from knowledge_base.reading.apart import fence_in_use
from knowledge_base.reading.sandbox import Fence
from marketplace.kernel.db import PLATFORM, Database, Role
from marketplace.kernel.invariants import Found, check_all
from marketplace.kernel.redis import connect
from marketplace.kernel.settings import MoneyMode, Settings
from workers_ui import health, parts
from workers_ui.invariants import INVARIANTS
from workers_ui.proving import Finding
from workers_ui.templating import BUILD_DIR

SECONDS = 2.0


def examine(settings: Settings) -> list[Finding]:
    """Look at every part this installation needs; changes nothing."""
    return [
        _python(),
        _front_end(BUILD_DIR),
        _model(settings),
        _uploads(),
        *_database(settings),
        _redis(settings),
        _payments(settings),
        _site(settings),
    ]


def _python() -> Finding:
    ok = (3, 11) <= sys.version_info[:2] < (3, 14)
    return Finding(what="Python", ok=ok, said=f"{sys.version.split()[0]}; 3.11 to 3.13 are supported")


def _front_end(build: Path) -> Finding:
    ok = (build / "manifest.json").exists()
    return Finding(what="front end", ok=ok, said="built" if ok else "not built: run `make setup`")


def _model(settings: Settings) -> Finding:
    try:
        name = load_embedder(settings.model_dir).name
    except (ModelMissing, ModelDamaged) as error:
        said = (
            f"{error} Run `humancloud prepare-model`. Until then tickets are kept back by their words alone."
        )
        return Finding(what="embedding model", ok=False, said=said)
    return Finding(what="embedding model", ok=True, said=name)


def _uploads() -> Finding:
    said = {
        Fence.SECCOMP: "read in processes that can do nothing but compute",
        Fence.NAMESPACE: "read in processes without a network; the kernel has no filter of system calls",
        Fence.NONE: "read in limited processes that could reach the network: use a kernel with seccomp",
    }
    fence = fence_in_use()
    return Finding(what="uploaded files", ok=fence is not Fence.NONE, said=said[fence])


def _database(settings: Settings) -> list[Finding]:
    if settings.database_url is None:
        made = (settings.data_dir / "postgres").exists()
        said = (
            "embedded; it runs while `humancloud serve` does" if made else "embedded; made at the first start"
        )
        return [Finding(what="database", ok=True, said=said)]
    database = parts.database(settings, role=Role.APP, process="doctor")
    checks = health.check(database)
    told = [Finding(what=what, ok=said == "ok", said=said) for what, said in checks.items()]
    if checks.get("migrations") == "ok":
        told += [_invariant(one) for one in check_all(database, INVARIANTS)]
        told.append(_indexes(database))
    database.dispose()
    return told


def _indexes(database: Database) -> Finding:
    with database.transaction(PLATFORM) as tx:
        damaged = damaged_indexes(tx)
    said = "; ".join(f"brand {brand}: {why}" for brand, why in damaged[:3])
    told = (
        f"{len(damaged)} found damaged and being built again from the database: {said}"
        if damaged
        else "whole"
    )
    return Finding(what="search indexes", ok=not damaged, said=told)


def _invariant(found: Found) -> Finding:
    if found.failed:
        return Finding(
            what=found.invariant.sentence, ok=False, said=f"could not be looked at: {found.failed}"
        )
    said = f"broken: {', '.join(found.offenders[:3])}" if found.offenders else f"holds ({found.took_ms} ms)"
    return Finding(what=found.invariant.sentence, ok=not found.offenders, said=said)


def _redis(settings: Settings) -> Finding:
    if settings.redis_url is None:
        return Finding(what="Redis", ok=True, said="none named: fine for one web process")
    announcer = connect(settings.redis_url)
    ok = announcer.is_healthy()
    announcer.close()
    return Finding(
        what="Redis", ok=ok, said="answers" if ok else "does not answer; the site works without it"
    )


def _payments(settings: Settings) -> Finding:
    if settings.fake_stripe:
        return Finding(what="payments", ok=True, said="test money through fake Stripe")
    if settings.stripe_api_key is None:
        return Finding(what="payments", ok=False, said="live mode without STRIPE_API_KEY: payouts are off")
    try:
        connection = parts.stripe_connection(settings)
    except Exception as error:  # the edge of a check: whatever is wrong with the key is what it reports
        return Finding(what="payments", ok=False, said=str(error))
    money = "live" if settings.money_mode is MoneyMode.LIVE else "test"
    silent = [one.value for one in Endpoint if not parts.webhook_secret(settings, one)]
    if silent:
        said = (
            f"Stripe, {money} money; no secret for what it tells of {' and '.join(silent)}: docs/runbook.md"
        )
        return Finding(what="payments", ok=False, said=said)
    said = f"Stripe, {money} money; endpoints of version {connection.api_version}"
    return Finding(what="payments", ok=True, said=said)


def _site(settings: Settings) -> Finding:
    try:
        ready = httpx.get(f"{settings.base_url}/readyz", timeout=SECONDS)
    except httpx.HTTPError:
        return Finding(what="site", ok=True, said=f"not running at {settings.base_url}")
    said = ", ".join(f"{part}: {state}" for part, state in ready.json().items())
    return Finding(what="site", ok=ready.status_code == 200, said=said)
