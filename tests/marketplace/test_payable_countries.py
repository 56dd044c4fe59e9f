"""Who is told at sign-up that they can be paid, and what the list of countries looks like."""

import pytest

from marketplace.accounts.payable_countries import (
    _FULL,
    _RECIPIENT,
    ISO_COUNTRIES,
    Payability,
    countries,
    payability,
)


@pytest.mark.parametrize(
    ("country", "expected"),
    [
        *[(code, Payability.FULL) for code in ("US", "GB", "CA", "CH", "DE", "FR", "IE", "NO", "LI")],
        *[(code, Payability.RECIPIENT) for code in ("IN", "PH", "KE", "MX", "IS")],
        *[(code, Payability.NONE) for code in ("KP", "RU", "AQ", "XX", "")],
    ],
)
def test_each_country_is_paid_in_full_as_recipient_or_not(country: str, expected: Payability) -> None:
    assert payability(country) is expected


def test_the_tables_hold_iso_codes_and_do_not_overlap() -> None:
    assert len(ISO_COUNTRIES) == 249
    assert _FULL | _RECIPIENT <= ISO_COUNTRIES
    assert not _FULL & _RECIPIENT
    assert len(_FULL) == 4 + 27 + 2  # US, GB, CA, CH; the Union; Liechtenstein and Norway


def test_every_country_has_a_name_in_the_readers_language_and_its_order() -> None:
    english, german = countries("en"), countries("de")
    assert len(english) == len(german) == 249
    assert all(country.name != country.code for country in english)
    assert english[0].name == "Afghanistan"
    assert {country.code: country.name for country in german}["DE"] == "Deutschland"
    assert [country.name.casefold() for country in german] == sorted(c.name.casefold() for c in german)


@pytest.mark.parametrize("locale", ["", "nonsense", "xx-YY", "pt-BR", "zh_Hans_CN", "../../etc"])
def test_an_odd_locale_still_gets_names(locale: str) -> None:
    assert len({country.name for country in countries(locale)}) == 249
