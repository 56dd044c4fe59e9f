"""Where a worker can be paid, so that people hear it at sign-up and not after their first earning.

After Stripe's manual (connect/cross-border-payouts, connect/service-agreement-types): platforms in the US,
the UK, the European Economic Area, Canada and Switzerland can pay each other's accounts in full; some other
countries are reached under the recipient agreement; the rest not at all. A country that is not sure to work
counts as not payable: a promise too few is better than an earning nobody can pay out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from babel import Locale, UnknownLocaleError


class Payability(StrEnum):
    FULL = "full"
    RECIPIENT = "recipient"  # our transfers become available up to a day later
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Country:
    """A country by its ISO 3166-1 alpha-2 code, named in the reader's language."""

    code: str
    name: str
    payability: Payability


def _codes(text: str) -> frozenset[str]:
    return frozenset(text.split())


# The Economic Area is the Union, Liechtenstein and Norway here: Iceland is reached as a recipient only.
_FULL = _codes("""
    US GB CA CH LI NO
    AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK
""")
_RECIPIENT = _codes("""
    IS AL AM AR AU AZ BA BD BH BJ BN BO BS BT BW CI CL CO CR DO DZ EC EG ET GH GM GT GY HK ID IL IN JM
    JO JP KE KH KR KW KZ LA LK MA MC MD MG MK MN MO MU MX MY MZ NA NE NG NZ OM PA PE PH PK PY QA RS RW
    SA SG SM SN SV TH TN TR TT TW TZ UY UZ VN ZA
""")
ISO_COUNTRIES = _codes("""
    AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT
    BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH
    ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT
    HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS
    LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI
    NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG
    SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG
    UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW
""")


def payability(country: str) -> Payability:
    """How a worker who lives in `country` can be paid."""
    if country in _FULL:
        return Payability.FULL
    return Payability.RECIPIENT if country in _RECIPIENT else Payability.NONE


def countries(locale: str = "en") -> Sequence[Country]:
    """Every ISO country, by name in `locale`; English where Babel does not know the locale."""
    names = _names(locale)
    found = [
        Country(code=code, name=names.get(code, code), payability=payability(code)) for code in ISO_COUNTRIES
    ]
    return sorted(found, key=lambda country: (country.name.casefold(), country.code))


def _names(locale: str) -> dict[str, str]:
    try:
        known = Locale.parse(locale.replace("-", "_"))
    except (UnknownLocaleError, ValueError):
        known = Locale.parse("en")
    return {code: str(name) for code, name in known.territories.items()}
