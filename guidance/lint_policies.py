"""A brand's lint policy as stored: immutable versions, the newest holds."""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from guidance.findings import FindingKind
from guidance.lint_policy import USUAL, USUAL_POLICY, Level, LintPolicy
from guidance.models import LintPolicyVersion
from guidance.versions import add_version, newest_version, versions
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import Conflict, Invalid, NotFound
from marketplace.kernel.ids import BrandId, PersonId

VERSIONS_LISTED = 50


class UnfitPolicy(Invalid):
    """This choice cannot be used as it is."""


class PolicyChanged(Conflict):
    """Somebody else changed the reply rules meanwhile. Look at what holds now, then save yours again."""


class NoSuchVersion(NotFound):
    """The reply rules have no such version."""


class NumberedPolicy(NamedTuple):
    version: int
    policy: LintPolicy


def policy_of(tx: Tx, *, brand: BrandId) -> NumberedPolicy:
    """What holds for the brand, and its version; version 0 is the usual one of a brand that chose nothing."""
    newest = newest_version(tx, LintPolicyVersion, brand=brand)
    if newest is None:
        return NumberedPolicy(0, USUAL_POLICY)
    return NumberedPolicy(newest.version, LintPolicy(read_levels(newest.levels)))


def set_policy(
    tx: Tx,
    *,
    brand: BrandId,
    levels: Mapping[FindingKind, Level],
    author: PersonId | None,
    now: datetime,
    based_on: int | None = None,
) -> NumberedPolicy:
    """Make `levels` the brand's choice, as a new version; the same again changes nothing.

    `based_on` is the version that was edited; None replaces whatever holds. Kinds that always block
    are passed over. Raises PolicyChanged.
    """
    policy = LintPolicy({kind: levels.get(kind, usual) for kind, usual in USUAL.items()})
    current = policy_of(tx, brand=brand)
    if based_on is not None and based_on != current.version:
        raise PolicyChanged
    if current.version and current.policy == policy:
        return current
    added = add_version(
        tx,
        LintPolicyVersion,
        brand=brand,
        version=current.version + 1,
        levels={kind.value: level.value for kind, level in policy.levels.items()},
        author_id=author,
        written_at=now,
    )
    if added is None:
        raise PolicyChanged
    return NumberedPolicy(added.version, policy)


def restore_policy(
    tx: Tx, *, brand: BrandId, version: int, author: PersonId | None, now: datetime
) -> NumberedPolicy:
    """Make an earlier version's choice the newest. Raises NoSuchVersion, PolicyChanged."""
    row = tx.get(LintPolicyVersion, (brand, version))
    if row is None:
        raise NoSuchVersion
    return set_policy(tx, brand=brand, levels=read_levels(row.levels), author=author, now=now)


def policy_versions(tx: Tx, *, brand: BrandId) -> list[LintPolicyVersion]:
    """The newest versions first."""
    return versions(tx, LintPolicyVersion, brand=brand, limit=VERSIONS_LISTED)


def read_levels(written: Mapping[str, str]) -> dict[FindingKind, Level]:
    """Levels by kind, from their JSON. Raises UnfitPolicy for a kind that nobody may choose, or no level."""
    adjustable, known = {kind.value for kind in USUAL}, {level.value for level in Level}
    for kind, level in written.items():
        if kind not in adjustable:
            raise UnfitPolicy(
                f"“{kind[:40]}” is no kind of finding that can be set. Use one of {_listed(adjustable)}."
            )
        if level not in known:
            raise UnfitPolicy(f"“{level[:40]}” is no level. Use block, warn or off.")
    return {FindingKind(kind): Level(level) for kind, level in written.items()}


def _listed(words: set[str]) -> str:
    return ", ".join(sorted(words))
