"""A run of passages that was indexed together: their ids, vectors and words, as three files and in memory."""

from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

import numpy as np
import numpy.typing as npt

from knowledge_base.index.article_members import ArticleMembers
from knowledge_base.index.embedder import Vectors
from knowledge_base.index.lexical_index import Counts, Hashes, LexicalIndex, Positions
from knowledge_base.index.vector_index import VectorIndex
from marketplace.kernel.ids import ArticleId, PassageId

VECTOR_FILE = "vectors.faiss"
ID_FILE = "passages.bin"
WORD_FILE = "words.npz"
_ID_BYTES = 16
_ROW_BYTES = 2 * _ID_BYTES
_LEAST_LENGTH = 1e-9


class Part:
    """Positions count from 0 within the part. Never changed, so safe to search from several threads."""

    def __init__(self, ids: bytes, vectors: VectorIndex, words: LexicalIndex) -> None:
        """Raises ValueError when the three are not about the same number of passages."""
        if not len(ids) // _ROW_BYTES == len(vectors) == words.texts:
            raise ValueError("ids, vectors and words of different numbers of passages")
        self._ids = ids
        self._members = ArticleMembers(_article_ids(ids))
        self.vectors = vectors
        self.words = words
        self.nbytes = len(ids) + self._members.nbytes + vectors.nbytes + words.nbytes

    def __len__(self) -> int:
        return len(self.vectors)

    def passage_id(self, position: int) -> PassageId:
        return PassageId(self._id(position * _ROW_BYTES))

    def article_id(self, position: int) -> ArticleId:
        return ArticleId(self._id(position * _ROW_BYTES + _ID_BYTES))

    def dense_likeness(self, query: Vectors, positions: Positions) -> Vectors:
        """Half the cosine with each passage, half that with the mean of its article's."""
        article = self._members.of(positions)
        vectors = self.vectors.at(article.passages)
        means = np.add.reduceat(vectors, article.starts)
        whole = means @ query / np.maximum(np.linalg.norm(means, axis=1), _LEAST_LENGTH)
        own = self.vectors.at(positions) @ query
        return np.asarray((own + whole[article.article_of]) / 2, dtype=np.float32)

    def lexical_likeness(self, hashes: Hashes, counts: Counts, positions: Positions) -> Vectors:
        """Half the BM25 score of each passage, half its article's: the best that each word has there."""
        article = self._members.of(positions)
        gives = self.words.scores_at(hashes, counts, article.passages)
        whole = np.maximum.reduceat(gives, article.starts, axis=1).sum(axis=0)
        own = self.words.scores_at(hashes, counts, positions).sum(axis=0)
        return np.asarray((own + whole[article.article_of]) / 2, dtype=np.float32)

    def _id(self, begin: int) -> UUID:
        return UUID(bytes=self._ids[begin : begin + _ID_BYTES])


def _article_ids(ids: bytes) -> npt.NDArray[np.void]:
    return np.frombuffer(ids, dtype=f"V{_ID_BYTES}").reshape(-1, 2)[:, 1]


def write_part(
    folder: Path,
    *,
    ids: Sequence[PassageId],
    article_ids: Sequence[ArticleId],
    texts: Sequence[str],
    vectors: Vectors,
    average_words: float | None = None,
) -> float:
    """Write the part's files into `folder`, which is made; returns the average its words are weighed by."""
    folder.mkdir()
    rows = (passage.bytes + article.bytes for passage, article in zip(ids, article_ids, strict=True))
    (folder / ID_FILE).write_bytes(b"".join(rows))
    index = VectorIndex(vectors.shape[1])
    index.add(vectors)
    (folder / VECTOR_FILE).write_bytes(index.to_bytes())
    words = LexicalIndex.build(texts, average_words=average_words)
    words.save(folder / WORD_FILE)
    return words.average_words


def read_part(folder: Path) -> Part:
    """What `write_part` wrote. Check the checksums first."""
    return Part(
        (folder / ID_FILE).read_bytes(),
        VectorIndex.from_bytes((folder / VECTOR_FILE).read_bytes()),
        LexicalIndex.load(folder / WORD_FILE),
    )


def passages_of(folder: Path) -> set[bytes]:
    """The ids of a part's passages, as bytes."""
    ids = (folder / ID_FILE).read_bytes()
    return {ids[begin : begin + _ID_BYTES] for begin in range(0, len(ids), _ROW_BYTES)}
