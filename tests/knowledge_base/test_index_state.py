"""What is told of an index: how far its vectors are, what was damaged, and who rolled it back and why."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import select

from knowledge_base.index.bulk_work import PASSAGES_PER_BATCH
from knowledge_base.index.commands import NoReason, NothingToRollBackTo, roll_back_index
from knowledge_base.index.shelf import snapshots_folder
from knowledge_base.queries import IndexStatus, damaged_indexes, index_status
from marketplace.events.models import Event
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Scope
from marketplace.kernel.ids import BrandId
from tests.fakes import BrokenEmbedder, WordHashEmbedder
from tests.knowledge_base.conftest import KnowledgeBase, Open, document


def _status(base: KnowledgeBase, brand: BrandId) -> IndexStatus:
    with base.database.transaction(Scope(brand=brand)) as tx:
        return index_status(tx, brand=brand)


def _told(base: KnowledgeBase, brand: BrandId, kind: str) -> list[dict[str, object]]:
    with base.database.transaction(Scope(brand=brand)) as tx:
        bodies = tx.scalars(
            select(Event.body).where(Event.brand_id == brand, Event.kind == kind).order_by(Event.id)
        )
        return [dict(body) for body in bodies]


def _fill(base: KnowledgeBase, brand: BrandId, count: int) -> None:
    for number in range(count):
        base.put(brand, document(key=f"a{number}", text=f"Answer number {number} about topic{number}."))


def _roll_back(base: KnowledgeBase, brand: BrandId, reason: str = "Prices were imported wrong.") -> int:
    with base.database.transaction(Scope(brand=brand)) as tx:
        return roll_back_index(tx, brand, by=None, reason=reason, now=app_now(tx))


class TestProgress:
    def test_every_batch_says_how_many_of_how_many_have_vectors(
        self, base: KnowledgeBase, brand: BrandId
    ) -> None:
        _fill(base, brand, 2 * PASSAGES_PER_BATCH + 5)

        base.index(brand)

        total = 2 * PASSAGES_PER_BATCH + 5
        told = _told(base, brand, "index_advanced")
        assert [step["encoded"] for step in told] == [PASSAGES_PER_BATCH, 2 * PASSAGES_PER_BATCH, total]
        assert {step["to_encode"] for step in told} == {total}
        assert (_status(base, brand).encoded, _status(base, brand).to_encode) == (total, total)

    def test_a_build_that_was_broken_off_goes_on_where_it_stood(
        self, base: KnowledgeBase, brand: BrandId, embedder: WordHashEmbedder
    ) -> None:
        _fill(base, brand, 2 * PASSAGES_PER_BATCH)
        embedder.fails_after = 1
        with pytest.raises(BrokenEmbedder):
            base.index(brand)
        assert _status(base, brand).encoded == PASSAGES_PER_BATCH
        embedder.fails_after = None

        base.index(brand)

        assert len(embedder.encoded) == len(set(embedder.encoded)) == 2 * PASSAGES_PER_BATCH
        assert _status(base, brand).encoded == 2 * PASSAGES_PER_BATCH

    def test_a_build_killed_in_the_middle_encodes_nothing_again_that_was_committed(
        self, base: KnowledgeBase, brand: BrandId, embedder: WordHashEmbedder, database_url: str
    ) -> None:
        _fill(base, brand, 3 * PASSAGES_PER_BATCH)
        process = subprocess.Popen(
            [sys.executable, "-c", _BUILDER, database_url, str(brand), str(base.folder)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "second batch\n"

        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()
        before = _status(base, brand)
        base.index(brand)

        assert (before.encoded, before.indexed) == (PASSAGES_PER_BATCH, 0)
        assert len(embedder.encoded) == 2 * PASSAGES_PER_BATCH
        assert base.texts(brand, "topic7")[0] == "Answer number 7 about topic7."

    def test_a_start_without_changes_encodes_nothing(
        self, base: KnowledgeBase, open_base: Open, brand: BrandId
    ) -> None:
        _fill(base, brand, 3)
        base.index(brand)
        started = WordHashEmbedder()

        assert open_base(started).index(brand) is None
        assert started.encoded == []


_BUILDER = """
import sys
from pathlib import Path
from uuid import UUID

from knowledge_base.index.building import build_index
from knowledge_base.index.bulk_work import LocalWork
from marketplace.kernel.db import Database, Role
from tests.fakes import WordHashEmbedder
from workers_ui.bootstrap import same_transaction_bus


