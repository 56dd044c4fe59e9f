"""The real encoder, exported once and kept between runs; the tests above this folder use a quick fake."""

import uuid
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from knowledge_base.index import snapshot
from knowledge_base.index.embedder import OnnxEmbedder, prepare_model
from knowledge_base.index.snapshot import Snapshot
from marketplace.kernel.ids import ArticleId, BrandId, PassageId


@pytest.fixture(scope="session")
def prepared_model(model_dir: Path) -> Path:
    return prepare_model(model_dir)


@pytest.fixture(scope="session")
def embedder(prepared_model: Path) -> OnnxEmbedder:
    return OnnxEmbedder(prepared_model)


class SnapshotBuilder:
    """Builds a snapshot of passages; unless said otherwise each is an article of its own."""

    def __init__(self, embedder: OnnxEmbedder) -> None:
        self._embedder = embedder

    def build(self, folder: Path, texts: Sequence[str], articles: Sequence[int] | None = None) -> Snapshot:
        owners = range(len(texts)) if articles is None else articles
        snapshot.build(
            folder,
            brand=BrandId(uuid.UUID(int=7)),
            number=7,
            model=self._embedder.name,
            ids=[PassageId(uuid.UUID(int=1000 + n)) for n in range(len(texts))],
            article_ids=[ArticleId(uuid.UUID(int=owner)) for owner in owners],
            texts=texts,
            vectors=self._embedder.encode(texts) if texts else np.empty((0, 384), dtype=np.float32),
        )
        return snapshot.open_snapshot(folder)


@pytest.fixture(scope="session")
def snapshots(embedder: OnnxEmbedder) -> SnapshotBuilder:
    return SnapshotBuilder(embedder)
