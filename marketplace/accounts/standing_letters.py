"""The words of letters about standing: what, why, since when, and how to object; pure."""

from collections.abc import Mapping

from marketplace.accounts.letters import Words
from marketplace.accounts.standing_models import AppealOutcome, StandingReason

REASONS: Mapping[StandingReason, str] = {
    StandingReason.CONDUCT: "Conduct towards a customer or a brand",
    StandingReason.WRONG_ANSWERS: "Answers that were wrong or made up",
    StandingReason.PERSONAL_DATA: "Handling of personal data",
    StandingReason.FRAUD: "Claims or payouts that were not honest",
    StandingReason.SHARED_LOGIN: "A login used by more than one person",
    StandingReason.OTHER: "Another reason",
}


def warned(*, reason: StandingReason, note: str, link: str) -> Words:
    return Words(
        subject="A warning about your work on Human Cloud",
        body=(
            "Hello,\n\n"
            f"this is a warning. Nothing is restricted.\n\nReason: {REASONS[reason]}\n\n{note}\n\n"
            f"Read it here: {link}\n"
        ),
    )


def suspended(*, reason: StandingReason, note: str, link: str) -> Words:
    return Words(
        subject="Your work on Human Cloud is suspended",
        body=(
            "Hello,\n\n"
            "you cannot claim or answer tickets for now. What you have earned stays yours and is paid as usual.\n\n"
            f"Reason: {REASONS[reason]}\n\n{note}\n\n"
            f"You can appeal; a person reads it, another one than who decided where there is one: {link}\n"
        ),
    )


def reinstated(*, link: str) -> Words:
    return Words(
        subject="You can work on Human Cloud again",
        body=f"Hello,\n\nyour suspension has ended. You can claim tickets again: {link}\n",
    )


def appeal_decided(*, outcome: AppealOutcome, answer: str, link: str) -> Words:
    ended = "Your suspension is lifted." if outcome is AppealOutcome.LIFTED else "Your suspension stays."
    return Words(
        subject="Your appeal is decided",
        body=f"Hello,\n\n{ended}\n\n{answer}\n\nMore here: {link}\n",
    )


def sign_in_suspended(*, reason: str) -> Words:
    return Words(
        subject="Your sign-in to Human Cloud is suspended",
        body=(
            "Hello,\n\n"
            f"you cannot sign in for now.\n\nReason: {reason}\n\n"
            "Answer this letter to object; a person reads it.\n"
        ),
    )


def sign_in_reinstated(*, link: str) -> Words:
    return Words(
        subject="You can sign in to Human Cloud again",
        body=f"Hello,\n\nyour sign-in works again: {link}\n",
    )


def brand_approved(*, brand: str, link: str) -> Words:
    return Words(
        subject=f"{brand} is approved on Human Cloud",
        body=f"Hello,\n\n{brand} is approved. Tickets that waited are on their way to the pool: {link}\n",
    )


def brand_refused(*, brand: str, reason: str) -> Words:
    return Words(
        subject=f"{brand} is not approved on Human Cloud",
        body=(
            f"Hello,\n\n{brand} is not approved for the pool. Its tickets stay with you.\n\n"
            f"Reason: {reason}\n\nAnswer this letter when something has changed; a person reads it.\n"
        ),
    )
