"""What keeps a reply from being sent, and what only asks for a second look."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guidance.findings import Finding, FindingKind, Severity
from guidance.lint import blocks_sending, lint
from tests.growth import assert_grows_with_length
from tests.guidance.builders_text import a_passage, a_voice

KNOWN = a_passage(
    "Refunds reach you in 5 to 7 business days. Returns are free for 30 days. The fern costs $1,299.00 "
    "and the pot €20. Members save 15%. Support replies within 48 hours: help@plants.example or 020 7946"
    " 0958. Wait two weeks."
)


def check(text: str) -> tuple[Finding, ...]:
    return lint(text, a_voice(), [KNOWN])


def only(text: str) -> Finding:
    (finding,) = check(text)
    return finding


def test_a_clean_reply_has_no_findings() -> None:
    text = (
        "Hi Ann,\n\nReturns are free for 30 days, see https://help.fernway.example/returns. "
        "Your refund reaches you in 5-7 business days.\n\nWarm regards,\nThe Fernway team"
    )
    assert check(text) == ()


@pytest.mark.parametrize("text", ["", " \n\t "])
def test_an_empty_reply_is_blocked(text: str) -> None:
    assert only(text).kind is FindingKind.EMPTY
    assert blocks_sending(check(text))


def test_an_overlong_reply_is_blocked() -> None:
    assert only("word " * 1_001).kind is FindingKind.TOO_LONG
    assert check("x" * 5_000) == ()
    assert blocks_sending(check("x" * 300_000))


@pytest.mark.parametrize(
    ("text", "kind", "quoted"),
    [
        ("Surely guaranteed to bloom", FindingKind.AVOIDED_WORD, "guaranteed"),
        ("No problem, Ann", FindingKind.AVOIDED_WORD, "No problem"),
        ("Look at https://evil.com/x.", FindingKind.LINK, "https://evil.com/x"),
        ("Look at evil.com now", FindingKind.LINK, "evil.com"),
        ("See https://fernway.example@evil.com", FindingKind.LINK, "https://fernway.example@evil.com"),
        ("Order {order_id} left today", FindingKind.UNFILLED_SLOT, "{order_id}"),
        ("Order {{ order.id }} left today", FindingKind.UNFILLED_SLOT, "{{ order.id }}"),
        ("Your card 4242 4242 4242 4242 was charged", FindingKind.CARD_NUMBER, "4242 4242 4242 4242"),
    ],
)
def test_what_must_never_be_sent_blocks(text: str, kind: FindingKind, quoted: str) -> None:
    finding = only(text)
    assert (finding.kind, finding.severity) == (kind, Severity.BLOCK)
    assert text[finding.start : finding.end] == quoted
    assert blocks_sending([finding])


@pytest.mark.parametrize(
    ("text", "kind", "quoted"),
    [
        ("I wrote to ann@mail.example", FindingKind.PERSONAL_DATA, "ann@mail.example"),
        ("I will call +1 415 555 2671", FindingKind.PERSONAL_DATA, "+1 415 555 2671"),
        ("Paid to DE89 3704 0044 0532 0130 00", FindingKind.PERSONAL_DATA, "DE89 3704 0044 0532 0130 00"),
        ("We refund $500", FindingKind.UNSUPPORTED_FIGURE, "$500"),
        ("We refund 500 dollars", FindingKind.UNSUPPORTED_FIGURE, "500 dollars"),
        ("The pot costs £20", FindingKind.UNSUPPORTED_FIGURE, "£20"),
        ("The fern costs $12.99", FindingKind.UNSUPPORTED_FIGURE, "$12.99"),
        ("It arrives within 4 days", FindingKind.UNSUPPORTED_FIGURE, "4 days"),
        ("It takes 5 to 9 business days", FindingKind.UNSUPPORTED_FIGURE, "5 to 9 business days"),
        ("It takes 7 days", FindingKind.UNSUPPORTED_FIGURE, "7 days"),
        ("Returns are free for thirty weeks", FindingKind.UNSUPPORTED_FIGURE, "thirty weeks"),
        ("You save 20 percent", FindingKind.UNSUPPORTED_FIGURE, "20 percent"),
        ("You save 1.5 %", FindingKind.UNSUPPORTED_FIGURE, "1.5 %"),
    ],
)
def test_what_deserves_a_second_look_warns(text: str, kind: FindingKind, quoted: str) -> None:
    finding = only(text)
    assert (finding.kind, finding.severity) == (kind, Severity.WARN)
    assert text[finding.start : finding.end] == quoted
    assert not blocks_sending([finding])


@pytest.mark.parametrize(
    "text",
    [
        "The fern costs $1299",
        "The fern costs 1,299 USD",
        "The fern costs 1.299,00 dollars",
        "The pot is 20 euros or EUR 20.00",
        "You save 15 per cent",
        "We answer within two days",
        "We answer in 48h or 48 hours",
        "Wait 14 days, a fortnight or 2 weeks",
        "Returns are free for thirty days",
        "Refunds take 5–7 working days",
        "Refunds take five to seven working days",
        "Write to help@plants.example or ann@fernway.example",
        "Call 020 7946 0958 or (020) 79460958",
        "Order 4155552671 of 2026-11-22 holds 3 ferns",
    ],
)
def test_what_the_passages_say_is_no_finding(text: str) -> None:
    assert [one for one in check(text) if one.kind is not FindingKind.UNSUPPORTED_SENTENCE] == []


def test_a_card_comes_with_its_replacement() -> None:
    assert only("Card 4242424242424242").fix == "[card hidden •••• 4242]"


def test_findings_are_in_the_order_of_the_text() -> None:
    findings = check("$500 guaranteed at evil.com for {name}")
    assert [finding.kind for finding in findings] == [
        FindingKind.UNSUPPORTED_FIGURE,
        FindingKind.AVOIDED_WORD,
        FindingKind.LINK,
        FindingKind.UNFILLED_SLOT,
    ]


def test_without_passages_no_figure_is_supported() -> None:
    (finding,) = lint("We refund $20", a_voice(), [])
    assert finding.kind is FindingKind.UNSUPPORTED_FIGURE


@settings(max_examples=200)
@given(
    parts=st.lists(
        st.one_of(
            st.text(max_size=40),
            st.sampled_from(
                ["$1,2", "5 to", "a day", "{a", "evil.com", "9.9.9 %", "1 000 000 000 €", "a to a week"]
            ),
        ),
        max_size=8,
    )
)
def test_any_text_can_be_checked(parts: list[str]) -> None:
    text = " ".join(parts)
    for finding in check(text):
        assert 0 <= finding.start <= finding.end <= len(text)
        assert finding.message


@pytest.mark.parametrize("piece", ["1,000", "1 ", "a.", "{{", "a a ", "$1 to ", "www."])
def test_checking_takes_time_that_grows_with_the_text(piece: str) -> None:
    assert_grows_with_length(check, (piece * 5_000)[:5_000])
