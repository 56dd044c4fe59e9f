"""What a text states of a policy, and which two texts state different things of the same."""

import pytest

from knowledge_base.comparing import compared, differences, names_differ, ordinary_words, word_weights
from knowledge_base.policy_values import values_in
from knowledge_base.report_models import ValueKind

K = ValueKind


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("Standard shipping costs $4.95 per order.", K.AMOUNT, "4.95"),
        ("Shipping abroad costs 12,50 euros per parcel.", K.AMOUNT, "12.5"),
        ("The fee for express parcels is US$1,200.", K.AMOUNT, "1200"),
        ("Returns are accepted within 30 days of delivery.", K.DURATION, "720"),
        ("Returns are accepted within two weeks of delivery.", K.DURATION, "336"),
        ("Your parcel arrives in 3 to 5 business days.", K.DURATION, "72–120"),
        ("Students get a discount of 10 per cent.", K.SHARE, "10"),
        ("Gift cards are valid until 31 December 2026.", K.DATE, "2026-12-31"),
        ("The summer sale starts on June 1st this year.", K.DATE, "06-01"),
        ("Our shop opens at 9:30 am on weekdays.", K.TIME, "09:30"),
        ("The shop closes at 18:00 on weekdays.", K.TIME, "18:00"),
        ("Call our support team on +1 555 010 0199.", K.PHONE, "15550100199"),
        ("For orders write to Orders@fern.example today.", K.EMAIL, "orders@fern.example"),
        ("We do not accept American Express cards.", K.PRACTICE, "no"),
        ("Yes, dogs are allowed in our cabins.", K.PRACTICE, "yes"),
        ("There are no lockers available at the station.", K.PRACTICE, "no"),
    ],
)
def test_values_are_read_with_their_kind(text: str, kind: ValueKind, value: str) -> None:
    assert [one.value for one in values_in(text) if one.kind is kind] == [value]


@pytest.mark.parametrize(
    "text",
    [
        "Can I return my order within 30 days?",
        "| Express | 2 days | $12 |",
        "Download version 3.7.2022.01 of the driver.",
        "The flaw is listed as CVE-2025-27608 in public lists.",
    ],
)
def test_questions_tables_and_versions_state_nothing(text: str) -> None:
    assert [one for one in values_in(text) if one.kind is not K.PRACTICE] == []


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("The deposit for a bicycle is 5 poundſ a day.", K.AMOUNT, "5"),
        ("The deposit for a bicycle is 5 ınr here.", K.AMOUNT, "5"),
        ("Your tea is ready in 5 mınutes at most.", K.DURATION, "0.083"),
        ("The summer sale starts on 3 ſeptember again.", K.DATE, "09-03"),
        ("The moon hotel costs $1,000,000,000,000,000,000,000,000,000,000,000 a night.", K.AMOUNT, None),
        ("Room numbers 100 200 300 400 500 600 700 800 900 100 200 300 400 days open.", K.DURATION, None),
    ],
)
def test_letters_and_numbers_that_nobody_writes_break_nothing(
    text: str, kind: ValueKind, value: str | None
) -> None:
    found = [one.value for one in values_in(text) if one.kind is kind]
    assert found == ([value] if value else found)


def test_a_mark_is_the_value_as_it_is_written() -> None:
    text = "Returns are free. They are accepted within 30 days of delivery."
    (found,) = [one for one in values_in(text) if one.kind is K.DURATION]
    assert text[found.start : found.end] == "30 days"


