"""Work on knowledge whose job was lost is found again, and keeps nothing that is due by the clock waiting."""

import pytest

from knowledge_base.import_files import start_import
from knowledge_base.import_models import ImportState
from knowledge_base.import_queries import import_status
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database
from marketplace.kernel.ids import BrandId, ImportId
from marketplace.kernel.settings import Settings
from tests.builders import a_brand
from tests.fakes import WordHashEmbedder
from workers_ui import parts
from workers_ui.background import Background
from workers_ui.money_work import MoneyWork


@pytest.fixture
def work(background: Database, settings: Settings) -> Background:
    return Background(
        settings=settings,
        database=background,
        money=MoneyWork(database=background, gateway=None),
        retriever=parts.retriever(settings, background),
    )


def test_an_import_is_read_by_its_net_and_by_no_sweep(
    work: Background, background: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "embedder", lambda *_: WordHashEmbedder())
    with background.transaction() as tx:
        brand = a_brand(tx)
        lost = start_import(tx, brand=brand, files=[("a.md", b"# A\n\nOne.")], author=None, now=app_now(tx))

    for sweep in work.sweeps():
        sweep()
    assert _state(background, brand, lost) is ImportState.QUEUED
    for net in work.nets():
        net()
    assert _state(background, brand, lost) is ImportState.READY


def _state(background: Database, brand: BrandId, import_id: ImportId) -> ImportState:
    with background.transaction() as tx:
        return import_status(tx, brand=brand, import_id=import_id).state
