"""Lanes: channel, language and skill in one word. Who may claim a ticket, and who hears of it, follows from its lane.

The database makes them (`lane_of`, `worker_lanes` in the migrations), for tickets and workers.
"""

from collections.abc import Mapping, Sequence

from marketplace.kernel.errors import Invalid

GENERAL = "general"
SKILLS: Mapping[str, str] = {
    "accounts": "Accounts and sign-in",
    "billing": "Billing and invoices",
    "orders": "Orders and delivery",
    "product": "Product advice",
    "returns": "Returns and refunds",
    "technical": "Technical problems",
}
"""The platform's vocabulary of skills. Nobody is examined: a worker says what he is good at, results decide."""


class UnknownSkill(Invalid):
    """Choose skills from the list."""


def primary_language(tag: str) -> str:
    """en-GB → en: a lane does not split a language by country."""
    return tag.split("-", 1)[0].lower()


def known_skills(skills: Sequence[str]) -> list[str]:
    """`skills` in order, each once. Raises UnknownSkill."""
    if not set(skills) <= set(SKILLS):
        raise UnknownSkill
    return sorted(set(skills))
