"""Searching a brand's knowledge as its own system does."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import AwareDatetime

from knowledge_base.index.hybrid import Query as Question
from marketplace.accounts.api_keys import ApiScope
from marketplace.kernel.ids import BrandId
from workers_ui.api.schemas import SearchOut
from workers_ui.deps import HasServices, HasTx, by_key

router = APIRouter(tags=["knowledge"])

Reads = Annotated[BrandId, Depends(by_key(ApiScope.KNOWLEDGE_READ))]


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