class Stuck(WordHashEmbedder):
    def encode(self, texts):
        if self.encoded:
            print("second batch", flush=True)
            sys.stdin.read() or __import__("time").sleep(60)
        return super().encode(texts)


database = Database(
    sys.argv[1], role=Role.BACKGROUND, connections=2, shared={"bus": same_transaction_bus()}
)
build_index(database, UUID(sys.argv[2]), bulk=LocalWork(Stuck()), folder=Path(sys.argv[3]))
"""


class TestDamage:
    @pytest.mark.parametrize("harm", ["cut off", "one bit turned", "deleted", "another brand's"])
    @pytest.mark.parametrize(
        "file", ["manifest.json", "main/passages.bin", "main/vectors.faiss", "main/words.npz"]
    )
    def test_a_torn_file_is_told_and_built_again_from_the_database(
        self, base: KnowledgeBase, open_base: Open, brand: BrandId, file: str, harm: str
    ) -> None:
        other = base.brand()
        for owner in (brand, other):
            base.put(owner, document(text=f"Send the kettle back to {owner}."))
            base.index(owner)
        theirs = snapshots_folder(base.folder, other) / "1" / file
        _harm(snapshots_folder(base.folder, brand) / "1" / file, harm, other=theirs)
        restarted = open_base()

        with pytest.raises(Exception, match="being indexed"):
            restarted.search(brand, "kettle")

        assert _status(base, brand).damaged
        assert [fact["number"] for fact in _told(base, brand, "index_damaged")] == [1]
        with base.database.transaction() as tx:
            assert [(owner, bool(said)) for owner, said in damaged_indexes(tx)] == [(brand, True)]
        restarted.index(brand)
        assert restarted.texts(brand, "kettle") == [f"Send the kettle back to {brand}."]
        assert not _status(base, brand).damaged
        assert _status(base, brand).damaged_at is not None
        with base.database.transaction() as tx:
            assert damaged_indexes(tx) == []

    def test_two_brands_whose_folders_were_swapped_are_both_built_again_and_never_mixed(
        self, base: KnowledgeBase, open_base: Open
    ) -> None:
        brands = [base.brand(), base.brand()]
        for owner in brands:
            base.put(owner, document(text=f"Send the kettle back to {owner}."))
            base.index(owner)
        one, two = (snapshots_folder(base.folder, owner) for owner in brands)
        aside = base.folder / "aside"
        one.rename(aside)
        two.rename(one)
        aside.rename(two)
        restarted = open_base()

        for owner in brands:
            with pytest.raises(Exception, match="being indexed"):
                restarted.search(owner, "kettle")
            restarted.index(owner)

        assert [restarted.texts(owner, "kettle") for owner in brands] == [
            [f"Send the kettle back to {owner}."] for owner in brands
        ]

    def test_damage_found_by_many_searches_is_told_once(
        self, base: KnowledgeBase, open_base: Open, brand: BrandId
    ) -> None:
        base.put(brand, document())
        base.index(brand)
        shutil.rmtree(snapshots_folder(base.folder, brand))
        restarted = open_base()

        for _ in range(3):
            with pytest.raises(Exception, match="being indexed"):
                restarted.search(brand, "kettle")

        assert len(_told(base, brand, "index_damaged")) == 1


def _harm(file: Path, harm: str, *, other: Path) -> None:
    content = file.read_bytes()
    match harm:
        case "cut off":
            file.write_bytes(content[: len(content) // 2])
        case "one bit turned":
            middle = len(content) // 2
            file.write_bytes(content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])
        case "deleted":
            file.unlink()
        case "another brand's":
            file.write_bytes(other.read_bytes())


class TestRollingBack:
    def test_the_snapshot_before_serves_until_the_next_is_built(
        self, base: KnowledgeBase, open_base: Open, brand: BrandId
    ) -> None:
        base.put(brand, document(key="old", text="Old kettle."))
        base.index(brand)
        base.put(brand, document(key="new", text="New kettle."))
        base.index(brand)

        assert _roll_back(base, brand) == 1

        for process in (base, open_base()):
            found = process.search(brand, "kettle")
            assert (found.snapshot, [one.text for one in found.passages]) == (1, ["Old kettle."])
        assert base.index(brand) is None
        status = _status(base, brand)
        assert status.rolled_back_at is not None
        assert (status.rolled_back_reason, status.passages) == ("Prices were imported wrong.", 1)
        base.put(brand, document(key="newer", text="Newer kettle."))
        base.index(brand)
        assert sorted(base.texts(brand, "kettle")) == ["New kettle.", "Newer kettle.", "Old kettle."]
        assert _status(base, brand).rolled_back_at is None

    def test_who_and_why_stay_on_record(self, base: KnowledgeBase, brand: BrandId) -> None:
        for text in ("One.", "Two."):
            base.put(brand, document(text=text))
            base.index(brand)

        _roll_back(base, brand, reason="  Prices were\n imported wrong. ")

        expected = {"number": 2, "to": 1, "by": None, "reason": "Prices were imported wrong."}
        assert _told(base, brand, "index_rolled_back") == [expected]

    def test_a_text_retired_since_stays_hidden(self, base: KnowledgeBase, brand: BrandId) -> None:
        base.put(brand, document(key="gone", text="Gone kettle."))
        base.put(brand, document(key="kept", text="Kept kettle."))
        base.index(brand)
        base.delete(brand, "gone")
        base.index(brand)

        _roll_back(base, brand)

        assert base.texts(brand, "kettle") == ["Kept kettle."]

    def test_without_an_earlier_snapshot_it_is_refused(self, base: KnowledgeBase, brand: BrandId) -> None:
        with pytest.raises(NothingToRollBackTo):
            _roll_back(base, brand)
        for text in ("One.", "Two."):
            base.put(brand, document(text=text))
            base.index(brand)
        _roll_back(base, brand)
        with pytest.raises(NothingToRollBackTo):
            _roll_back(base, brand)

    @pytest.mark.parametrize("reason", ["", " \n", "x" * 501])
    def test_a_reason_is_needed(self, base: KnowledgeBase, brand: BrandId, reason: str) -> None:
        for text in ("One.", "Two."):
            base.put(brand, document(text=text))
            base.index(brand)
        with pytest.raises(NoReason):
            _roll_back(base, brand, reason=reason)


class TestNoBlindWindow:
    def test_searches_in_another_process_find_the_same_answer_through_twenty_swaps(
        self, base: KnowledgeBase, brand: BrandId, database_url: str
    ) -> None:
        base.put(brand, document(key="one", text="Send the kettle back."))
        base.put(brand, document(key="two", text="The kettle has a lid."))
        base.index(brand)
        searcher = subprocess.Popen(
            [sys.executable, "-c", _SEARCHER, database_url, str(brand), str(base.folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert searcher.stdin is not None
        assert searcher.stdout is not None
        assert searcher.stdout.readline() == "searching\n"

        for number in range(20):
            base.put(brand, document(key="other", title="Other", text=f"Opening hours, version {number}."))
            base.index(brand)

        said, _ = searcher.communicate("stop\n", timeout=60)
        assert searcher.returncode == 0, said
        snapshots = [int(number) for number in said.split()]
        assert len(snapshots) > 2
        assert snapshots == sorted(snapshots)


_SEARCHER = """
import sys
from pathlib import Path
from threading import Thread
from uuid import UUID

