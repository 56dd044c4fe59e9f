"""The demo content is what a new user sees first, so its promises to the seeder are held here."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

import pytest
import yaml

DEMO_CONTENT = Path(__file__).parents[2] / "workers_ui" / "demo_content"
BRANDS = ("tamberlark", "varnmere", "wickermoth")
ARTICLES_AT_LEAST = 26
TICKETS_AT_LEAST = 24
SECTIONS_AT_LEAST = 2
WORDS_TO_AVOID_AT_LEAST = 8
CATEGORIES = range(5, 8)
SAMPLE_REPLIES = range(2, 4)
INJECTION_ATTEMPTS = range(1, 3)
FOLLOW_UPS = range(4, 6)
ARTICLE_WORDS = range(150, 451)
PRICE_MINOR = range(180, 421)
UNANSWERABLE_SHARE = (0.15, 0.20)
WORD = re.compile(r"\b[\w'-]+\b")
EMAIL_DOMAIN = re.compile(r"[\w.+-]+@([\w.-]+\w)")
CARD_NUMBER = re.compile(r"\b(?:\d[ -]?){13,19}\b")
PHONE_NUMBER = re.compile(r"\b(?:\d{3}-)?(\d{3})-(\d{4})\b")
# Articles are quoted sentence by sentence, so a sentence must not lean on its place in the page.
LEANING = re.compile(r"\b(see (above|below)|mentioned above|as (above|below)|listed (above|below))\b", re.I)


class Category(TypedDict):
    key: str
    name: str
    price_minor: int
    default: bool


class Voice(TypedDict):
    greeting: str
    sign_off: str
    words_to_avoid: list[str]
    words_to_use: list[str]
    formality: str
    description: str
    sample_replies: list[str]


class Brand(TypedDict):
    slug: str
    name: str
    currency: str
    time_zone: str
    language: str
    allowed_link_domains: list[str]
    voice: Voice
    categories: list[Category]


class Customer(TypedDict):
    name: str
    email: str


class Ticket(TypedDict):
    id: str
    subject: str
    text: str
    channel: str
    language: str
    category: str | None
    customer: Customer
    priority: int
    expected: str | None


class FollowUp(TypedDict):
    ticket: str
    text: str
    expected: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Article:
    file: str
    title: str
    key: str
    category: str
    body: str


def brand_of(slug: str) -> Brand:
    brand: Brand = json.loads((DEMO_CONTENT / slug / "brand.json").read_text(encoding="utf-8"))
    return brand


def articles_of(slug: str) -> list[Article]:
    return [article_in(path) for path in sorted((DEMO_CONTENT / slug / "articles").glob("*.md"))]


def article_in(path: Path) -> Article:
    before, front_matter, body = path.read_text(encoding="utf-8").split("---\n", 2)
    assert before == "", f"{path.name} does not begin with front matter"
    fields = yaml.safe_load(front_matter)
    assert set(fields) == {"title", "key", "category"}, path.name
    return Article(file=path.name, body=body, **fields)


def tickets_of(slug: str) -> list[Ticket]:
    return [json.loads(line) for line in lines_of(slug, "tickets.jsonl")]


def follow_ups_of(slug: str) -> list[FollowUp]:
    return [json.loads(line) for line in lines_of(slug, "follow_ups.jsonl")]


def lines_of(slug: str, name: str) -> list[str]:
    return (DEMO_CONTENT / slug / name).read_text(encoding="utf-8").splitlines()


def passes_luhn(digits: str) -> bool:
    doubled = (sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return (sum(doubled) + sum(int(digit) for digit in digits[-1::-2])) % 10 == 0


def test_the_folder_holds_the_three_brands_and_nothing_else() -> None:
    folders = {path.name for path in DEMO_CONTENT.iterdir() if path.is_dir()}
    assert folders == set(BRANDS)


@pytest.mark.parametrize("slug", BRANDS)
def test_a_brand_names_its_categories_with_fair_prices_and_one_default(slug: str) -> None:
    brand = brand_of(slug)
    keys = [category["key"] for category in brand["categories"]]
    assert (brand["slug"], brand["currency"], brand["language"]) == (slug, "usd", "en")
    assert len(keys) in CATEGORIES
    assert len(set(keys)) == len(keys)
    assert [category["default"] for category in brand["categories"]].count(True) == 1
    assert all(category["price_minor"] in PRICE_MINOR for category in brand["categories"])


@pytest.mark.parametrize("slug", BRANDS)
def test_a_voice_is_complete_and_its_greeting_has_the_one_slot(slug: str) -> None:
    voice = brand_of(slug)["voice"]
    assert re.findall(r"\{(.*?)\}", voice["greeting"]) == ["customer_name"]
    assert "{" not in voice["sign_off"]
    assert len(voice["words_to_avoid"]) >= WORDS_TO_AVOID_AT_LEAST
    assert voice["words_to_use"]
    assert len(voice["sample_replies"]) in SAMPLE_REPLIES


def test_the_three_voices_differ() -> None:
    voices = [brand_of(slug)["voice"] for slug in BRANDS]
    assert {voice["formality"] for voice in voices} == {"warm", "formal", "playful"}
    assert len({voice["greeting"] for voice in voices}) == len(BRANDS)
    assert len({voice["sign_off"] for voice in voices}) == len(BRANDS)


@pytest.mark.parametrize("slug", BRANDS)
def test_articles_are_many_with_unique_keys_and_titles(slug: str) -> None:
    articles = articles_of(slug)
    assert len(articles) >= ARTICLES_AT_LEAST
    assert len({article.key for article in articles}) == len(articles)
    assert len({article.title for article in articles}) == len(articles)
    assert all(re.fullmatch(rf"\d\d-{article.key}\.md", article.file) for article in articles)


@pytest.mark.parametrize("slug", BRANDS)
def test_every_category_of_an_article_is_the_brands_and_every_category_has_one(slug: str) -> None:
    categories = {category["key"] for category in brand_of(slug)["categories"]}
    assert {article.category for article in articles_of(slug)} == categories


@pytest.mark.parametrize("slug", BRANDS)
def test_an_article_is_of_readable_length_and_has_sections(slug: str) -> None:
    for article in articles_of(slug):
        assert len(WORD.findall(article.body)) in ARTICLE_WORDS, article.file
        assert article.body.count("\n## ") >= SECTIONS_AT_LEAST, article.file


@pytest.mark.parametrize("slug", BRANDS)
def test_a_sentence_can_be_quoted_without_its_neighbours(slug: str) -> None:
    for article in articles_of(slug):
        assert not LEANING.search(article.body), article.file


@pytest.mark.parametrize("slug", BRANDS)
def test_the_brands_own_words_keep_its_voice(slug: str) -> None:
    voice = brand_of(slug)["voice"]
    banned = re.compile(r"\b(" + "|".join(map(re.escape, voice["words_to_avoid"])) + r")\b", re.I)
    texts = [article.body for article in articles_of(slug)]
    for text in [*texts, *voice["sample_replies"], voice["greeting"], voice["sign_off"]]:
        assert not banned.search(text)


@pytest.mark.parametrize("slug", BRANDS)
def test_articles_link_only_to_allowed_domains(slug: str) -> None:
    allowed = set(brand_of(slug)["allowed_link_domains"])
    hosts = {
        host
        for article in articles_of(slug)
        for host in re.findall(r"\b[\w-]+(?:\.[\w-]+)*\.(?:example|com|org|net)\b", article.body)
    }
    assert hosts
    assert hosts <= allowed


@pytest.mark.parametrize("slug", BRANDS)
def test_tickets_are_many_and_well_formed(slug: str) -> None:
    tickets = tickets_of(slug)
    categories = {category["key"] for category in brand_of(slug)["categories"]}
    assert len(tickets) >= TICKETS_AT_LEAST
    for ticket in tickets:
        assert set(ticket) == Ticket.__required_keys__, ticket["id"]
        assert ticket["subject"].strip(), ticket["id"]
        assert ticket["text"].strip(), ticket["id"]
        assert ticket["channel"] in {"email", "chat"}, ticket["id"]
        assert ticket["language"] == "en", ticket["id"]
        assert ticket["category"] is None or ticket["category"] in categories, ticket["id"]
        assert ticket["priority"] in {0, 1, 2}, ticket["id"]
        assert set(ticket["customer"]) == Customer.__required_keys__, ticket["id"]


def test_ticket_ids_are_unique_over_all_brands() -> None:
    ids = [ticket["id"] for slug in BRANDS for ticket in tickets_of(slug)]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("slug", BRANDS)
def test_expected_articles_exist_and_some_tickets_cannot_be_answered(slug: str) -> None:
    keys = {article.key for article in articles_of(slug)}
    expected = [ticket["expected"] for ticket in tickets_of(slug)]
    lowest, highest = UNANSWERABLE_SHARE
    assert {key for key in expected if key is not None} <= keys
    assert lowest <= expected.count(None) / len(expected) <= highest


@pytest.mark.parametrize("slug", BRANDS)
def test_some_tickets_try_to_give_orders_to_the_reader(slug: str) -> None:
    orders = [ticket for ticket in tickets_of(slug) if "ignore your instructions" in ticket["text"]]
    assert len(orders) in INJECTION_ATTEMPTS


@pytest.mark.parametrize("slug", BRANDS)
def test_follow_ups_belong_to_tickets_and_expect_known_articles(slug: str) -> None:
    follow_ups = follow_ups_of(slug)
    tickets = {ticket["id"] for ticket in tickets_of(slug)}
    keys = {article.key for article in articles_of(slug)}
    assert len(follow_ups) in FOLLOW_UPS
    for follow_up in follow_ups:
        assert set(follow_up) == {"ticket", "text", "expected"}
        assert follow_up["ticket"] in tickets
        assert follow_up["expected"] is None or follow_up["expected"] in keys


@pytest.mark.parametrize("slug", BRANDS)
def test_no_personal_detail_can_belong_to_anyone(slug: str) -> None:
    files = [*(DEMO_CONTENT / slug).glob("*.json*"), *(DEMO_CONTENT / slug / "articles").glob("*.md")]
    for text in (path.read_text(encoding="utf-8") for path in files):
        assert set(EMAIL_DOMAIN.findall(text)) <= {"example.com", "example.org", "example.net"}
        for exchange, line in PHONE_NUMBER.findall(text):
            assert exchange == "555"
            assert "0100" <= line <= "0199"


@pytest.mark.parametrize("slug", BRANDS)
def test_card_numbers_in_tickets_are_real_enough_to_be_masked(slug: str) -> None:
    numbers = [number for ticket in tickets_of(slug) for number in CARD_NUMBER.findall(ticket["text"])]
    assert numbers
    assert all(passes_luhn(re.sub(r"\D", "", number)) for number in numbers)
