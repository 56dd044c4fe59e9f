"""`python -m tests.services DATABASE_URL REDIS_URL`: exit code 0 when both services answer."""

import sys

import psycopg
import redis

SECONDS = 2


def answer(database_url: str, redis_url: str) -> bool:
    try:
        psycopg.connect(database_url, connect_timeout=SECONDS).close()
        redis.Redis.from_url(redis_url, socket_connect_timeout=SECONDS, socket_timeout=SECONDS).ping()
    except (psycopg.OperationalError, redis.RedisError):
        return False
    return True


if __name__ == "__main__":
    sys.exit(0 if answer(*sys.argv[1:3]) else 1)
