"""What is in a worker's hands, what waits for customers, what went out today, and what was never sent."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from guidance.article_credits import credits_of_worker
from guidance.correction_queries import corrected_replies
from guidance.reply_outcomes import replies_not_counted
from knowledge_base.report_queries import own_reports
from marketplace.accounts.sessions import Principal
from marketplace.kernel.clock import app_now
from marketplace.tickets import worker_queries
from marketplace.tickets.models import PoolState
from marketplace.tickets.pool_choices import worker_in_pool
from workers_ui.deps import AsWorker, HasTx
from workers_ui.frames import page, worker_frame
from workers_ui.pages.outcome_words import not_counted
from workers_ui.pages.pool_views import held_row, lost_draft, sent_row
from workers_ui.pages.report_views import corrected_row, own_line
from workers_ui.presenters.worker import AnswerCredit, MinePage

router = APIRouter()


@router.get("/worker/mine")
def show_mine(request: Request, tx: HasTx, worker: AsWorker) -> HTMLResponse:
    now = app_now(tx)
    principal: Principal = request.state.principal
    held = worker_queries.held_tickets(tx, worker=worker, now=now)
    sent = worker_queries.sent_since(tx, worker=worker, since=day_began(now, principal.time_zone))
    here = worker_in_pool(tx, worker)
    view = MinePage(
        frame=worker_frame(request, tx, here),
        claims=tuple(held_row(one) for one in held if one.state is PoolState.CLAIMED),
        in_review=tuple(held_row(one) for one in held if one.state is PoolState.IN_REVIEW),
        waiting_on_customer=tuple(held_row(one) for one in held if one.state is PoolState.ANSWERED),
        sent_today=tuple(sent_row(one) for one in sent),
        lost_drafts=tuple(lost_draft(one) for one in worker_queries.unsent_texts(tx, worker=worker, now=now)),
        corrected=tuple(corrected_row(one) for one in corrected_replies(tx, worker=worker)),
        not_counted=tuple(not_counted(one) for one in replies_not_counted(tx)),
        reports=tuple(own_line(one) for one in own_reports(tx, worker=worker)),
        credits=tuple(
            AnswerCredit(
                title=one.title,
                brand=one.brand,
                credited_at=one.credited_at,
                published_at=one.published_at,
            )
            for one in credits_of_worker(tx, worker=worker)
        ),
        claim_cap=sum(room.cap for room in here.rooms),
    )
    return page(request, view)


def day_began(now: datetime, zone: str, *, days_ago: int = 0) -> datetime:
    """Midnight of today, or of some days ago, in a person's time zone."""
    today = now.astimezone(ZoneInfo(zone)).date() - timedelta(days=days_ago)
    return datetime(today.year, today.month, today.day, tzinfo=ZoneInfo(zone)).astimezone(UTC)
