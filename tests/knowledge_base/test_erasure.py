"""Erasing a brand's knowledge: nothing of it is found afterwards, in tables, on disk or by a running search."""

import gc
import re
import shutil
import subprocess
import sys
import weakref
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError

import guidance.erasure
from guidance.commands import prepare_suggestion, write_receipt
from guidance.erasure import forget_knowledge
from guidance.models import Receipt, Suggestion, SuggestionPassage, SuggestionState
from knowledge_base import erasure
from knowledge_base.drafting import KnowledgeBeingErased
from knowledge_base.erasure import ConfirmationDiffers, ErasureUnderWay, IndexIsBusy, erased_tables
from knowledge_base.import_files import start_import
from knowledge_base.imports import read_import
from knowledge_base.index.building import sole_builder
from knowledge_base.index.shelf import LocalShelf, snapshots_folder
from knowledge_base.web_pages import import_address
from marketplace.accounts.models import Brand
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Base, Database, Scope, Tx
from marketplace.kernel.ids import BrandId, TicketId
from marketplace.kernel.safe_fetch import FetchRules
from marketplace.tickets.models import Reply
from marketplace.tickets.pool import claim_ticket
from marketplace.tickets.replies import send_reply
from tests.builders import a_brand, a_worker, an_open_ticket
from tests.fakes import Killed, MortalDatabase
from tests.knowledge_base.conftest import KnowledgeBase, document
from workers_ui.forgetting import Forgetting

SECRET = "The vault of the kettle opens with seven turns."
QUESTION = "How does the vault of the kettle open?"


def slug_of(base: KnowledgeBase, brand: BrandId) -> str:
    with base.database.transaction() as tx:
        return tx.get_one(Brand, brand).slug


def ask(base: KnowledgeBase, brand: BrandId, confirmation: str | None = None) -> None:
    with base.database.transaction(Scope(brand=brand)) as tx:
        erasure.ask_erasure(
            tx,
            brand=brand,
            confirmation=slug_of(base, brand) if confirmation is None else confirmation,
            by=None,
            now=app_now(tx),
        )


def erase(base: KnowledgeBase, brand: BrandId, database: Database | None = None) -> bool:
    return erasure.erase(database or base.database, brand, folder=base.folder, forget=(forget_knowledge,))


def learn(base: KnowledgeBase, brand: BrandId) -> None:
    """Articles with a history, an import with a file that failed, and an index."""
    base.put(brand, document(key="vault", text="An older text of the vault.", title="Vault"))
    base.put(brand, document(key="vault", text=SECRET, title="Vault"))
    files = [("good.md", f"# More\n\n{SECRET}".encode()), ("bad.html", b"\0")]
    with base.database.transaction(Scope(brand=brand)) as tx:
        started = start_import(tx, brand=brand, files=files, author=None, now=app_now(tx))
    read_import(base.database, brand, started)
    base.index(brand)
    assert base.texts(brand, QUESTION)


def start_upload(tx: Tx, brand: BrandId) -> None:
    start_import(tx, brand=brand, files=[("a.md", b"# A")], author=None, now=app_now(tx))


def name_an_address(tx: Tx, brand: BrandId) -> None:
    import_address(
        tx,
        brand=brand,
        address="https://shop.example/help",
        author=None,
        now=app_now(tx),
        rules=FetchRules(),
    )


def under_way(base: KnowledgeBase, brand: BrandId) -> bool:
    with base.database.transaction() as tx:
        return (brand,) in erasure.unfinished_erasures(tx)


def rows_left(database: Database, brand: BrandId) -> dict[str, int]:
    """Rows of the brand in every table that is to be empty."""
    with database.transaction() as tx:
        counted = {
            table.name: tx.scalar(select(func.count()).select_from(table).where(table.c.brand_id == brand))
            or 0
            for table in erased_tables()
        }
    return {name: count for name, count in counted.items() if count}


def files_of(base: KnowledgeBase, brand: BrandId) -> list[Path]:
    return list(snapshots_folder(base.folder, brand).rglob("*"))


def test_nothing_is_left_in_tables_or_on_disk_and_another_brand_keeps_everything(base: KnowledgeBase) -> None:
    brand, other = base.brand(), base.brand()
    learn(base, brand)
    learn(base, other)
    before = rows_left(base.database, other)
    assert set(rows_left(base.database, brand)) == set(before) >= {"passage", "embedding", "import_file"}
    ask(base, brand)
    assert erase(base, brand)
    assert rows_left(base.database, brand) == {}
    assert files_of(base, brand) == []
    assert rows_left(base.database, other) == before
    assert base.texts(other, QUESTION)


def test_every_table_of_the_knowledge_is_erased_or_kept_for_a_reason() -> None:
    own = {
        mapper.class_.__tablename__
        for mapper in Base.registry.mappers
        if mapper.class_.__module__.startswith("knowledge_base.")
    }
    erased = {table.name for table in erased_tables()}
    assert erased | set(erasure.KEPT) == own
    assert not erased & set(erasure.KEPT)
    assert all(erasure.KEPT.values())


