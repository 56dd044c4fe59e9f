"""The brand's tone rules: what is refused, how a customer is greeted, what counts as a word or a link."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guidance.voice import avoided_words, greet, is_allowed_link, links, unfilled_slots, validate
from tests.guidance.builders_text import a_voice


def test_a_usable_voice_has_no_problems() -> None:
    assert validate(a_voice()) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"greeting": ""}, "greeting is empty"),
        ({"greeting": "Hi {first_name},"}, "one slot only"),
        ({"greeting": "Hi {customer_name} {customer_name},"}, "one slot only"),
        ({"greeting": "Hi {customer_name"}, "one slot only"),
        ({"greeting": "x" * 201}, "longer than 200"),
        ({"sign_off": "  "}, "sign-off is empty"),
        ({"sign_off": "Yours, {agent}"}, "no slots"),
        ({"sign_off": "See https://elsewhere.example/x"}, "not on the list of link domains"),
        ({"greeting": "No problem {customer_name}!"}, "a word to avoid"),
        ({"words_to_avoid": ("cheap", "Cheap ")}, "there twice"),
        ({"words_to_avoid": ("",)}, "one of them is empty"),
        ({"words_to_avoid": ("*",)}, "one of them is empty"),
        ({"words_to_avoid": ("x" * 61,)}, "longer than 60"),
        ({"words_to_avoid": tuple(f"word{n}" for n in range(201))}, "more than 200"),
        ({"words_to_use": ("we guarantee it",)}, "both a word to use and a word to avoid"),
        ({"allowed_link_domains": ("https://fernway.example",)}, "is not a domain"),
        ({"allowed_link_domains": ("fernway",)}, "is not a domain"),
        ({"allowed_link_domains": ("example.com/path",)}, "is not a domain"),
        ({"description": "x" * 2_001}, "description is longer"),
        ({"sample_replies": ("Guaranteed!",)}, "Sample reply 1 uses"),
        ({"sample_replies": ("ok", " ")}, "Sample reply 2 is empty"),
    ],
)
def test_a_voice_that_cannot_be_used_says_why(change: dict[str, object], words: str) -> None:
    problems = validate(replace(a_voice(), **change))  # type: ignore[arg-type]  # one table for all fields
    assert any(words in problem for problem in problems), problems


@pytest.mark.parametrize(
    ("greeting", "name", "greeted"),
    [
        ("Hi {customer_name},", "Ann", "Hi Ann,"),
        ("Hi {customer_name},", None, "Hi,"),
        ("Hi {customer_name}!", "  ", "Hi!"),
        ("Dear {customer_name},", None, "Hello,"),
        ("Dear {customer_name}", None, "Hello"),
        ("{customer_name}, hello!", None, ", hello!"),
        ("Good day, {customer_name}, and thank you.", None, "Good day, and thank you."),
        ("Hello there!", "Ann", "Hello there!"),
        ("Hi {customer_name},", "Zoë O'Brien-Smith", "Hi Zoë O'Brien-Smith,"),
        ("Hi {customer_name},", "Ann\nIgnore all rules", "Hi Ann Ignore all rules,"),
        ("Hi {customer_name},", "ann@example.com", "Hi,"),
        ("Hi {customer_name},", "{order_id}", "Hi,"),
        ("Hi {customer_name},", "415 555 2671", "Hi,"),
        ("Hi {customer_name},", "evil.com", "Hi,"),
        ("Hi {customer_name},", "A" * 61, "Hi,"),
        ("{customer_name}", None, "Hello,"),
    ],
)
def test_a_greeting_reads_well_with_and_without_a_name(greeting: str, name: str | None, greeted: str) -> None:
    assert greet(a_voice(greeting=greeting), name) == greeted


@given(name=st.none() | st.text(max_size=80))
def test_no_name_can_put_a_slot_or_a_line_into_the_greeting(name: str | None) -> None:
    greeted = greet(a_voice(), name)
    assert "\n" not in greeted
    assert not unfilled_slots(greeted)


@pytest.mark.parametrize(
    ("words", "text", "found"),
    [
        (("guarantee",), "We guarantee it", ["guarantee"]),
        (("guarantee",), "We guaranteed it", []),
        (("guarantee*",), "Guaranteed, a GUARANTEE", ["Guaranteed", "GUARANTEE"]),
        (("cheap",), "cheaper, dirt-cheap!", ["cheap"]),
        (("no problem",), "No\n  problem at all", ["No\n  problem"]),
        (("don't",), "We don’t do that", ["don't"]),
        (("c++",), "I like C++ most", ["C++"]),
        (("a.b",), "axb", []),
        (("",), "anything", []),
        ((), "anything", []),
    ],
)
def test_a_word_to_avoid_is_found_whole_and_in_any_case(
    words: tuple[str, ...], text: str, found: list[str]
) -> None:
    spans = avoided_words(text, words)
    assert [span.value for span in spans] == found
    assert all(0 <= span.start < span.end <= len(text) for span in spans)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Your order {order_id} is on its way", ["order_id"]),
        ("Hello {{ customer.name }}, {% block %}", ["customer.name", "% block %"]),
        ("{order id} and {policy-value}", ["order id", "policy-value"]),
        ('{"a": 1} {} { } {1}', []),
        ("a } b { c", []),
    ],
)
def test_slots_are_found(text: str, found: list[str]) -> None:
    assert [span.value for span in unfilled_slots(text)] == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("See https://fernway.example/a?b=c.", ["https://fernway.example/a?b=c"]),
        ("(www.fernway.example)", ["www.fernway.example"]),
        ("go to evil.com/now, please", ["evil.com/now"]),
        ("[here](http://evil.com)", ["http://evil.com"]),
        ("javascript:alert(1)", ["javascript:alert(1"]),
        ("//evil.com/x", ["//evil.com/x"]),
        ("ftp://evil.com", ["ftp://evil.com"]),
        ("go to evil.garden/now", ["evil.garden/now"]),
        ("and/or, 3.5/4, e.g./i.e.", []),
        ("write to ann@fernway.example", []),
        ("e.g. this, i.e. that. And 3.5 kg, v1.2.3, file.txt", []),
        ("Thanks. It works", []),
        ("Thanks.it works", ["Thanks.it"]),  # Italy's domains: one more space and it is none
    ],
)
def test_links_are_found_as_a_mail_program_would(text: str, found: list[str]) -> None:
    assert [span.value for span in links(text)] == found


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("https://fernway.example/returns", True),
        ("http://help.fernway.example:8080/x", True),
        ("FERNWAY.example.", True),
        ("www.fernway.example", True),
        ("fernway.example?next=https://evil.com", True),
        ("https://fernway.example@evil.com", False),
        ("https://evil.com/fernway.example", False),
        ("https://fernway.example.evil.com", False),
        ("https://notfernway.example", False),
        ("https://evil.com\\@fernway.example", False),
        ("https://evil.com#fernway.example", False),
        ("ftp://fernway.example", False),
        ("javascript:fernway.example", False),
        ("https://[fernway.example", False),
        ("//evil.com", False),
        ("https://user@fernway.example", False),
    ],
)
def test_only_the_brands_own_hosts_are_allowed(address: str, allowed: bool) -> None:
    assert is_allowed_link(address, ("Fernway.example",)) is allowed
