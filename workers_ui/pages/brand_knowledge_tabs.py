"""The parts of a brand's knowledge, with what waits in each."""

from guidance.correction_queries import count_unsent
from guidance.flows import offered_flows
from guidance.gap_queries import ON_THE_LIST, count_gaps
from knowledge_base import queries
from knowledge_base.contradictions import count_contradictions
from knowledge_base.report_queries import count_undecided
from knowledge_base.verification import reminders
from knowledge_base.web_pages import count_sources
from marketplace.accounts.sessions import Membership
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Tx
from workers_ui.pages.brand_scope import area_path
from workers_ui.presenters.values import FilterTab


def knowledge_tabs(tx: Tx, membership: Membership, *, current: str) -> tuple[FilterTab, ...]:
    """`current` is the last part of the page's address; the articles themselves have none."""
    base, brand = area_path(membership, "knowledge"), membership.brand
    counted = count_gaps(tx, brand=brand)
    tabs = (
        ("", "Articles", queries.holdings(tx, brand=brand).articles),
        ("web", "From the web", count_sources(tx, brand=brand)),
        ("flows", "Flows", len(offered_flows(tx, brand=brand))),
        ("gaps", "Gaps", sum(counted.get(state, 0) for state in ON_THE_LIST)),
        ("coverage", "Coverage", None),
        ("learning", "Learning", None),
        ("wrong", "Reported wrong", count_undecided(tx, brand=brand)),
        ("corrections", "Corrections", count_unsent(tx, brand=brand)),
        ("checks", "To check", len(reminders(tx, brand=brand, now=app_now(tx)))),
        ("contradictions", "Contradictions", count_contradictions(tx, brand=brand)),
    )
    return tuple(
        FilterTab(label=label, href=f"{base}/{part}" if part else base, count=count, current=part == current)
        for part, label, count in tabs
    )
