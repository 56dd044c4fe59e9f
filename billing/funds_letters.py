"""Letters to whoever looks after a brand's wallet, in the transaction of what they are about."""

from marketplace.accounts.letters import Words
from marketplace.accounts.mail import write_letter
from marketplace.accounts.models import Brand, MemberRole
from marketplace.accounts.permissions import Permission, allowed
from marketplace.accounts.queries import addresses_of
from marketplace.events.facts import AutoTopUpStopped, BrandFrozen
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Tx
from marketplace.kernel.ids import BrandId

IN_CHARGE = [role for role in MemberRole if allowed(role, Permission.MANAGE_WALLET)]


def tell_of_stopped_top_up(tx: Tx, fact: AutoTopUpStopped) -> None:
    """Nothing is charged by itself any more: tickets will wait once the wallet is empty."""
    _write(tx, fact.owner, stopped(brand=_name(tx, fact.owner), reason=fact.reason))


def tell_of_freeze(tx: Tx, fact: BrandFrozen) -> None:
    """No new ticket opens: a top-up was taken back."""
    _write(tx, fact.owner, frozen(brand=_name(tx, fact.owner)))


def stopped(*, brand: str, reason: str) -> Words:
    return Words(
        subject=f"Automatic top-up has stopped at {brand}",
        body=(
            "Hello,\n\n"
            f"The saved payment method of {brand} was refused: {reason.rstrip('.')}.\n\n"
            "We do not try it again by ourselves. Once the wallet is empty, new tickets wait and are not shown to "
            "workers. Open Wallet to save automatic top-up again, with another method if need be.\n"
        ),
    )


def frozen(*, brand: str) -> Words:
    return Words(
        subject=f"A top-up of {brand} was taken back",
        body=(
            "Hello,\n\n"
            f"The bank has taken back a payment into the wallet of {brand}. Until that is settled, no new ticket "
            "opens; those that somebody answers go on, and workers are paid.\n\n"
            "Open Wallet to see which payment it is, and what is owed.\n"
        ),
    )


def _name(tx: Tx, brand: BrandId) -> str:
    return tx.get_one(Brand, brand).name


def _write(tx: Tx, brand: BrandId, words: Words) -> None:
    for reader in addresses_of(tx, brand=brand, roles=IN_CHARGE):
        write_letter(tx, recipient=reader, subject=words.subject, body=words.body, now=app_now(tx))
