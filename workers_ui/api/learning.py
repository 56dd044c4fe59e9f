"""What a brand's resolved tickets taught its suggestions, for its own systems."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from guidance.learning_models import TuningCause
from guidance.learning_queries import threshold_of, tuning_versions
from marketplace.accounts.api_keys import ApiScope
from marketplace.kernel.ids import BrandId
from workers_ui.deps import HasServices, HasTx, by_key

router = APIRouter(tags=["knowledge"])

Reads = Annotated[BrandId, Depends(by_key(ApiScope.KNOWLEDGE_READ))]


class LearnedOut(BaseModel):
    """`figures` are of held-out tickets, `before` and `after` the change; empty when too few could judge."""

    version: int
    cause: TuningCause
    returned_to: int | None
    tickets: int
    tuning: dict[str, Any]
    figures: dict[str, dict[str, float]]
    made_at: datetime


class LearningOut(BaseModel):
    """The newest version is used; suggestions are shown from `threshold` confidence on."""

    threshold: float
    versions: list[LearnedOut]


@router.get("/learning", response_model=LearningOut)
def read_learning(tx: HasTx, brand: Reads, services: HasServices) -> dict[str, Any]:
    """The newest 30 versions of what was learned, the newest first."""
    return {
        "threshold": threshold_of(tx, brand=brand, otherwise=services.settings.answer_threshold),
        "versions": [
            {field: getattr(line.row, field) for field in LearnedOut.model_fields}
            for line in tuning_versions(tx, brand=brand)
        ],
    }
