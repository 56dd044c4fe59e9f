"""What a bank's refusal means, in plain words for the worker whose bank it is; pure."""

from collections.abc import Mapping

REASONS: Mapping[str, str] = {
    "account_closed": "the bank account is closed",
    "account_frozen": "the bank account is frozen",
    "bank_account_restricted": "the bank account may not receive this kind of payment",
    "bank_ownership_changed": "the bank account now belongs to another bank",
    "could_not_process": "the bank could not process it",
    "debit_not_authorized": "the bank account does not allow it",
    "declined": "the bank declined it",
    "incorrect_account_holder_address": "the address of the account's holder does not match",
    "incorrect_account_holder_name": "the name of the account's holder does not match",
    "incorrect_account_type": "the type of the bank account does not match",
    "invalid_account_number": "the account number is not valid",
    "invalid_account_number_length": "the account number has the wrong length",
    "invalid_currency": "the bank account does not take this currency",
    "no_account": "the bank found no such account",
}
OTHERWISE = "the bank gave no reason"
FIX = "Choose “Change at Stripe” under Earnings and check the account number and the name, or give another account."
YOURS = (
    "The money is yours: it went back to your balance at Stripe, which pays it out once your bank takes it."
)
PAUSED = "Your bank refused three payouts in a row, so we send no more until Stripe has another bank account of yours."


def reason_of(failure_code: str | None) -> str:
    """Why a bank refused; it follows “because”."""
    return REASONS.get(failure_code or "", OTHERWISE)
