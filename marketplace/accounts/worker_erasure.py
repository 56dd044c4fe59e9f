"""Erasing a worker's personal data: who it was is forgotten, what was done and paid stays under the opaque id.

Name, address and password go, letters to the address and open ways in go, what the worker speaks and can do goes.
Postings, earnings and statements name the worker's id alone, and so do transfers: the account at Stripe keeps its
id here, for what is still owed, and who stands behind it is Stripe's to keep or to erase.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select

from marketplace.accounts import passwords, tokens
from marketplace.accounts.errors import NoSuchPerson
from marketplace.accounts.models import Invite, Mail, Member, PasswordReset, Person, Worker
from marketplace.accounts.sessions import sign_out_everywhere
from marketplace.events.commands import record
from marketplace.events.facts import OperatorActed, PersonSuspended
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import Conflict
from marketplace.kernel.ids import PersonId, WorkerId

ERASED = "Erased worker"
NOWHERE = "erased.invalid"
"""A domain that never receives mail (RFC 2606)."""


class NotAWorker(Conflict):
    """This person is no worker, so there is nothing of a worker to erase."""


class StillMember(Conflict):
    """This person is a member of a brand too. The brand removes them first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    person: PersonId
    worker: WorkerId


def erase_worker(tx: Tx, *, person: PersonId, by: PersonId | None, reason: str, now: datetime) -> Erased:
    """Forget who `person` is; running claims go back in the same commit. Again, it changes nothing more.

    Raises NoSuchPerson, NotAWorker, StillMember.
    """
    row = tx.get(Person, person, with_for_update=True)
    if row is None:
        raise NoSuchPerson
    worker = tx.scalars(select(Worker).where(Worker.person_id == person)).one_or_none()
    if worker is None:
        raise NotAWorker
    if tx.scalar(select(Member.brand_id).where(Member.person_id == person).limit(1)) is not None:
        raise StillMember
    tx.execute(delete(Mail).where(Mail.recipient == row.email))
    tx.execute(delete(Invite).where(Invite.email == row.email))
    tx.execute(delete(PasswordReset).where(PasswordReset.person_id == person))
    sign_out_everywhere(tx, person)
    row.name, row.email = ERASED, f"{person.hex}@{NOWHERE}"
    row.password_hash = passwords.hash_password(tokens.new_token())  # nobody has it
    row.locale, row.time_zone = "en", "UTC"
    row.suspended_at, row.suspended_for = row.suspended_at or now, "erased"
    worker.languages, worker.skills, worker.available = ["en"], [], False
    tx.flush()
    record(tx, PersonSuspended(worker=worker.id, person=person))
    if by is not None:
        record(tx, OperatorActed(target=person, act="erased the worker", person=by, reason=reason))
    return Erased(person=person, worker=worker.id)
