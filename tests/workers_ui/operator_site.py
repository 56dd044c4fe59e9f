"""An operator at a site, and what a browser does there."""

from collections.abc import Mapping
from dataclasses import dataclass

from httpx2 import Response

from marketplace.accounts.models import Person, Staff, StaffRole, Worker
from marketplace.kernel.clock import app_now
from marketplace.kernel.ids import PersonId, WorkerId
from tests.builders import a_person, a_worker
from tests.workers_ui.conftest import Site, Visitor


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """Somebody who runs the platform, signed in; forms carry their token."""

    site: Site
    person: PersonId
    visitor: Visitor

    def get(self, path: str) -> Response:
        return self.visitor.client.get(f"/operator{path}")

    def post(self, path: str, data: Mapping[str, object] | None = None) -> Response:
        form = {"csrf": self.visitor.csrf, **(data or {})}
        return self.visitor.client.post(f"/operator{path}", data=form)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerAtSite:
    worker: WorkerId
    person: PersonId
    email: str
    visitor: Visitor

    def get(self, path: str) -> Response:
        return self.visitor.client.get(path)

    def post(self, path: str, data: Mapping[str, object] | None = None) -> Response:
        return self.visitor.client.post(path, data={"csrf": self.visitor.csrf, **(data or {})})


def an_operator(site: Site, *, name: str = "Olga Oakes") -> Operator:
    with site.background.transaction() as tx:
        person = a_person(tx, name=name)
        tx.add(Staff(person_id=person, role=StaffRole.OPERATOR, added_at=app_now(tx)))
    return Operator(site=site, person=person, visitor=site.signed_in(person))


def a_worker_at(site: Site, *, name: str = "Ana Alder") -> WorkerAtSite:
    with site.background.transaction() as tx:
        worker = a_worker(tx, name=name)
        person = tx.get_one(Worker, worker).person_id
        email = tx.get_one(Person, person).email
    return WorkerAtSite(worker=worker, person=person, email=email, visitor=site.signed_in(person))
