"""Letters to a brand whose passages went into quarantine by reports: each quarantine is written of once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update

from knowledge_base.models import Article
from knowledge_base.report_models import PassageQuarantine, QuarantineCause
from marketplace.accounts.letters import Words
from marketplace.accounts.mail import write_letter
from marketplace.accounts.models import Brand, Member, MemberRole, Person
from marketplace.accounts.permissions import Permission, allowed
from marketplace.accounts.queries import addresses_of
from marketplace.kernel.db import Tx

BRANDS_A_STEP = 100
TITLES_NAMED = 5
IN_CHARGE = [role for role in MemberRole if allowed(role, Permission.MANAGE_KNOWLEDGE)]


def write_due(tx: Tx, *, base_url: str, now: datetime) -> int:
    """Write to the owner of each article of which something was taken out since, else to all who keep the brand's
    knowledge; how many brands. What the brand took out itself it knows already.
    """
    brands = _brands_to_tell(tx)
    for brand in brands:
        told = _mark_told(tx, brand, now)  # nothing, where another process was faster
        for reader, titles in _by_reader(tx, brand, told).items():
            words = taken_out(
                brand=brand.name, titles=titles, link=f"{base_url}/b/{brand.slug}/knowledge/wrong"
            )
            write_letter(tx, recipient=reader, subject=words.subject, body=words.body, now=now)
    return len(brands)


def taken_out(*, brand: str, titles: Sequence[str], link: str) -> Words:
    one = len(titles) == 1
    named = "".join(f"  - {title}\n" for title in titles[:TITLES_NAMED])
    more = f"  and {len(titles) - TITLES_NAMED} more\n" if len(titles) > TITLES_NAMED else ""
    return Words(
        subject=f"{len(titles):,} {'passage' if one else 'passages'} of {brand} reported as wrong",
        body=(
            "Hello,\n\n"
            f"Workers reported {'a passage' if one else 'passages'} in these articles of {brand} as wrong. "
            f"{'It is' if one else 'They are'} out of all suggestions until you have looked:\n\n"
            f"{named}{more}\n"
            f"Confirm, lift or edit here: {link}\n"
        ),
    )


def _brands_to_tell(tx: Tx) -> Sequence[Brand]:
    untold = select(PassageQuarantine.brand_id).where(
        PassageQuarantine.told_at.is_(None), PassageQuarantine.cause == QuarantineCause.REPORTS
    )
    return tx.scalars(select(Brand).where(Brand.id.in_(untold)).order_by(Brand.id).limit(BRANDS_A_STEP)).all()


@dataclass(frozen=True, slots=True, kw_only=True)
class _TakenOut:
    """An article of which a passage was taken out; `owner` is the address of whoever owns it and may act, if any."""

    title: str
    owner: str | None


def _mark_told(tx: Tx, brand: Brand, now: datetime) -> Sequence[_TakenOut]:
    """One for each passage that the letters speak of."""
    articles = tx.scalars(
        update(PassageQuarantine)
        .where(
            PassageQuarantine.brand_id == brand.id,
            PassageQuarantine.cause == QuarantineCause.REPORTS,
            PassageQuarantine.told_at.is_(None),
        )
        .values(told_at=now)
        .returning(PassageQuarantine.article_id)
        .execution_options(synchronize_session=False)
    ).all()
    rows = tx.execute(
        select(Article.id, Article.title, Person.email)
        .outerjoin(
            Member,
            (Member.brand_id == Article.brand_id)
            & (Member.person_id == Article.owner_id)
            & Member.role.in_(IN_CHARGE),
        )
        .outerjoin(Person, Person.id == Member.person_id)
        .where(Article.brand_id == brand.id, Article.id.in_(articles))
    )
    by_id = {row.id: _TakenOut(title=row.title, owner=row.email) for row in rows}
    return [by_id[article] for article in articles]


def _by_reader(tx: Tx, brand: Brand, told: Sequence[_TakenOut]) -> Mapping[str, list[str]]:
    """The titles that each reader is written of."""
    letters: dict[str, list[str]] = {}
    everybody = addresses_of(tx, brand=brand.id, roles=IN_CHARGE) if told else ()
    for one in told:
        for reader in (one.owner,) if one.owner else everybody:
            letters.setdefault(reader, []).append(one.title)
    return letters
