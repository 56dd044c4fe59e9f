"""Files of an import that are fetched: expected by their address, then kept or refused one by one."""

import hashlib
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, insert, select

from knowledge_base.drafting import plain_name
from knowledge_base.import_files import (
    MAX_IMPORT_BYTES,
    check_held,
    files_read,
    locked_import,
    of_import,
    queue_import,
    tell,
)
from knowledge_base.import_models import FileState, ImportFile, ImportPart, KnowledgeImport
from knowledge_base.problems import Problem
from knowledge_base.reading.documents import MAX_KEY_CHARACTERS
from knowledge_base.reading.parts import parts
from knowledge_base.web_files import WebFile
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import TooLarge
from marketplace.kernel.ids import BrandId, ImportId

ROWS_PER_INSERT = 500
TOO_LONG = Problem(reason="Its address is longer than 500 characters.", remedy="Upload the page as a file.")


class FetchedTooMuch(TooLarge):
    """The pages of this import are larger than 100 MB together. Name a sitemap with fewer of them."""


def expect_files(
    tx: Tx, brand: BrandId, import_id: ImportId, addresses: Sequence[str], *, now: datetime
) -> list[int]:
    """Files that are to be fetched; their ordinals. An address that is too long for a key is refused."""
    first = _next_ordinal(tx, brand, import_id)
    rows = [
        _row(brand, import_id, ordinal, address, now)
        for ordinal, address in enumerate(addresses, start=first)
    ]
    _add(tx, brand, import_id, rows, now)
    return [row["ordinal"] for row in rows if isinstance(row["ordinal"], int)]


def refuse_file(
    tx: Tx, brand: BrandId, import_id: ImportId, address: str, problem: Problem, *, now: datetime
) -> None:
    """A file that nobody need ask for."""
    row = _row(brand, import_id, _next_ordinal(tx, brand, import_id), address, now)
    refused = {"state": FileState.FAILED, "reason": problem.reason, "remedy": problem.remedy}
    _add(tx, brand, import_id, [row | refused], now)


def keep_fetched(
    tx: Tx, brand: BrandId, import_id: ImportId, ordinal: int, file: WebFile, *, now: datetime
) -> None:
    """Keep what an address gave until it is read. Raises FetchedTooMuch or TooMuchHeld."""
    found = locked_import(tx, brand, import_id)
    held = select(func.coalesce(func.sum(ImportFile.bytes), 0)).where(*of_import(brand, import_id))
    if (tx.scalar(held) or 0) + len(file.content) > MAX_IMPORT_BYTES:
        raise FetchedTooMuch
    check_held(tx, brand, len(file.content))
    row = tx.get_one(ImportFile, (brand, import_id, ordinal), populate_existing=True)
    pieces = list(parts(row.name + file.ending, file.content))
    for number, piece in enumerate(pieces):
        tx.add(ImportPart(brand_id=brand, import_id=import_id, file=ordinal, ordinal=number, content=piece))
    row.ending, row.state, row.parts, row.bytes = (
        file.ending,
        FileState.QUEUED,
        len(pieces),
        len(file.content),
    )
    row.sha256, row.content_kept, row.changed_at = hashlib.sha256(file.content).hexdigest(), True, now
    _advance(tx, found, now)


def refuse_fetched(
    tx: Tx, brand: BrandId, import_id: ImportId, ordinal: int, problem: Problem, *, now: datetime
) -> None:
    """An expected file that the address did not give."""
    found = locked_import(tx, brand, import_id)
    row = tx.get_one(ImportFile, (brand, import_id, ordinal), populate_existing=True)
    row.state, row.reason, row.remedy, row.changed_at = FileState.FAILED, problem.reason, problem.remedy, now
    _advance(tx, found, now)


def close_fetched(tx: Tx, brand: BrandId, import_id: ImportId, *, now: datetime) -> None:
    """Everything has been asked for: let it be read."""
    queue_import(tx, locked_import(tx, brand, import_id), now)


def _row(brand: BrandId, import_id: ImportId, ordinal: int, address: str, now: datetime) -> dict[str, object]:
    name = plain_name(address)
    fits = len(name) <= MAX_KEY_CHARACTERS
    return {
        "brand_id": brand,
        "import_id": import_id,
        "ordinal": ordinal,
        "name": name[:MAX_KEY_CHARACTERS],
        "state": FileState.FETCHING if fits else FileState.FAILED,
        "reason": "" if fits else TOO_LONG.reason,
        "remedy": "" if fits else TOO_LONG.remedy,
        "changed_at": now,
    }


def _add(
    tx: Tx, brand: BrandId, import_id: ImportId, rows: Sequence[dict[str, object]], now: datetime
) -> None:
    found = locked_import(tx, brand, import_id)
    for start in range(0, len(rows), ROWS_PER_INSERT):
        tx.execute(insert(ImportFile), rows[start : start + ROWS_PER_INSERT])
    found.files += len(rows)
    _advance(tx, found, now)


def _next_ordinal(tx: Tx, brand: BrandId, import_id: ImportId) -> int:
    last = tx.scalar(select(func.max(ImportFile.ordinal)).where(*of_import(brand, import_id)))
    return 0 if last is None else last + 1


def _advance(tx: Tx, found: KnowledgeImport, now: datetime) -> None:
    tx.flush()
    found.files_read = files_read(tx, found)
    found.advanced_at = now
    tx.flush()
    tell(tx, found)
