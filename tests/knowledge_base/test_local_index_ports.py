"""One machine keeps what the ports of the index and of reading promise."""

from pathlib import Path

import pytest

from knowledge_base.index.bulk_work import BulkWork, LocalWork
from knowledge_base.index.shelf import IndexShelf, LocalShelf
from knowledge_base.reading.reader import LocalReader, Reader
from tests.fakes import WordHashEmbedder
from tests.knowledge_base.contracts.bulk_contract import BulkContract
from tests.knowledge_base.contracts.library import Library
from tests.knowledge_base.contracts.reader_contract import ReaderContract
from tests.knowledge_base.contracts.shelf_contract import ShelfContract


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(folder=tmp_path / "index")


class TestLocalShelf(ShelfContract):
    @pytest.fixture
    def shelf(self, library: Library) -> IndexShelf:
        return LocalShelf(library.folder)


class TestLocalWork(BulkContract):
    @pytest.fixture
    def bulk(self, embedder: WordHashEmbedder) -> BulkWork:
        return LocalWork(embedder)


class TestLocalReader(ReaderContract):
    @pytest.fixture
    def reader(self) -> Reader:
        return LocalReader()