def test_a_process_that_only_erases_knows_every_table() -> None:
    ask_alone = (
        "from knowledge_base.erasure import erased_tables; print(*(table.name for table in erased_tables()))"
    )
    told = subprocess.run([sys.executable, "-c", ask_alone], capture_output=True, text=True, check=True)
    modules = Path(erasure.__file__).parent.glob("*models.py")
    named = {
        name for module in modules for name in re.findall(r'__tablename__ = "(\w+)"', module.read_text())
    }
    assert set(told.stdout.split()) == named - set(erasure.KEPT)


def test_every_table_of_guidance_has_a_rule() -> None:
    own = {
        mapper.class_.__tablename__
        for mapper in Base.registry.mappers
        if mapper.class_.__module__.startswith("guidance.") and "brand_id" in mapper.columns
    }
    rules = guidance.erasure
    assert set(rules.ERASED) | set(rules.KEPT) == own
    assert not set(rules.ERASED) & set(rules.KEPT)


def test_nothing_that_stays_refers_to_what_is_erased() -> None:
    erased = {table.name for table in erased_tables()}
    gone = erased | {"correction", "correction_notice", "correction_reply", "gap"}
    held = {
        (table.name, key.column.table.name)
        for table in Base.metadata.tables.values()
        for key in table.foreign_keys
        if key.column.table.name in erased and table.name not in gone
    }
    assert held == set()


def test_no_text_column_of_any_table_holds_the_secret_afterwards(base: KnowledgeBase) -> None:
    brand = base.brand()
    learn(base, brand)

    def holding() -> set[str]:
        with base.database.transaction() as tx:
            columns = tx.execute(
                text(
                    "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public' "
                    "AND data_type IN ('text', 'jsonb', 'ARRAY', 'character varying', 'bytea')"
                )
            ).all()
            return {
                f"{table}.{column}"
                for table, column in columns
                if tx.scalar(
                    text(f'SELECT EXISTS (SELECT FROM "{table}" t WHERE t."{column}"::text LIKE :secret)'),
                    {"secret": "%vault of the kettle%"},
                )
            }

    assert holding()  # the control: it is found before
    ask(base, brand)
    erase(base, brand)
    assert holding() == set()


def test_from_the_asking_on_no_process_finds_anything(
    base: KnowledgeBase, open_base: Callable[[], KnowledgeBase]
) -> None:
    brand = base.brand()
    learn(base, brand)
    running = open_base()
    assert running.texts(brand, QUESTION)
    ask(base, brand)
    assert base.search(brand, QUESTION).passages == ()
    assert running.search(brand, QUESTION).passages == ()
    erase(base, brand)
    assert running.search(brand, QUESTION).snapshot is None


def test_a_running_process_lets_go_of_its_snapshots(base: KnowledgeBase) -> None:
    brand, other = base.brand(), base.brand()
    learn(base, brand)
    learn(base, other)
    shelf = base.retriever._shelf
    assert isinstance(shelf, LocalShelf)
    opened = {key[0]: weakref.ref(one) for key, one in shelf._cache._opened.items()}
    assert set(opened) == {brand, other}
    forgetting = Forgetting(base.database, base.retriever)
    forgetting.look()
    ask(base, brand)
    forgetting.look()
    gc.collect()
    assert {owner: snapshot() is None for owner, snapshot in opened.items()} == {brand: True, other: False}


def test_the_name_must_be_typed_and_one_erasure_runs_at_a_time(base: KnowledgeBase) -> None:
    brand = base.brand()
    learn(base, brand)
    for wrong in ("", "yes", slug_of(base, brand).upper() + "X"):
        with pytest.raises(ConfirmationDiffers):
            ask(base, brand, wrong)
    assert base.texts(brand, QUESTION)
    ask(base, brand)
    with pytest.raises(ErasureUnderWay):
        ask(base, brand)
    assert erase(base, brand)
    assert not erase(base, brand)  # nothing more was asked for
    ask(base, brand)  # again, of nothing
    assert erase(base, brand)


def test_nothing_is_written_until_it_is_done_and_then_it_begins_anew(base: KnowledgeBase) -> None:
    brand = base.brand()
    learn(base, brand)
    ask(base, brand)
    with pytest.raises(KnowledgeBeingErased):
        base.put(brand, document(text="New."))
    with base.database.transaction(Scope(brand=brand)) as tx:
        for act in (start_upload, name_an_address):
            with pytest.raises(KnowledgeBeingErased):
                act(tx, brand)
    erase(base, brand)
    base.put(brand, document(text="A new text about tea."))
    base.index(brand)
    assert base.texts(brand, "tea") == ["A new text about tea."]


def test_while_the_index_is_built_the_erasure_waits(base: KnowledgeBase) -> None:
    brand = base.brand()
    learn(base, brand)
    ask(base, brand)
    with sole_builder(base.database, brand) as alone:
        assert alone
        with pytest.raises(IndexIsBusy):
            erase(base, brand)
    assert erase(base, brand)


