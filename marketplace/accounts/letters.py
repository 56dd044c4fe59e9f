"""The words of the letters that accounts send; pure."""

from dataclasses import dataclass
from datetime import datetime

from marketplace.accounts.models import MemberRole


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    subject: str
    body: str


def invitation(*, brand: str, role: MemberRole, link: str, ends: datetime) -> Words:
    return Words(
        subject=f"You are invited to {brand} on Human Cloud",
        body=(
            "Hello,\n\n"
            f"{brand} invites you to join its team on Human Cloud as {role.value}.\n\n"
            f"Accept here: {link}\n\n"
            f"The link works once, until {ends:%d %B %Y %H:%M} UTC.\n"
            "If you did not expect this, you need not do anything.\n"
        ),
    )


def password_reset(*, link: str, minutes: int) -> Words:
    return Words(
        subject="Set a new password for Human Cloud",
        body=(
            "Hello,\n\n"
            "Somebody, probably you, asked for a new password for this e-mail address.\n\n"
            f"Set it here: {link}\n\n"
            f"The link works once, for {minutes} minutes. Setting a password signs you out everywhere.\n"
            "If it was not you, you need not do anything: your password stays as it is.\n"
        ),
    )
