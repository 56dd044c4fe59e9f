"""The brand's pages, gathered into one router."""

from fastapi import APIRouter
from fastapi.responses import RedirectResponse

from marketplace.kernel.errors import NotFound
from workers_ui.deps import IsSignedIn
from workers_ui.pages import (
    brand_article_acts,
    brand_article_editor,
    brand_articles,
    brand_board,
    brand_contradictions,
    brand_control,
    brand_control_replies,
    brand_corrections,
    brand_coverage,
    brand_decisions,
    brand_erasure,
    brand_flows,
    brand_funds,
    brand_gaps,
    brand_imports,
    brand_knowledge,
    brand_learning,
    brand_new_ticket,
    brand_pay,
    brand_recall,
    brand_reply_rules,
    brand_service_levels,
    brand_stages,
    brand_statements,
    brand_switches,
    brand_team,
    brand_ticket,
    brand_ticket_imports,
    brand_tickets,
    brand_voice,
    brand_wallet,
    brand_web,
    brand_withdrawals,
    brand_wrong_answers,
    control,
)
from workers_ui.pages.brand_scope import area_path, first_area

router = APIRouter()
for part in (
    brand_board,
    brand_switches,
    brand_tickets,
    brand_new_ticket,
    brand_ticket_imports,  # before a ticket's own page, whose address has any word for an id
    brand_ticket,
    brand_recall,
    brand_pay,
    brand_withdrawals,
    brand_gaps,  # before an article, whose address has any word for an id
    brand_coverage,
    brand_flows,  # before an article's own page
    brand_learning,
    brand_knowledge,
    brand_contradictions,
    brand_corrections,
    brand_web,  # before an article's own page
    brand_erasure,  # before an article's own page
    brand_imports,
    brand_wrong_answers,  # before an article's own page
    brand_article_acts,
    brand_article_editor,
    brand_articles,
    brand_statements,
    brand_wallet,
    brand_funds,
    control,
    brand_team,
    brand_stages,
    brand_service_levels,
    brand_decisions,
    brand_control,
    brand_control_replies,
    brand_reply_rules,
    brand_voice,
):
    router.include_router(part.router)


@router.get("/b/{slug}")
def brand_home(slug: str, principal: IsSignedIn) -> RedirectResponse:
    """A brand's address alone leads to the first area its member may open."""
    membership = principal.membership(slug)
    if membership is None:
        raise NotFound
    return RedirectResponse(area_path(membership, first_area(membership)), status_code=303)
