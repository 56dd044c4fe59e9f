"""The only door to Redis: announcements between processes. Redis announces, the database decides.

An announcement says "look again", never what is true, so losing one costs a reader one poll and nothing else.
That is why nobody here raises when Redis is gone: publishing does nothing, waiting lasts as long as a poll,
and the log says so once. Without a Redis the in-process twin does the same for one process.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import redis
import structlog
from redis.backoff import NoBackoff
from redis.retry import Retry

CONNECT_SECONDS = 0.5
ANSWER_SECONDS = 1.0
RETRY_SECONDS = 2.0  # how long a Redis that failed is left alone, so that an outage costs no request its time
SLICE_SECONDS = 0.25  # how soon a waiting subscription notices that it was closed
CONNECTIONS_MAX = 32
HEARD_MAX = 1_000  # announcements a slow listener may be behind; older ones are dropped
TEXT_BYTES_MAX = 8_000
CHANNEL_PREFIX = "humancloud:"

log = structlog.get_logger(__name__)
Client = redis.Redis


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """Something changed that concerns `topic`; `text` is a hint, such as a kind of fact."""

    topic: str
    text: str


class Subscription(Protocol):
    """A listener on some topics, used by one thread; `close` may be called from any."""

    def wait(self, seconds: float) -> Sequence[Announcement]:
        """What was announced since the last call, in order; waits up to `seconds` for the first.

        An empty answer means "look for yourself": nothing was heard, announcements may have been lost, or the
        subscription is closed. It never raises.
        """
        ...

    def close(self) -> None:
        """Stop listening; a `wait` under way returns at once or within a quarter of a second."""
        ...


class Announcer(Protocol):
    """Tells every listener of a topic, in this process or in all of them, that it is worth looking again.

    Every announcement published after `subscribe` returned is heard by that subscription, in order, unless
    the listener falls more than HEARD_MAX behind or Redis fails.
    """

    def publish(self, topic: str, text: str = "") -> None:
        """Announce; call it after the commit. Never raises for want of a Redis."""
        ...

    def subscribe(self, *topics: str) -> Subscription:
        """Listen to `topics` from now on."""
        ...

    def is_healthy(self) -> bool:
        """Whether an announcement made now would be heard."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...


