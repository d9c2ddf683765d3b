"""Redis, and what speaks its protocol (Valkey, KeyDB, Dragonfly).

    operations:
      - { name: read,  redis: [GET, "kv:{id}"], params: { id: { zipfian: [1, 100000] } }, expect: { rows: 1 } }
      - { name: write, redis: [SET, "kv:{id}", "{text}"], params: { … } }
      - { name: basket, redis: [[HINCRBY, "basket:{id}", items, 1], [EXPIRE, "basket:{id}", 600]] }

Each connection carries one command, or one pipeline, at a time.
"""

from collections.abc import Mapping

import hiredis

from perfkit.backends.address import is_local
from perfkit.backends.base import Target
from perfkit.backends.redis.address import RedisUrl, parse_url
from perfkit.backends.redis.connection import Connection
from perfkit.backends.redis.errors import refusal
from perfkit.backends.redis.metrics import RedisMetrics, parse_info, server_pid
from perfkit.backends.redis.settings import RedisSettings
from perfkit.backends.redis.workload import RedisWorkload
from perfkit.errors import TargetError
from perfkit.results import TargetInfo

_SETTINGS = ("maxmemory", "maxmemory-policy", "appendonly", "appendfsync", "save", "io-threads")


def open_target(url: str) -> Target:
    """The Redis at the URL. UsageError for a bad URL; TargetError when none answers, or a cluster."""
    parsed = parse_url(url)
    with Connection(parsed) as connection:
        info = _server_info(connection, parsed)
        settings = _settings(connection, info)
    local = is_local(parsed.address.host)
    return Target(
        info=TargetInfo("redis", parsed.shown, _version(info), settings),
        host=parsed.address.host,
        local=local,
        workload=RedisWorkload(parsed),
        metrics=RedisMetrics(parsed, server_pid(info, local=local)),
        settings=RedisSettings(parsed, url),
    )


def _server_info(connection: Connection, url: RedisUrl) -> dict[str, str]:
    reply = connection.pipeline([["INFO"]])[0]
    if isinstance(reply, hiredis.ReplyError):
        raise refusal(url.address, reply, "INFO")
    info = parse_info(reply)
    if info.get("cluster_enabled") == "1":
        raise TargetError(
            f"{url.address} is part of a Redis Cluster, which perfkit does not drive yet",
            hint="give it a Redis without cluster mode, or a proxy in front of the cluster",
        )
    return info


def _version(info: Mapping[str, str]) -> str | None:
    """Valkey names a Redis version for compatibility, and its own apart."""
    return info.get("valkey_version") or info.get("redis_version")


def _settings(connection: Connection, info: Mapping[str, str]) -> dict[str, str]:
    """Settings that matter for the numbers; managed services refuse CONFIG, so some may be missing."""
    settings = {name: info[name] for name in ("role",) if name in info}
    replies = connection.pipeline([["CONFIG", "GET", name] for name in _SETTINGS])
    for reply in replies:
        if isinstance(reply, list) and len(reply) == 2:
            name, value = (text.decode(errors="replace") for text in reply)
            settings[name] = value
    return settings
