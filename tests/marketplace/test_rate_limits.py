"""Attempts are counted in a moving window, across processes through Redis, and never not at all."""

import threading
import time
from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest
from structlog.testing import capture_logs

from marketplace.kernel.rate_limits import RateLimiter, TooManyAttempts
from marketplace.kernel.redis import client
from tests.redis_server import NAMED_SERVER, RedisServer, own_redis_server

Make = Callable[[int], RateLimiter]


@pytest.fixture(scope="module")
def shared_url() -> Iterator[str]:
    if NAMED_SERVER:
        yield NAMED_SERVER
        return
    with own_redis_server() as server:
        yield server.url


@pytest.fixture(params=["redis", "memory"])
def limiter_of(request: pytest.FixtureRequest) -> Make:
    url = request.getfixturevalue("shared_url") if request.param == "redis" else None
    return lambda seconds: RateLimiter(url, window_seconds=seconds, prefix=f"test:{uuid4().hex}")


@pytest.fixture
def limiter(limiter_of: Make) -> RateLimiter:
    return limiter_of(60)


def attempts_let_through(limiter: RateLimiter, key: str, *, of: int, per_minute: int) -> int:
    passed = 0
    for _ in range(of):
        try:
            limiter.hit("sign_in", key, per_minute)
            passed += 1
        except TooManyAttempts:
            pass
    return passed


def test_attempts_up_to_the_limit_pass_and_the_next_is_refused(limiter: RateLimiter) -> None:
    for _ in range(3):
        limiter.hit("sign_in", "ada@example.org", 3)
    with pytest.raises(TooManyAttempts, match="Too many attempts") as refused:
        limiter.hit("sign_in", "ada@example.org", 3)
    assert refused.value.wait_seconds == 60


def test_one_persons_attempts_do_not_count_for_another(limiter: RateLimiter) -> None:
    limiter.hit("sign_in", "ada@example.org", 1)
    limiter.hit("sign_in", "bob@example.org", 1)
    limiter.hit("reset", "ada@example.org", 1)
    with pytest.raises(TooManyAttempts):
        limiter.hit("sign_in", "ada@example.org", 1)


def test_the_window_moves_on(limiter_of: Make) -> None:
    limiter = limiter_of(1)
    limiter.hit("sign_in", "ada", 1)
    time.sleep(1.1)
    limiter.hit("sign_in", "ada", 1)


def test_attempts_at_the_same_moment_share_one_count(limiter: RateLimiter) -> None:
    passed: list[int] = []
    threads = [
        threading.Thread(
            target=lambda: passed.append(attempts_let_through(limiter, "ada", of=5, per_minute=7))
        )
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(passed) == 7


def test_any_text_may_be_a_key(limiter: RateLimiter) -> None:
    for key in ("", "\x00", "\ud800", "x" * 100_000, "a/b"):
        limiter.hit("sign_in", key, 1)


def test_two_processes_share_one_count_through_redis(shared_url: str) -> None:
    prefix = f"test:{uuid4().hex}"
    one, other = RateLimiter(shared_url, prefix=prefix), RateLimiter(shared_url, prefix=prefix)
    one.hit("sign_in", "ada", 2)
    other.hit("sign_in", "ada", 2)
    with pytest.raises(TooManyAttempts):
        one.hit("sign_in", "ada", 2)


def test_redis_keeps_no_address_in_clear(shared_url: str) -> None:
    prefix = f"test:{uuid4().hex}"
    RateLimiter(shared_url, prefix=prefix).hit("sign_in", "ada@example.org", 2)
    keys = list(client(shared_url).scan_iter(f"{prefix}*"))
    assert len(keys) == 1
    assert b"example" not in keys[0]


def test_without_redis_at_the_start_attempts_are_counted_here() -> None:
    with capture_logs() as logs:
        limiter = RateLimiter("redis://127.0.0.1:1")
        assert attempts_let_through(limiter, "ada", of=10, per_minute=4) == 4
    assert [entry["event"] for entry in logs] == ["redis.lost"]


def test_when_redis_dies_attempts_are_counted_here() -> None:
    server: RedisServer
    with own_redis_server() as server:
        limiter = RateLimiter(server.url)
        assert attempts_let_through(limiter, "ada", of=10, per_minute=4) == 4
        server.kill()
        assert attempts_let_through(limiter, "ada", of=10, per_minute=4) == 4
