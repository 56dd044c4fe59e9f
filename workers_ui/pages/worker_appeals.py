"""A worker appeals against a rejection of his pay; a suspended one too."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from billing import appeals
from marketplace.kernel.clock import app_now
from marketplace.kernel.errors import Conflict, Invalid
from marketplace.kernel.ids import RejectionId
from workers_ui.deps import CheckedForm, EvenSuspended, HasServices, HasTx, as_uuid
from workers_ui.errors import status_of
from workers_ui.frames import page
from workers_ui.pages.answers import see
from workers_ui.pages.typed_text import typed_lines
from workers_ui.pages.worker_earnings import earnings_page
from workers_ui.presenters.values import FormState

router = APIRouter()


@router.post("/worker/earnings/rejections/{rejection}/appeal", dependencies=[CheckedForm])
def appeal(
    request: Request,
    tx: HasTx,
    worker: EvenSuspended,
    having: HasServices,
    rejection: str,
    said: Annotated[str, Form(max_length=20_000)] = "",
) -> Response:
    words = typed_lines(said)
    try:
        appeals.appeal(
            tx, worker=worker, rejection=RejectionId(as_uuid(rejection)), said=words, now=app_now(tx)
        )
    except (Invalid, Conflict) as error:
        form = FormState(values={"said": words}, problem=error.detail)
        return page(request, earnings_page(request, tx, worker, having, form=form), status=status_of(error))
    return see("/worker/earnings", said="Your appeal is sent. You read the answer here, beside the line.")