CONTRADICTING = [
    (("Returns",), "Returns are accepted within 14 days of delivery.", ("How to return an order",),
     "You can return your order within 30 days of delivery."),
    (("Shipping",), "Standard shipping costs $4.95 and takes 3 to 5 business days.", ("Delivery costs",),
     "Standard shipping costs $6.50 for every order."),
    (("Opening hours",), "Our shop opens at 9 am on weekdays.", ("Visit us",),
     "The shop opens at 10:00 on weekdays."),
    (("Contact",), "Call our support team on +1 555 010 0199.", ("Help",),
     "You reach our support team by phone on +1 555 010 0123."),
    (("Payment",), "We do not accept American Express cards.", ("How to pay",),
     "We accept Visa, Mastercard and American Express cards."),
    (("Student discount",), "Students get a discount of 10% on every order.", ("Discounts",),
     "The student discount is 15 percent."),
    (("Gift cards",), "Gift cards are valid until 31 December 2026.", ("Gift card rules",),
     "Gift cards are valid until 30 June 2026."),
    (("Contact us",), "Write to help@fern.example for orders.", ("Orders",),
     "For orders write to orders@fern.example."),
    (("Cancel an order",), "You can cancel an order free of charge up to 24 hours before delivery.",
     ("Changing or canceling",), "Orders can be canceled free of charge up to 2 hours before delivery."),
    (("Pets",), "Pets are allowed in all our cabins.", ("Cabins",), "Pets are not allowed in our cabins."),
]  # fmt: skip
AGREEING = [
    ("the same value in other words", ("Returns",), "Returns are accepted within two weeks of delivery.",
     ("Orders",), "You can return orders within 14 days of delivery."),
    ("both values stand in one of them", ("Shipping",), "Standard shipping costs $5, express shipping costs $12.",
     ("Express",), "Express shipping costs $12 for every parcel."),
    ("a most and a least", ("Parcels",), "A parcel arrives within 8 working days of sending.",
     ("Lost parcels",), "A parcel is lost after 12 working days of sending."),
    ("opposite particles", ("Check-in",), "Check-in at our house is from 15:00 on all days.",
     ("Check-out",), "Check-out at our house is until 11:00 on all days."),
    ("another subject", ("Groups",), "Please request a group booking at least 14 days before travel.",
     ("Bikes",), "A bicycle spot may be added until 30 minutes before departure."),
    ("another currency", ("Shipping",), "Standard shipping costs $5 per order.",
     ("Shipping abroad",), "Standard shipping costs €9 per order."),
]  # fmt: skip


@pytest.mark.parametrize("pair", CONTRADICTING, ids=[pair[1][:30] for pair in CONTRADICTING])
def test_different_values_of_the_same_policy_are_found(
    pair: tuple[tuple[str, ...], str, tuple[str, ...], str],
) -> None:
    everything = [compared(text, headings) for one in CONTRADICTING for headings, text in (one[:2], one[2:])]
    first, second = compared(pair[1], pair[0]), compared(pair[3], pair[2])
    found = differences(first, second, word_weights(everything))
    assert len(found) == 1
    assert not names_differ(first, second, ordinary_words(everything))


@pytest.mark.parametrize("pair", AGREEING, ids=[pair[0] for pair in AGREEING])
def test_what_only_looks_different_is_not(
    pair: tuple[str, tuple[str, ...], str, tuple[str, ...], str],
) -> None:
    everything = [compared(text, headings) for one in AGREEING for headings, text in (one[1:3], one[3:])]
    _, headings, text, others, other = pair
    assert differences(compared(text, headings), compared(other, others), word_weights(everything)) == ()


@pytest.mark.parametrize(
    ("first", "second", "differ"),
    [
        (("Warranty", "Nano 33 BLE"), ("Warranty", "Nano 33 IoT"), True),
        (("Shipping", "Europe and Africa"), ("Shipping", "Americas and Asia"), True),
        (("Check-in time", "A AND B GUEST HOUSE"), ("Check-in time", "ACORN GUEST HOUSE"), True),
        (("Returns",), ("How to return an order",), False),
        (("Return Policy",), ("Refund Policy",), False),
        (("Warranty", "Nano 33 BLE"), ("Warranty",), False),
    ],
)
def test_headings_that_name_different_things_set_passages_apart(
    first: tuple[str, ...], second: tuple[str, ...], differ: bool
) -> None:
    said = "A return or a refund follows our policy; the guest house sends it and the warranty covers it."
    corpus = [compared(said, first), compared(said, second)]
    assert names_differ(corpus[0], corpus[1], ordinary_words(corpus)) is differ
