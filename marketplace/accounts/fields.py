"""What people type about themselves, in the one form it is stored in; pure, and refused by name.

Control characters, surrogates and NUL are refused here: PostgreSQL cannot hold some of them, and a name ends
up in mail headers and logs.
"""

import re
import unicodedata
from collections.abc import Iterable
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from marketplace.accounts.errors import (
    BadEmail,
    BadLanguages,
    BadName,
    BadSlug,
    UnknownCountry,
    UnknownTimeZone,
)
from marketplace.accounts.payable_countries import ISO_COUNTRIES
from marketplace.kernel.errors import AppError

EMAIL_CHARACTERS_MAX = 254
NAME_CHARACTERS_MAX = 100
LANGUAGES_MAX = 10

_EMAIL = re.compile(
    r"[a-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}"
)
_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])")
_LANGUAGE = re.compile(r"([A-Za-z]{2,3})(?:-([A-Za-z]{4}))?(?:-([A-Za-z]{2}|[0-9]{3}))?")
_UNPRINTABLE = {"Cc", "Cs", "Co", "Cn", "Zl", "Zp"}
# Marks that reverse or hide text would let one name pass for another.
_DIRECTION_MARKS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff\u200b\u2060")


def normalised_email(text: str) -> str:
    """`text` trimmed and in lower case. Raises BadEmail."""
    email = text.strip().lower()
    if len(email) > EMAIL_CHARACTERS_MAX or not _EMAIL.fullmatch(email):
        raise BadEmail
    return email


def clean_name(text: str) -> str:
    """`text` trimmed, with single spaces, in Unicode's composed form. Raises BadName."""
    if any(unicodedata.category(c) in _UNPRINTABLE or c in _DIRECTION_MARKS for c in text.strip()):
        raise BadName
    name = unicodedata.normalize("NFC", " ".join(text.split()))
    if not 1 <= len(name) <= NAME_CHARACTERS_MAX:
        raise BadName
    return name


def words_within(text: str, limit: int, refusal: type[AppError]) -> str:
    """`text` trimmed, if it says something in at most `limit` characters; `refusal` is raised otherwise."""
    said = text.strip()
    if not said or len(said) > limit or "\x00" in said:
        raise refusal
    return said


def is_slug(text: str) -> bool:
    return _SLUG.fullmatch(text) is not None


def known_slug(text: str) -> str:
    if not is_slug(text):
        raise BadSlug
    return text


def known_country(text: str) -> str:
    """An ISO 3166-1 alpha-2 code in capitals. Raises UnknownCountry."""
    country = text.strip().upper()
    if country not in ISO_COUNTRIES:
        raise UnknownCountry
    return country


def known_time_zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        # OSError: a folder of the zone database, such as "Europe", reads as a file that is none.
        raise UnknownTimeZone from None
    return text


def language_tag(text: str) -> str:
    """A BCP-47 tag of language, script and region in customary case, as pt-BR. Raises BadLanguages."""
    found = _LANGUAGE.fullmatch(text.strip())
    if found is None:
        raise BadLanguages
    language, script, region = found.groups(default="")
    return "-".join(part for part in (language.lower(), script.title(), region.upper()) if part)


def language_tags(texts: Iterable[str]) -> list[str]:
    """Distinct tags in the given order. Raises BadLanguages."""
    tags = list(dict.fromkeys(language_tag(text) for text in texts))
    if not 1 <= len(tags) <= LANGUAGES_MAX:
        raise BadLanguages
    return tags
