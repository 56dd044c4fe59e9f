"""What passwords are kept as, which are refused, and how much work they may cause."""

import threading

import pytest
from argon2 import PasswordHasher, extract_parameters
from argon2.low_level import Type

from marketplace.accounts import passwords
from marketplace.accounts.errors import (
    PasswordHoldsEmail,
    PasswordTooCommon,
    PasswordTooLong,
    PasswordTooShort,
    WeakPassword,
)

GOOD = "a quiet harbour at 6"
ADA = "ada.lovelace@example.org"


def test_a_password_is_kept_as_argon2id_with_the_owasp_parameters() -> None:
    parameters = extract_parameters(passwords.hash_password(GOOD))
    assert (parameters.type, parameters.memory_cost, parameters.time_cost) == (Type.ID, 19_456, 2)
    assert parameters.parallelism == 1


def test_only_the_same_password_opens_and_no_two_hashes_are_equal() -> None:
    one, other = passwords.hash_password(GOOD), passwords.hash_password(GOOD)
    assert one != other
    assert passwords.is_password(GOOD, one)
    assert passwords.is_password(GOOD, other)
    assert not passwords.is_password(GOOD + " ", one)
    assert not passwords.is_password("", one)


def test_a_password_typed_with_composed_or_combining_letters_is_the_same() -> None:
    encoded = passwords.hash_password("caf\u00e9 corner table")
    assert passwords.is_password("cafe\u0301 corner table", encoded)


@pytest.mark.parametrize("password", ["\x00" * 12, "\ud800 lone surrogate", "🐢🐇🐢🐇🐢🦊🐻🐼🐨🐯"])
def test_any_text_can_be_checked_without_a_crash(password: str) -> None:
    assert passwords.is_password(password, passwords.hash_password(password))


def test_a_password_cut_at_the_limit_does_not_open() -> None:
    longest = "abcdefghi " * 20
    encoded = passwords.hash_password(longest)
    assert passwords.is_password(longest, encoded)
    assert not passwords.is_password(longest + "x" * 1_000_000, encoded)


def test_nobodys_password_costs_the_same_computation_and_never_opens() -> None:
    before = passwords.computations()
    assert not passwords.is_password(GOOD, None)
    assert passwords.computations() == before + 1
    assert not passwords.needs_rehash(passwords._NOBODYS_HASH)  # today's parameters, so today's work


def test_a_hash_of_older_parameters_is_noticed() -> None:
    weaker = PasswordHasher(time_cost=1, memory_cost=8_192, parallelism=1).hash(GOOD)
    assert passwords.needs_rehash(weaker)
    assert passwords.is_password(GOOD, weaker)
    assert not passwords.needs_rehash(passwords.hash_password(GOOD))


def test_no_more_hashes_are_computed_at_once_than_there_are_cores() -> None:
    threads = [threading.Thread(target=lambda: passwords.is_password(GOOD, None)) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 1 <= passwords.computations_at_once() <= passwords.AT_ONCE


@pytest.mark.parametrize(
    ("password", "refusal"),
    [
        ("short 9 ch", None),
        ("short 9 c", PasswordTooShort),
        ("x" * 201, PasswordTooLong),
        ("password12", PasswordTooCommon),
        ("Password123!", PasswordTooCommon),
        ("1234567890", PasswordTooCommon),
        ("qwertyuiop", PasswordTooCommon),
        ("!!!liverpool2024", PasswordTooCommon),
        ("aaaaaaaaaaaa", PasswordTooCommon),
        ("          ", PasswordTooCommon),
        ("my Ada.Lovelace key", PasswordHoldsEmail),
        (GOOD, None),
        ("日本語のパスワードです長い", None),
    ],
)
def test_weak_passwords_are_refused_by_name(password: str, refusal: type[WeakPassword] | None) -> None:
    if refusal is None:
        passwords.check_strength(password, email=ADA)
        return
    with pytest.raises(refusal):
        passwords.check_strength(password, email=ADA)


def test_a_local_part_of_two_letters_may_occur_in_a_password() -> None:
    passwords.check_strength("a bold question", email="bo@example.org")


def test_the_list_of_common_passwords_is_there_and_in_the_form_it_is_compared_in() -> None:
    common = passwords._common_passwords()
    assert len(common) > 200
    assert all(word == word.strip().casefold() for word in common)
