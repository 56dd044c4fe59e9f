"""Taking tickets back and withdrawing them, one by one or many at once, for a brand's own systems."""

from datetime import timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Response

from marketplace.accounts.api_keys import ApiScope
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import Invalid
from marketplace.kernel.ids import BrandId, BulkWithdrawalId, TicketId
from marketplace.tickets import bulk_withdrawals, queries, recalls
from marketplace.tickets.recall_models import BulkWithdrawal, Recall
from marketplace.tickets.ticket_search import TicketFilter
from workers_ui.api.recall_schemas import BulkWithdrawalIn, BulkWithdrawalOut, RecallIn, RecallOut
from workers_ui.deps import HasTx, RequestKey, by_key
from workers_ui.idempotency import once

router = APIRouter(tags=["tickets"])

Reads = Annotated[BrandId, Depends(by_key(ApiScope.TICKETS_READ))]
Writes = Annotated[BrandId, Depends(by_key(ApiScope.TICKETS_WRITE))]

BY_API = "API"


class FilterNeeded(Invalid):
    """Name a state, a category or an age: without any of them this would be every ticket you have."""


@router.post("/tickets/{ticket}/take-back", response_model=RecallOut)
def take_back(ticket: UUID, body: RecallIn, tx: HasTx, brand: Writes) -> object:
    """Answer this ticket yourself: no worker sees it any more. Whoever worked on it is paid for that."""
    recall = recalls.take_back(
        tx, brand=brand, ticket=TicketId(ticket), reason=body.reason, by=BY_API, now=app_now(tx)
    )
    return _recall(tx, recall)


@router.post("/tickets/{ticket}/withdrawal", response_model=RecallOut)
def withdraw(ticket: UUID, body: RecallIn, tx: HasTx, brand: Writes) -> object:
    """Nobody answers this ticket any more. Whoever worked on it is paid for that."""
    recall = recalls.withdraw(
        tx, brand=brand, ticket=TicketId(ticket), reason=body.reason, by=BY_API, now=app_now(tx)
    )
    return _recall(tx, recall)


@router.post("/withdrawals", status_code=202, response_model=BulkWithdrawalOut)
def withdraw_many(
    body: BulkWithdrawalIn, tx: HasTx, brand: Writes, response: Response, key: RequestKey = None
) -> object:
    """Withdraw up to 500 tickets of a filter, the oldest first; ask for their number before with `preview`.

    A job does it; `GET /withdrawals/{id}` says how far it is, and which tickets stayed and why.
    """
    age = body.older_than_hours
    which = TicketFilter(
        state=body.state,
        category=body.category,
        posted_before=None if age is None else app_now(tx) - timedelta(hours=age),
    )
    if which.is_empty:
        raise FilterNeeded
    counted = bulk_withdrawals.preview(tx, brand=brand, which=which)
    if body.preview:
        response.status_code = 200
        return _out(None, tickets=counted.tickets, is_all=counted.is_all)

    def act() -> dict[str, Any]:
        bulk = bulk_withdrawals.ask_to_withdraw(
            tx, brand=brand, which=which, reason=body.reason, by=BY_API, now=app_now(tx)
        )
        tx.flush()
        return _out(bulk, tickets=len(bulk.tickets), is_all=counted.is_all)

    asked = ["withdrawals", body.model_dump(mode="json")]
    return once(tx, principal=f"brand:{brand}", key=key, asked=asked, now=app_now(tx), act=act)


@router.get("/withdrawals/{withdrawal}", response_model=BulkWithdrawalOut)
def read_withdrawal(withdrawal: UUID, tx: HasTx, brand: Reads) -> object:
    bulk = bulk_withdrawals.bulk_withdrawal(tx, brand=brand, bulk=BulkWithdrawalId(withdrawal))
    return _out(bulk, tickets=len(bulk.tickets), is_all=True)


def _recall(tx: Tx, recall: Recall) -> dict[str, object]:
    state = queries.brand_ticket(tx, brand=recall.brand_id, ticket=recall.ticket_id).state
    return {
        "id": recall.id,
        "kind": recall.kind,
        "ticket_state": state,
        "pays": recall.pays,
        "reason": recall.reason,
        "recalled_at": recall.recalled_at,
    }


def _out(bulk: BulkWithdrawal | None, *, tickets: int, is_all: bool) -> dict[str, Any]:
    return {
        "id": str(bulk.id) if bulk else None,
        "tickets": tickets,
        "is_all": is_all,
        "done": bulk.done if bulk else 0,
        "withdrawn": bulk.withdrawn if bulk else 0,
        "refusals": bulk.refusals if bulk else [],
        "finished_at": bulk.finished_at.isoformat() if bulk and bulk.finished_at else None,
    }
