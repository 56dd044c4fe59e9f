"""A receipt as its readers see it: what a reply rested on, and what became of it."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptPassage:
    article_title: str
    section_path: str
    excerpt: str
    shown: bool
    inserted: bool
    revision_label: str
    article_href: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """The one record of how a reply came to be; worker, brand and finance read the same.

    `support` says in words how much of the sent text stands in the passages, `outcome` what became of the reply and
    whose it is, empty while nothing is known; `findings` what its worker was told of the text, and sent it with.
    `generator` worded the draft; empty where its sentences were quoted.
    """

    worker_alias: str
    sent_at: datetime
    edit_summary: str
    affiliation_label: str
    support: str = ""
    passages: tuple[ReceiptPassage, ...] = ()
    abstained: bool = False
    flow: str = ""
    flow_answers: tuple[tuple[str, str], ...] = ()
    outcome: str = ""
    findings: tuple[str, ...] = ()
    generator: str = ""