class Health:
    """Whether Redis is worth trying: after a failure it is left alone for RETRY_SECONDS."""

    def __init__(self, *, user: str, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._user = user
        self._monotonic = monotonic
        self._down_until: float | None = None

    def may_try(self) -> bool:
        return self._down_until is None or self._monotonic() >= self._down_until

    def failed(self, error: Exception) -> None:
        if self._down_until is None:
            log.warning("redis.lost", user=self._user, error=type(error).__name__)
        self._down_until = self._monotonic() + RETRY_SECONDS

    def answered(self) -> None:
        if self._down_until is not None:
            log.info("redis.found_again", user=self._user)
        self._down_until = None


def connect(url: str | None) -> Announcer:
    """The announcer of this installation: through the Redis at `url`, or within this process."""
    return InProcessAnnouncer() if url is None else RedisAnnouncer(url)


def client(url: str) -> Client:
    """A client that gives up quickly and never retries by itself. Connects on first use."""
    return redis.Redis.from_url(
        url,
        socket_connect_timeout=CONNECT_SECONDS,
        socket_timeout=ANSWER_SECONDS,
        max_connections=CONNECTIONS_MAX,
        retry=Retry(NoBackoff(), 0),
    )


FAILURES = (redis.RedisError, OSError)


class RedisAnnouncer:
    """Announces through Redis, to every process of the installation."""

    def __init__(self, url: str, *, prefix: str = CHANNEL_PREFIX) -> None:
        self._client = client(url)
        self._prefix = prefix
        self._health = Health(user="announcements")

    def publish(self, topic: str, text: str = "") -> None:
        payload = _payload(text)
        if not self._health.may_try():
            return
        try:
            self._client.publish(self._prefix + topic, payload)
        except FAILURES as error:
            self._health.failed(error)
        else:
            self._health.answered()

    def subscribe(self, *topics: str) -> "RedisSubscription":
        return RedisSubscription(self._client, topics=topics, prefix=self._prefix)

    def is_healthy(self) -> bool:
        try:
            return bool(self._client.ping())
        except FAILURES:
            return False

    def close(self) -> None:
        # Not those in use: redis-py would pull the parser from under another thread's publish.
        self._client.connection_pool.disconnect(inuse_connections=False)


class RedisSubscription:
    """Listens on a connection of its own; subscribes again after Redis was gone."""

    def __init__(self, client: Client, *, topics: Sequence[str], prefix: str) -> None:
        self._client = client
        self._channels = [prefix + topic for topic in topics]
        self._prefix = prefix
        self._health = Health(user=f"subscription to {', '.join(topics)}")
        self._closed = threading.Event()
        self._in_use = threading.Lock()
        self._listener: Any = None  # redis-py does not annotate its PubSub
        self._early: list[Announcement] = []
        with self._in_use:
            self._listen()

    def wait(self, seconds: float) -> Sequence[Announcement]:
        with self._in_use:
            if self._closed.is_set():
                return ()
            if self._listener is None:
                return self._wait_for_redis(seconds)
            try:
                return self._heard(time.monotonic() + seconds)
            except FAILURES as error:
                self._lose(error)
                return ()

    def close(self) -> None:
        self._closed.set()
        with self._in_use:
            self._hang_up()

    def _heard(self, deadline: float) -> Sequence[Announcement]:
        heard, self._early = self._early, []
        while not heard and not self._closed.is_set() and (left := deadline - time.monotonic()) > 0:
            heard += self._read(min(left, SLICE_SECONDS))
        while heard and len(heard) < HEARD_MAX and (more := self._read(0)):
            heard += more
        return heard

    def _read(self, seconds: float) -> list[Announcement]:
        message = self._listener.get_message(ignore_subscribe_messages=True, timeout=seconds)
        return [self._announcement(message)] if message else []

    def _announcement(self, message: dict[str, Any]) -> Announcement:
        topic = message["channel"].decode().removeprefix(self._prefix)
        return Announcement(topic=topic, text=message["data"].decode(errors="replace"))

    def _wait_for_redis(self, seconds: float) -> Sequence[Announcement]:
        """Subscribe again and report at once, as what was said meanwhile is lost; else sleep like a poll."""
        if not self._health.may_try() or not self._listen():
            self._closed.wait(seconds)
        return ()

    def _listen(self) -> bool:
        """Subscribe and wait until Redis has confirmed every channel."""
        self._listener = self._client.pubsub()  # type: ignore[no-untyped-call]  # redis-py leaves it bare
        try:
            self._listener.subscribe(*self._channels)
            self._await_confirmations()
        except FAILURES as error:
            self._lose(error)
            return False
        self._health.answered()
        return True

    def _await_confirmations(self) -> None:
        open_channels, deadline = len(self._channels), time.monotonic() + ANSWER_SECONDS
        while open_channels:
            message = self._listener.get_message(timeout=max(0.0, deadline - time.monotonic()))
            if message is None:
                raise redis.TimeoutError("Redis did not confirm the subscription.")
            if message["type"] == "subscribe":
                open_channels -= 1
            else:
                self._early.append(self._announcement(message))

    def _lose(self, error: Exception) -> None:
        self._health.failed(error)
        self._hang_up()

    def _hang_up(self) -> None:
        if self._listener is not None:
            self._listener.close()
            self._listener = None


class InProcessAnnouncer:
    """The same within one process, for installations without a Redis."""

    def __init__(self) -> None:
        self._subscriptions: set[InProcessSubscription] = set()
        self._lock = threading.Lock()

    def publish(self, topic: str, text: str = "") -> None:
        _payload(text)
        heard = Announcement(topic=topic, text=text)
        with self._lock:
            listeners = [one for one in self._subscriptions if topic in one.topics]
        for one in listeners:
            one.hear(heard)

    def subscribe(self, *topics: str) -> "InProcessSubscription":
        subscription = InProcessSubscription(topics, forget=self._forget)
        with self._lock:
            self._subscriptions.add(subscription)
        return subscription

    def is_healthy(self) -> bool:
        return True

    def close(self) -> None:
        with self._lock:
            subscriptions = list(self._subscriptions)
        for one in subscriptions:
            one.close()

    def _forget(self, subscription: "InProcessSubscription") -> None:
        with self._lock:
            self._subscriptions.discard(subscription)


class InProcessSubscription:
    """A listener's own bounded queue."""

    def __init__(self, topics: Sequence[str], *, forget: Callable[["InProcessSubscription"], None]) -> None:
        self.topics = frozenset(topics)
        self._forget = forget
        self._heard: deque[Announcement] = deque(maxlen=HEARD_MAX)
        self._changed = threading.Condition()
        self._closed = False

    def hear(self, announcement: Announcement) -> None:
        with self._changed:
            self._heard.append(announcement)
            self._changed.notify_all()

    def wait(self, seconds: float) -> Sequence[Announcement]:
        with self._changed:
            self._changed.wait_for(lambda: self._heard or self._closed, timeout=seconds)
            heard = () if self._closed else tuple(self._heard)
            self._heard.clear()
            return heard

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._forget(self)


def _payload(text: str) -> bytes:
    payload = text.encode()
    if len(payload) > TEXT_BYTES_MAX:
        raise ValueError(f"An announcement is a hint of at most {TEXT_BYTES_MAX} bytes.")
    return payload