from knowledge_base.index.building import rebuild_on_damage
from knowledge_base.index.hybrid import Query
from knowledge_base.index.retrieval import Retriever
from knowledge_base.index.shelf import LocalShelf
from marketplace.kernel.db import Database, Role, Scope
from tests.fakes import WordHashEmbedder
from workers_ui.bootstrap import same_transaction_bus

database = Database(
    sys.argv[1], role=Role.BACKGROUND, connections=2, shared={"bus": same_transaction_bus()}
)
brand, embedder = UUID(sys.argv[2]), WordHashEmbedder()
retriever = Retriever(
    shelf=LocalShelf(Path(sys.argv[3])), load_embedder=lambda: embedder, report_damage=rebuild_on_damage(database)
)
stopping = Thread(target=sys.stdin.readline)
stopping.start()
seen = []
while stopping.is_alive():
    with database.transaction(Scope(brand=brand)) as tx:
        found = retriever.search(tx, brand=brand, query=Query.of(["kettle"]), weight=0.5, top=2)
    keys = {passage.article_key for passage in found.passages}
    if keys != {"one", "two"}:
        sys.exit(f"snapshot {found.snapshot} gave {keys}")
    if not seen:
        print("searching", flush=True)
    if not seen or seen[-1] != found.snapshot:
        seen.append(found.snapshot)
print(*seen, flush=True)
"""
