"""How often somebody may try: a moving window, counted in Redis for all processes or in this one alone.

The only door to `limits`. With Redis gone each process counts for itself: the limit holds per process, which
is looser, but nobody is locked out and nothing is unlimited.
"""

from hashlib import sha256

from limits import RateLimitItemPerSecond
from limits.storage import MemoryStorage, RedisStorage
from limits.strategies import MovingWindowRateLimiter

from marketplace.kernel.errors import TooMany
from marketplace.kernel.redis import FAILURES, Health, client

WINDOW_SECONDS = 60
KEY_PREFIX = "humancloud:limit"


class TooManyAttempts(TooMany):
    """Too many attempts. Wait a minute, then try again."""

    def __init__(self, *, wait_seconds: int) -> None:
        super().__init__()
        self.wait_seconds = wait_seconds


class RateLimiter:
    """Counts attempts by name and key over the last minute; `window_seconds` is shorter only in tests."""

    def __init__(
        self, redis_url: str | None, *, window_seconds: int = WINDOW_SECONDS, prefix: str = KEY_PREFIX
    ) -> None:
        self._window_seconds = window_seconds
        self._own = MovingWindowRateLimiter(MemoryStorage())
        self._shared = None if redis_url is None else _shared_counters(redis_url, prefix)
        self._health = Health(user="rate limits")

    def hit(self, name: str, key: str, per_minute: int) -> None:
        """Count one attempt of `name` by `key` (an address, a person). A refused attempt is not counted.

        Raises TooManyAttempts once `per_minute` attempts lie within the window.
        """
        limit = RateLimitItemPerSecond(per_minute, self._window_seconds, namespace=name)
        # Hashed: a key may be somebody's e-mail address, and of any length.
        if not self._counted(limit, sha256(key.encode("utf-8", "surrogatepass")).hexdigest()):
            raise TooManyAttempts(wait_seconds=self._window_seconds)

    def _counted(self, limit: RateLimitItemPerSecond, key: str) -> bool:
        if self._shared is None or not self._health.may_try():
            return self._own.hit(limit, key)
        try:
            within = self._shared.hit(limit, key)
        except FAILURES as error:
            self._health.failed(error)
            return self._own.hit(limit, key)
        self._health.answered()
        return within


def _shared_counters(url: str, prefix: str) -> MovingWindowRateLimiter:
    pool = client(url).connection_pool
    return MovingWindowRateLimiter(RedisStorage(url, connection_pool=pool, key_prefix=prefix))
