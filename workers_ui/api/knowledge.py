"""A brand's knowledge as files, and searching it."""

import hashlib
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, UploadFile
from pydantic import AwareDatetime

from knowledge_base import import_files, import_queries
from knowledge_base.import_models import ImportSource
from knowledge_base.index.hybrid import Query as Question
from knowledge_base.web_pages import import_address
from marketplace.accounts.api_keys import ApiScope
from marketplace.kernel.clock import app_now
from marketplace.kernel.ids import BrandId, ImportId
from marketplace.kernel.safe_fetch import rules_of
from workers_ui.api.schemas import AddressIn, ImportOut, SearchOut
from workers_ui.deps import HasServices, HasTx, RequestKey, by_key
from workers_ui.idempotency import once

router = APIRouter(tags=["knowledge"])

Reads = Annotated[BrandId, Depends(by_key(ApiScope.KNOWLEDGE_READ))]
Writes = Annotated[BrandId, Depends(by_key(ApiScope.KNOWLEDGE_WRITE))]


@router.post("/imports", status_code=202, response_model=ImportOut)
def start_import(files: list[UploadFile], tx: HasTx, brand: Writes, key: RequestKey = None) -> dict[str, Any]:
    """Upload files of any accepted format (`.md .html .txt .pdf .docx .csv .xlsx .jsonl .zip`); they are read in the
    background, and what cannot be read is refused by name."""
    contents = [(file.filename or "unnamed", file.file.read()) for file in files]

    def act() -> dict[str, Any]:
        started = import_files.start_import(
            tx, brand=brand, files=contents, author=None, now=app_now(tx), source=ImportSource.API
        )
        return _import(import_queries.import_status(tx, brand=brand, import_id=started))

    asked = ["import", [(name, hashlib.sha256(content).hexdigest()) for name, content in contents]]
    return once(tx, principal=f"brand:{brand}", key=key, asked=asked, now=app_now(tx), act=act)


@router.post("/imports/web", status_code=202, response_model=ImportOut)
def start_web_import(
    body: AddressIn, tx: HasTx, having: HasServices, brand: Writes, key: RequestKey = None
) -> dict[str, Any]:
    """Have a page, a document or a sitemap fetched and read in the background; the same address again reads it
    again."""

    def act() -> dict[str, Any]:
        started = import_address(
            tx, brand=brand, address=body.url, author=None, now=app_now(tx), rules=rules_of(having.settings)
        )
        return _import(import_queries.import_status(tx, brand=brand, import_id=started))

    asked = ["import_web", body.url]
    return once(tx, principal=f"brand:{brand}", key=key, asked=asked, now=app_now(tx), act=act)


@router.get("/imports/{import_id}", response_model=ImportOut)
def read_import(import_id: UUID, tx: HasTx, brand: Reads) -> dict[str, Any]:
    return _import(import_queries.import_status(tx, brand=brand, import_id=ImportId(import_id)))


@router.get("/search", response_model=SearchOut)
def search(
    tx: HasTx,
    having: HasServices,
    brand: Reads,
    q: Annotated[str, Query(min_length=1, max_length=2_000)],
    as_of: AwareDatetime | None = None,
) -> SearchOut:
    """What the engine finds for a question, best first; with `as_of` in what held then or is planned to."""
    where = having.retriever if as_of is None else having.retriever.as_of(as_of)
    found = where.search(tx, brand=brand, query=Question.of([q]), weight=having.settings.hybrid_weight)
    return SearchOut(
        passages=[
            {
                "article": passage.article_key,
                "revision": passage.revision_number,
                "title": passage.title,
                "section_path": list(passage.section_path),
                "page": passage.page,
                "text": passage.text,
                "score": round(passage.score, 4),
            }
            for passage in found.passages
        ]
    )


def _import(status: import_queries.ImportStatus) -> dict[str, Any]:
    return {
        "id": str(status.id),
        "state": status.state.value,
        "files": status.files,
        "files_read": status.files_read,
        "articles": status.articles,
        "unchanged": status.unchanged,
        "refusals": [{"name": refused.name, "reason": refused.reason} for refused in status.refusals],
    }
