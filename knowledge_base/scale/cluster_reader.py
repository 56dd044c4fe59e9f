"""Reading files on the cluster, as Ray Data. Each node parses in limited children, as this machine does."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, TypeAlias, cast

import ray.data
import structlog
from ray.exceptions import RayError

from knowledge_base.reading.apart import read_all_apart
from knowledge_base.reading.reader import NamedFile, Portion, Reader
from knowledge_base.reading.wire import Garbled, Reading, packed, unpacked
from knowledge_base.scale.connection import JOIN_SECONDS, Connection
from knowledge_base.scale.pool import Pool

log = structlog.get_logger()

WORTH_READING_FILES = 500
WORTH_READING_BYTES = 8_000_000
"""Fewer and smaller files are read here before a cluster has begun."""

AT_ONCE = Portion(files=2_000, content_bytes=64_000_000)
MAX_READERS = 64
READ_RETRIES = 20
"""The loss of a node uses several up while its reader is on the way to another. A file that ends more than its child is
not tried on node after node for ever: this machine reads on."""

Read: TypeAlias = Callable[[Sequence[NamedFile]], Iterable[Reading]]


class ClusterReader:
    """A Reader on a cluster. What is little is read here, and so is whatever does not come back from there."""

    def __init__(
        self,
        connection: Connection,
        *,
        local: Reader,
        read: Read = read_all_apart,
        worth_files: int = WORTH_READING_FILES,
        worth_bytes: int = WORTH_READING_BYTES,
        readers: int = MAX_READERS,
    ) -> None:
        """`read` is what each of at most `readers` processes of the nodes does with its files."""
        self._connection = connection
        self._local = local
        self._read = read
        self._worth_files = worth_files
        self._worth_bytes = worth_bytes
        self._readers = readers

    @property
    def portion(self) -> Portion:
        return AT_ONCE

    def read(self, files: Sequence[NamedFile]) -> Iterator[Reading]:
        done = 0
        if self._is_worth_it(files) and self._connection.wait(JOIN_SECONDS):
            try:
                for position, reading in _read_there(files, self._read, self._readers):
                    # One that was lost and made anew may come twice.
                    if position == done:
                        yield reading
                        done += 1
            except (RayError, Garbled) as fault:
                log.warning("cluster.reading_stopped", reason=str(fault), consequence="this machine reads on")
        yield from self._local.read(files[done:])

    def _is_worth_it(self, files: Sequence[NamedFile]) -> bool:
        content_bytes = sum(len(content) for _, content in files)
        return bool(files) and (len(files) >= self._worth_files or content_bytes >= self._worth_bytes)


def _read_there(files: Sequence[NamedFile], read: Read, most: int) -> Iterator[tuple[int, Reading]]:
    """In the order of the files, so that what waits for its turn waits on the nodes, not in this process."""
    pool = Pool.for_rows(len(files), most)
    rows = [
        {"position": position, "name": name, "content": content}
        for position, (name, content) in enumerate(files)
    ]
    readings = ray.data.from_items(rows, override_num_blocks=pool.blocks).map_batches(
        cast(Any, _FileReader),
        fn_constructor_args=(read,),
        batch_size=None,
        batch_format="pyarrow",
        num_cpus=1,
        compute=pool.strategy,
        max_task_retries=READ_RETRIES,
    )
    readings.context.execution_options.preserve_order = True
    for row in readings.iter_rows():
        [reading] = unpacked(row["reading"], files=1)
        yield row["position"], replace(reading, peak_bytes=row["peak_bytes"])


class _FileReader:
    """One process of a node; its children parse."""

    def __init__(self, read: Read) -> None:
        self._read = read

    def __call__(self, batch: Any) -> Iterator[dict[str, list[Any]]]:
        rows = batch.to_pylist()
        readings = self._read([(row["name"], row["content"]) for row in rows])
        for row, reading in zip(rows, readings, strict=True):
            yield {
                "position": [row["position"]],
                "reading": [packed([reading.outcomes])],
                "peak_bytes": [reading.peak_bytes],
            }
