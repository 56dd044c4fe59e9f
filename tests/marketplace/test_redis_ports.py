"""Both announcers keep one contract; the one over Redis also outlives its Redis."""

import threading
import time
from collections.abc import Iterator
from uuid import uuid4

import pytest
from structlog.testing import capture_logs

from marketplace.kernel.redis import (
    HEARD_MAX,
    RETRY_SECONDS,
    TEXT_BYTES_MAX,
    Announcement,
    Announcer,
    Health,
    InProcessAnnouncer,
    RedisAnnouncer,
    Subscription,
    connect,
)
from tests.redis_server import NAMED_SERVER, RedisServer, own_redis_server

SOON = 5.0
NOWHERE = "redis://127.0.0.1:1"


@pytest.fixture(scope="module")
def shared_url() -> Iterator[str]:
    if NAMED_SERVER:
        yield NAMED_SERVER
        return
    with own_redis_server() as server:
        yield server.url


@pytest.fixture(params=["redis", "in process"])
def announcer(request: pytest.FixtureRequest) -> Iterator[Announcer]:
    made: Announcer
    if request.param == "redis":
        made = RedisAnnouncer(request.getfixturevalue("shared_url"), prefix=f"test:{uuid4().hex}:")
    else:
        made = InProcessAnnouncer()
    yield made
    made.close()


@pytest.fixture
def server() -> Iterator[RedisServer]:
    with own_redis_server() as started:
        yield started


def said(topic: str, *texts: str) -> list[Announcement]:
    return [Announcement(topic=topic, text=text) for text in texts]


def test_a_listener_hears_what_is_said_after_it_subscribed_in_order(announcer: Announcer) -> None:
    announcer.publish("pool", "before")
    listener = announcer.subscribe("pool")
    for text in ("one", "two", "drei ü 🙂"):
        announcer.publish("pool", text)
    assert heard_by(listener, 3) == said("pool", "one", "two", "drei ü 🙂")
    listener.close()


def test_a_listener_hears_its_own_topics_only(announcer: Announcer) -> None:
    listener = announcer.subscribe("pool", "wallet")
    announcer.publish("knowledge", "not for us")
    announcer.publish("pool", "a")
    announcer.publish("wallet", "b")
    assert heard_by(listener, 2) == [*said("pool", "a"), *said("wallet", "b")]
    listener.close()


def test_every_listener_hears_the_same(announcer: Announcer) -> None:
    listeners = [announcer.subscribe("pool") for _ in range(3)]
    announcer.publish("pool", "for all")
    assert [heard_by(listener, 1) for listener in listeners] == [said("pool", "for all")] * 3
    for listener in listeners:
        listener.close()


def test_waiting_ends_as_soon_as_something_is_said(announcer: Announcer) -> None:
    listener = announcer.subscribe("pool")
    later = threading.Timer(0.1, lambda: announcer.publish("pool", "now"))
    later.start()
    begun = time.monotonic()
    assert list(listener.wait(30)) == said("pool", "now")
    assert time.monotonic() - begun < SOON
    later.join()
    listener.close()


def test_waiting_for_nothing_lasts_as_long_as_asked_and_hears_nothing(announcer: Announcer) -> None:
    listener = announcer.subscribe("pool")
    begun = time.monotonic()
    assert list(listener.wait(0.3)) == []
    assert 0.25 < time.monotonic() - begun < SOON
    listener.close()


def test_closing_wakes_a_waiting_listener_and_silences_it(announcer: Announcer) -> None:
    listener = announcer.subscribe("pool")
    later = threading.Timer(0.1, listener.close)
    later.start()
    begun = time.monotonic()
    assert list(listener.wait(30)) == []
    assert time.monotonic() - begun < SOON
    later.join()
    announcer.publish("pool", "too late")
    assert list(listener.wait(0)) == []


def test_an_announcement_is_a_hint_and_not_a_document(announcer: Announcer) -> None:
    with pytest.raises(ValueError, match="hint"):
        announcer.publish("pool", "x" * (TEXT_BYTES_MAX + 1))


def test_announcing_to_nobody_is_fine(announcer: Announcer) -> None:
    announcer.publish("pool", "hello?")
    assert announcer.is_healthy()


def test_a_slow_listener_in_this_process_keeps_the_newest_announcements() -> None:
    announcer = InProcessAnnouncer()
    listener = announcer.subscribe("pool")
    for number in range(HEARD_MAX + 5):
        announcer.publish("pool", str(number))
    heard = listener.wait(0)
    assert len(heard) == HEARD_MAX
    assert heard[-1].text == str(HEARD_MAX + 4)


def test_a_closed_listener_in_this_process_is_forgotten() -> None:
    announcer = InProcessAnnouncer()
    listener = announcer.subscribe("pool")
    listener.close()
    announcer.publish("pool", "x")
    assert announcer._subscriptions == set()


def test_without_an_address_announcements_stay_in_the_process(shared_url: str) -> None:
    assert isinstance(connect(None), InProcessAnnouncer)
    assert isinstance(connect(shared_url), RedisAnnouncer)


def test_without_its_redis_nobody_gets_an_exception_and_the_log_says_it_once() -> None:
    announcer = RedisAnnouncer(NOWHERE)
    with capture_logs() as logs:
        for _ in range(5):
            announcer.publish("pool", "anyone?")
    assert [entry["event"] for entry in logs] == ["redis.lost"]
    assert not announcer.is_healthy()


def test_without_its_redis_waiting_is_a_poll_and_no_busy_loop() -> None:
    listener = RedisAnnouncer(NOWHERE).subscribe("pool")
    begun = time.monotonic()
    for _ in range(3):
        assert list(listener.wait(0.2)) == []
    assert time.monotonic() - begun >= 0.6
    listener.close()


def test_after_a_kill_and_restart_of_redis_announcements_are_heard_again(server: RedisServer) -> None:
    announcer = RedisAnnouncer(server.url)
    listener = announcer.subscribe("pool")
    server.kill()
    with capture_logs() as logs:
        announcer.publish("pool", "lost")
        assert list(listener.wait(0.2)) == []
        server.start()
        time.sleep(RETRY_SECONDS)
        assert list(listener.wait(30)) == []  # reports the gap at once: look for yourself
        announcer.publish("pool", "found")
        assert heard_by(listener, 1) == said("pool", "found")
    assert sorted(entry["event"] for entry in logs) == [*["redis.found_again"] * 2, *["redis.lost"] * 2]
    listener.close()


def test_a_redis_that_hangs_costs_a_second_once_and_no_listener_believes_in_it(server: RedisServer) -> None:
    announcer = RedisAnnouncer(server.url)
    announcer.publish("pool", "so that there is a connection already")
    server.pause()
    begun = time.monotonic()
    with capture_logs() as logs:
        listener = announcer.subscribe("pool")
        for _ in range(10):
            announcer.publish("pool", "anyone?")
    server.resume()
    assert time.monotonic() - begun < SOON
    assert len(logs) == 2  # the subscription's loss and the announcer's
    listener.close()


def test_a_redis_that_failed_is_left_alone_for_a_while() -> None:
    seconds = [100.0]
    health = Health(user="test", monotonic=lambda: seconds[0])
    health.failed(OSError())
    assert not health.may_try()
    seconds[0] += RETRY_SECONDS
    assert health.may_try()
    health.answered()
    assert health.may_try()


def heard_by(listener: Subscription, count: int) -> list[Announcement]:
    heard: list[Announcement] = []
    deadline = time.monotonic() + SOON
    while len(heard) < count and time.monotonic() < deadline:
        heard += listener.wait(0.5)
    return heard
