"""What is personal data in a ticket and what only looks like it."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stdnum import luhn

from marketplace.tickets.masking import MAX_CHARS, PersonalData, find_personal_data, mask
from tests.growth import assert_grows_with_length

HIDDEN = [
    # e-mail
    ("Write to jane.doe@example.com please", "Write to [e-mail hidden] please"),
    ("JANE_DOE+orders@Mail.Example.CO.UK", "[e-mail hidden]"),
    ("Jane <jane@example.org>, thanks", "Jane <[e-mail hidden]>, thanks"),
    ("mailto:o'brien@example.ie.", "mailto:[e-mail hidden]."),
    ("mine is jörg@münchen-möbel.de", "mine is [e-mail hidden]"),
    ("a@b.io and c@d.io", "[e-mail hidden] and [e-mail hidden]"),
    ("jane (at) example (dot) com", "[e-mail hidden]"),
    ("jane[at]example.com works", "[e-mail hidden] works"),
    ("My mail:jane@sub.mail.example.com!", "My mail:[e-mail hidden]!"),
    ("jane＠example.com", "[e-mail hidden]"),
    # phone
    ("Call me on +1 415 555 2671", "Call me on [phone hidden]"),
    ("(415) 555-2671", "[phone hidden]"),
    ("415-555-2671 after six", "[phone hidden] after six"),
    ("415.555.2671", "[phone hidden]"),
    ("My cell is 4155552671.", "My cell is [phone hidden]."),
    ("4155552671", "[phone hidden]"),
    ("1-800-356-9377", "[phone hidden]"),
    ("415-555-2671 ext. 22 is my desk", "[phone hidden] is my desk"),
    ("+44 20 7946 0958", "[phone hidden]"),
    ("+44 (0)20 7946 0958", "[phone hidden]"),
    ("020 7946 0958", "[phone hidden]"),
    ("07911 123456 is my mobile", "[phone hidden] is my mobile"),
    ("ring 07911123456", "ring [phone hidden]"),
    ("0044 7911 123456", "[phone hidden]"),
    ("+49 30 901820", "[phone hidden]"),
    ("030/901820", "[phone hidden]"),
    ("Handy: 0151 23456789", "Handy: [phone hidden]"),
    ("0170-1234567", "[phone hidden]"),
    ("tel:+14155552671", "tel:[phone hidden]"),
    ("whatsapp +91 98765 43210", "whatsapp [phone hidden]"),
    ("+33 1 42 68 53 00", "[phone hidden]"),
    ("phone: 555-0132", "phone: [phone hidden]"),
    ("＋49 30 901820", "[phone hidden]"),
    ("Order 4155552671, 020 7946 0958", "Order 4155552671, [phone hidden]"),
    ("ticket +44 20 7946 0958", "ticket [phone hidden]"),
    ("My order A-17 is late, call 415-555-2671", "My order A-17 is late, call [phone hidden]"),
    ("+44\u00a020\u00a07946\u00a00958", "[phone hidden]"),
    ("+44\u201120\u20117946\u20110958", "[phone hidden]"),
    # card
    ("card 4242 4242 4242 4242", "card [card hidden •••• 4242]"),
    ("4242424242424242", "[card hidden •••• 4242]"),
    ("4000-0566-5566-5556 declined", "[card hidden •••• 5556] declined"),
    ("5555555555554444", "[card hidden •••• 4444]"),
    ("2223 0031 2200 3222", "[card hidden •••• 3222]"),
    ("3782 822463 10005", "[card hidden •••• 0005]"),
    ("371449635398431", "[card hidden •••• 8431]"),
    ("6011111111111117", "[card hidden •••• 1117]"),
    ("3056 930902 5904", "[card hidden •••• 5904]"),
    ("3566002020360505", "[card hidden •••• 0505]"),
    ("6200000000000005", "[card hidden •••• 0005]"),
    ("4242 42424242 4242", "[card hidden •••• 4242]"),
    ("4242 4242 4242 4242 12/27 123", "[card hidden •••• 4242] 12/27 123"),
    ("I paid with 4242.4242.4242.4242 twice", "I paid with [card hidden •••• 4242] twice"),
    ("٤٢٤٢ ٤٢٤٢ ٤٢٤٢ ٤٢٤٢", "[card hidden •••• 4242]"),
    # IBAN
    ("DE89 3704 0044 0532 0130 00", "[IBAN hidden]"),
    ("DE89370400440532013000", "[IBAN hidden]"),
    ("refund to GB82WEST12345698765432 please", "refund to [IBAN hidden] please"),
    ("gb82 west 1234 5698 7654 32 thanks a lot", "[IBAN hidden] thanks a lot"),
    ("FR1420041010050500013M02606,", "[IBAN hidden],"),
    ("IBAN: NL91 ABNA 0417 1643 00 BIC", "IBAN: [IBAN hidden] BIC"),
    # together
    (
        "I am jane@example.com, 415-555-2671, card 4242 4242 4242 4242",
        "I am [e-mail hidden], [phone hidden], card [card hidden •••• 4242]",
    ),
]

KEPT = [
    # orders, invoices, parcels
    "Order 4155552671 has not arrived",
    "order number: 4155552671",
    "orders 4155552671 and 4155552672",
    "order #4155552671",
    "#4155552671",
    "Amazon 112-1234567-1234567",
    "order 112-7739912-0192837 is missing",
    "My order A100-2231 and HC-2024-000123",
    "Invoice 2024-11-000482",
    "Bestellnummer 0301234567",
    "Kundennummer: 0170 1234567",
    "tracking 1Z999AA10123456784",
    "Tracking number 9400 1118 9956 0000 0000 00",
    "tracking 9400111899560000000000",
    "DHL 4155552671 says delivered",
    "FedEx 999999999999",
    "Royal Mail AB123456789GB",
    "parcel JJD0099999999999999999",
    "ticket 20394857 case 00918273",
    "serial 07911123456",
    "SKU 4006381333931 EAN 4006381333931",
    "ISBN 978-3-16-148410-0",
    # dates and times
    "on 2024-11-22 at 14:30",
    "24.12.2026 18:00",
    "between 01.02.2024 and 03.04.2024 11:00",
    "12/24/2026, 5:30pm",
    "since 03-04-2024 12 people",
    "2024/11/22 14:30:15",
    "20241122 and 1700000000",
    # amounts and prices
    "It cost $1,299.00",
    "$4155552671",
    "1.299,00 € or 1 299,00 EUR",
    "I paid 4155552671 USD",
    "100000000 pounds",
    "2 x 49.90 = 99.80",
    "charged £20.00 and £20.00 again",
    # cards that are none
    "4242 4242 4242 4241",
    "4111111111111112",
    "1234 5678 9012 3456",
    "1234567890123452",
    "card ending 4242",
    "5105105105105101",
    "figures 4500 3400 2200 1100 900 40 12 77",
    # IBANs and addresses that are none
    "DE89 3704 0044 0532 0130 01",
    "part DE12ABCD345",
    "at example dot it was closed",
    "@brand on social, 5 @ 3 euro each",
    "version 1.2.3.4 on 192.168.100.200",
    "https://shop.example/orders/4155552671",
    "room 12, floor 3, 10115 Berlin",
    "model 020-7946-095X",
    "0800",
    "We are 2 adults and 3 children, 10 to 14 June 2026",
    "",
    "   ",
]


@pytest.mark.parametrize(("text", "shown"), HIDDEN)
def test_personal_data_is_hidden(text: str, shown: str) -> None:
    assert mask(text).text == shown


@pytest.mark.parametrize("text", KEPT)
def test_what_only_looks_personal_is_kept(text: str) -> None:
    assert mask(text).text == text


def test_the_kinds_that_were_hidden_are_named() -> None:
    masked = mask("jane@example.com, +1 415 555 2671, 4242424242424242, DE89370400440532013000")
    assert masked.kinds == frozenset(PersonalData)
    assert mask("Where is my parcel?").kinds == frozenset()


def test_a_national_number_is_hidden_only_in_its_regions() -> None:
    assert mask("01 42 68 53 00", regions=("FR",)).text == "[phone hidden]"
    assert mask("01 42 68 53 00", regions=("US",)).text == "01 42 68 53 00"


def test_an_unknown_region_is_refused() -> None:
    with pytest.raises(ValueError, match="XX"):
        mask("0301234567", regions=("XX",))


def test_endless_text_is_refused() -> None:
    with pytest.raises(ValueError, match="masking takes"):
        mask("a" * (MAX_CHARS + 1))


def _with_check_digit(payload: str) -> str:
    return payload + luhn.calc_check_digit(payload)


card_numbers = st.from_regex(
    r"(4[0-9]{14}|5[1-5][0-9]{13}|3[47][0-9]{12}|6011[0-9]{11})", fullmatch=True
).map(_with_check_digit)


@given(number=card_numbers, separator=st.sampled_from(["", " ", "-"]))
def test_every_card_is_hidden_but_its_last_four(number: str, separator: str) -> None:
    sizes = (4, 6, 5) if len(number) == 15 else (4, 4, 4, 4)
    starts = [sum(sizes[:at]) for at in range(len(sizes))]
    written = separator.join(number[start : start + size] for start, size in zip(starts, sizes, strict=True))
    assert mask(f"My card {written} failed").text == f"My card [card hidden •••• {number[-4:]}] failed"


@given(number=card_numbers, step=st.integers(1, 9))
def test_a_number_that_fails_luhn_is_never_a_card(number: str, step: int) -> None:
    wrong = number[:-1] + str((int(number[-1]) + step) % 10)
    assert PersonalData.CARD not in mask(f"My card {wrong} failed").kinds


pieces = st.one_of(
    st.sampled_from([text for text, _ in HIDDEN] + KEPT),
    st.text(max_size=30),
    st.from_regex(r"[0-9 .+()-]{0,25}"),
)


def test_two_ibans_side_by_side_are_both_hidden() -> None:
    assert (
        mask("DE89 3704 0044 0532 0130 00 DE89 3704 0044 0532 0130 00").text == "[IBAN hidden] [IBAN hidden]"
    )


@settings(max_examples=200)
@given(parts=st.lists(pieces, max_size=5), joint=st.sampled_from(["\n", " ", ", "]))
def test_masking_masked_text_changes_nothing(parts: list[str], joint: str) -> None:
    once = mask(joint.join(parts)).text
    assert mask(once).text == once


@settings(max_examples=200)
@given(parts=st.lists(pieces, max_size=5))
def test_findings_are_in_order_and_do_not_overlap(parts: list[str]) -> None:
    text = " ".join(parts)
    found = find_personal_data(text)
    assert all(0 <= piece.start < piece.end <= len(text) for piece in found)
    assert all(a.end <= b.start for a, b in pairwise(found))


@pytest.mark.parametrize(
    "text",
    [
        "a@b.io " * 7_000,
        "4242424242424242 " * 3_000,
        "415-555-2671, " * 3_500,
        "a" * 50_000,
        "a@" * 25_000,
        "1 " * 25_000,
        "DE12" * 12_500,
        "(0" * 25_000,
        "a." * 25_000 + "@",
        "+1-" * 16_000,
    ],
)
def test_masking_takes_time_that_grows_with_the_text(text: str) -> None:
    assert_grows_with_length(mask, text)
