"""Demo brands and real input as one shape: knowledge files, tickets, follow-ups."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from guidance.voice import Formality, Voice
from knowledge_base.reading.apart import read_all_apart
from knowledge_base.reading.formats import ACCEPTED, ENDINGS

DEMO = Path(__file__).parent / "demo_content"
FORMALITIES = {"warm": Formality.FRIENDLY, "formal": Formality.FORMAL, "playful": Formality.CASUAL}
SUBJECT_CHARACTERS = 120
DOCS = "docs.jsonl"


class NoSuchContent(Exception):
    """There is no knowledge or ticket file at that path."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedCategory:
    key: str
    name: str
    price_minor: int
    is_default: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedBrand:
    """A brand with everything it brings along."""

    slug: str
    name: str
    currency: str
    time_zone: str
    voice: Voice
    categories: tuple[PlannedCategory, ...]
    files: tuple[tuple[str, bytes], ...]
    tickets: tuple[dict[str, Any], ...]
    follow_ups: tuple[dict[str, Any], ...] = ()
    flows: tuple[str, ...] = ()


def demo_brands() -> list[PlannedBrand]:
    """The three fictional brands of this package."""
    return [_demo_brand(folder) for folder in sorted(DEMO.iterdir()) if (folder / "brand.json").exists()]


def brand_from(knowledge: Path, tickets: Path | None) -> PlannedBrand:
    """One brand over real input: a folder of Markdown and HTML, or a docs.jsonl; without tickets, the
    articles' titles are asked. Raises NoSuchContent."""
    files = tuple(_knowledge_files(knowledge))
    asked = tuple(_tickets(tickets)) if tickets else tuple(_titles(files))
    if not files or not asked:
        raise NoSuchContent(f"{knowledge} holds nothing to read: no {ACCEPTED}.")
    return PlannedBrand(
        slug="own-brand",
        name="Own Brand",
        currency="usd",
        time_zone="UTC",
        voice=Voice(greeting="Hello {customer_name},", sign_off="Kind regards"),
        categories=(PlannedCategory(key="general", name="General", price_minor=250, is_default=True),),
        files=files,
        tickets=asked,
    )


def _demo_brand(folder: Path) -> PlannedBrand:
    told = json.loads((folder / "brand.json").read_text(encoding="utf-8"))
    return PlannedBrand(
        slug=told["slug"],
        name=told["name"],
        currency=told["currency"],
        time_zone=told["time_zone"],
        voice=_voice(told),
        categories=tuple(
            PlannedCategory(
                key=one["key"],
                name=one["name"],
                price_minor=one["price_minor"],
                is_default=one.get("default", False),
            )
            for one in told["categories"]
        ),
        files=tuple((path.name, path.read_bytes()) for path in sorted((folder / "articles").glob("*.md"))),
        tickets=tuple(_lines(folder / "tickets.jsonl")),
        follow_ups=tuple(_lines(folder / "follow_ups.jsonl")),
        flows=tuple(path.read_text(encoding="utf-8") for path in sorted((folder / "flows").glob("*.yaml"))),
    )


def _voice(told: dict[str, Any]) -> Voice:
    voice = told["voice"]
    return Voice(
        greeting=voice["greeting"],
        sign_off=voice["sign_off"],
        words_to_avoid=tuple(voice["words_to_avoid"]),
        words_to_use=tuple(voice["words_to_use"]),
        formality=FORMALITIES[voice["formality"]],
        description=voice["description"],
        allowed_link_domains=tuple(told["allowed_link_domains"]),
        sample_replies=tuple(voice["sample_replies"]),
    )


def _knowledge_files(knowledge: Path) -> Iterator[tuple[str, bytes]]:
    if knowledge.is_file():
        yield knowledge.name, knowledge.read_bytes()
        return
    if not knowledge.is_dir():
        raise NoSuchContent(f"There is nothing at {knowledge}.")
    if (knowledge / DOCS).is_file():
        yield DOCS, (knowledge / DOCS).read_bytes()
        return
    for path in sorted(knowledge.rglob("*")):
        if path.suffix.lower() in ENDINGS and path.is_file():
            yield str(path.relative_to(knowledge)), path.read_bytes()


def _titles(files: Sequence[tuple[str, bytes]]) -> Iterator[dict[str, Any]]:
    documents = (document for reading in read_all_apart(files) for document in reading.documents)
    for number, document in enumerate(documents, start=1):
        yield {"id": f"title-{number}", "text": document.title}


def _tickets(path: Path) -> Iterator[dict[str, Any]]:
    if not path.is_file():
        raise NoSuchContent(f"There is no ticket file at {path}.")
    yield from _lines(path)


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def as_posted(ticket: dict[str, Any]) -> dict[str, Any]:
    """A ticket line as the API takes it."""
    text = str(ticket["text"])
    customer = ticket.get("customer") or {}
    posted = {
        "external_id": str(ticket["id"]),
        "subject": str(ticket.get("subject") or text)[:SUBJECT_CHARACTERS].strip() or "Question",
        "text": text,
        "context": str(ticket.get("context") or "")[:20_000],
        "channel": ticket.get("channel", "email"),
        "language": ticket.get("language", "en"),
        "category": ticket.get("category"),
        "priority": ticket.get("priority", 0),
        "customer": {key: customer[key] for key in ("name", "email") if customer.get(key)},
    }
    return posted
