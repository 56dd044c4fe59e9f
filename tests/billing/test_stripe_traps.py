"""Traps of the SDK that no test of behaviour would notice in time."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
HOUSES = ("marketplace", "guidance", "knowledge_base", "billing", "workers_ui")
UNVERIFIED = ("construct_event_without_verification", "parse_event_notification_without_verification")


def test_nothing_takes_an_event_without_looking_at_its_signature() -> None:
    """Also not the background: it reads the body that the endpoint kept, which was verified before."""
    sources = [path for house in HOUSES for path in (ROOT / house).rglob("*.py")]
    assert len(sources) > 100
    takers = [path.name for path in sources if any(word in path.read_text() for word in UNVERIFIED)]
    assert takers == []


def test_one_module_checks_signatures() -> None:
    checkers = {
        path.relative_to(ROOT).as_posix()
        for house in HOUSES
        for path in (ROOT / house).rglob("*.py")
        if any(word in path.read_text() for word in ("verify_header", "construct_event", "parse_event_"))
    }
    assert checkers == {"billing/webhook_signature.py"}