def test_an_erasure_is_not_done_while_its_files_cannot_be_deleted(base: KnowledgeBase) -> None:
    brand = base.brand()
    learn(base, brand)
    ask(base, brand)
    folder = snapshots_folder(base.folder, brand)
    shutil.rmtree(folder)
    folder.write_text("no folder, so it cannot be deleted as one")
    with pytest.raises(NotADirectoryError):
        erase(base, brand)
    assert under_way(base, brand)
    folder.unlink()
    assert erase(base, brand)
    assert not under_way(base, brand)


@pytest.mark.parametrize("after_commit", [False, True])
def test_an_erasure_goes_on_after_a_kill(
    base: KnowledgeBase, mortal: MortalDatabase, after_commit: bool
) -> None:
    brand = base.brand()
    learn(base, brand)
    ask(base, brand)
    kills = 0
    mortal.dies_after_commit = after_commit
    # Killed at one transaction after the other, each time a little later.
    for dies_at in range(1, 100):
        mortal.transactions, mortal.dies_at = 0, dies_at
        try:
            erase(base, brand, mortal)
        except Killed:
            kills += 1
        else:
            break
    assert kills > 10
    assert rows_left(base.database, brand) == {}
    assert files_of(base, brand) == []


def test_folders_without_knowledge_are_removed_and_no_others(base: KnowledgeBase) -> None:
    brand, other = base.brand(), base.brand()
    learn(base, brand)
    learn(base, other)
    (base.folder / "not a brand").mkdir()
    with base.database.transaction() as tx:  # as after a kill between the rows and the files
        for table in erased_tables():
            if table.name in ("knowledge_version", "index_snapshot"):
                tx.execute(table.delete().where(table.c.brand_id == brand))
    assert erasure.remove_left_folders(base.database, base.folder) == 1
    assert not snapshots_folder(base.folder, brand).exists()
    assert base.texts(other, QUESTION)
    assert (base.folder / "not a brand").exists()


@pytest.mark.parametrize("table", ["revision", "passage", "publication"])
def test_without_an_erasure_no_text_can_be_deleted(base: KnowledgeBase, table: str) -> None:
    brand, other = base.brand(), base.brand()
    learn(base, brand)
    ask(base, other)  # another brand's erasure opens nothing here
    with pytest.raises(IntegrityError), base.database.transaction() as tx:
        tx.execute(text(f"DELETE FROM {table} WHERE brand_id = :brand"), {"brand": brand})


# What stays


def a_suggested_ticket(base: KnowledgeBase, brand: BrandId) -> TicketId:
    with base.database.transaction() as tx:
        ticket = an_open_ticket(tx, brand, subject="The vault", text=QUESTION)
        prepare_suggestion(
            tx, base.retriever, brand=brand, ticket=ticket, weight=0.5, threshold=0.0, now=app_now(tx)
        )
    return ticket


def reply_to(base: KnowledgeBase, ticket: TicketId, *, body: str, inserted: tuple[str, ...]) -> None:
    with base.database.transaction() as tx:
        worker = a_worker(tx)
        number = claim_ticket(tx, ticket=ticket, worker=worker).number
        reply = send_reply(tx, ticket=ticket, worker=worker, number=number, body=body, now=app_now(tx))
        write_receipt(
            tx, reply=tx.get_one(Reply, (reply.brand_id, reply.id)), inserted=inserted, now=app_now(tx)
        )


def test_a_receipt_keeps_what_was_sent_and_an_unused_draft_becomes_a_silence(base: KnowledgeBase) -> None:
    with base.database.transaction() as tx:
        brand = a_brand(tx)
    base.put(brand, document(key="vault", text=SECRET, title="Vault"))
    base.put(brand, document(key="tea", text="Tea is drawn for three minutes in the kettle.", title="Tea"))
    base.index(brand)
    sent, unused = a_suggested_ticket(base, brand), a_suggested_ticket(base, brand)
    reply_to(base, sent, body=SECRET, inserted=("1",))
    ask(base, brand)
    erase(base, brand)
    with base.database.transaction() as tx:
        receipt = tx.scalars(select(Receipt)).one()
        kept = tx.scalars(select(SuggestionPassage)).all()
        silent = tx.scalars(select(Suggestion).where(Suggestion.ticket_id == unused)).one()
        assert SECRET in receipt.sent_text
        assert [(passage.suggestion_id, passage.quoted) for passage in kept] == [
            (receipt.suggestion_id, SECRET)
        ]
        assert (silent.state, silent.draft, silent.sentences) == (SuggestionState.ABSTAINED, "", [])
        assert "was erased" in silent.next_step
    assert rows_left(base.database, brand) == {}


def test_a_table_with_more_rows_than_a_slice_is_emptied(
    base: KnowledgeBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasure, "ROWS_PER_SLICE", 7)
    brand = base.brand()
    learn(base, brand)
    for number in range(30):
        base.put(brand, document(key=f"k{number}"))
    ask(base, brand)
    erase(base, brand)
    assert rows_left(base.database, brand) == {}
