"""PostgreSQL, driven through libpq: `postgresql://user:password@host:port/database?parameter=value`.

Any parameter of libpq may stand in the URL, and its environment variables and ~/.pgpass count too.
"""

from dataclasses import replace

from perfkit.backends.address import is_local
from perfkit.backends.base import Target
from perfkit.backends.postgres.connection import connect, parse_url
from perfkit.backends.postgres.metrics import PostgresMetrics, server_process
from perfkit.backends.postgres.settings import PostgresSettings
from perfkit.backends.postgres.workload import PostgresWorkload
from perfkit.results import TargetInfo

__all__ = ["open_target"]

# The settings that most often explain a difference between two runs.
SETTINGS = (
    "max_connections", "shared_buffers", "effective_cache_size", "work_mem", "maintenance_work_mem",
    "fsync", "synchronous_commit", "full_page_writes", "wal_level", "wal_buffers", "max_wal_size",
    "checkpoint_timeout", "checkpoint_completion_target", "random_page_cost", "seq_page_cost",
    "effective_io_concurrency", "max_parallel_workers_per_gather", "jit", "autovacuum", "huge_pages",
    "default_transaction_isolation", "shared_preload_libraries", "track_io_timing",
)  # fmt: skip


def open_target(url: str) -> Target:
    """Connects once to learn the server's facts. TargetError, UsageError for a bad URL."""
    server = parse_url(url)
    with connect(server) as connection:
        rows = connection.execute(
            # The view leaves out what this user may not see, where current_setting alone would fail.
            "SELECT name, current_setting(name) FROM pg_settings WHERE name = ANY (%s)",
            (list(SETTINGS),),
        ).fetchall()
        settings = {str(name): str(value) for name, value in rows}
        info = connection.info
        local = is_local(info.hostaddr or info.host)
        host = info.host if info.host.startswith("/") else f"{info.host or 'localhost'}:{info.port}"
        version = info.parameter_status("server_version")
        pid = server_process(connection) if local else None
    server = replace(server, limit=int(settings.get("max_connections", 0)) or None)
    return Target(
        info=TargetInfo("postgresql", server.shown, version, settings),
        host=host,
        local=local,
        workload=PostgresWorkload(server),
        metrics=PostgresMetrics(server, pid),
        settings=PostgresSettings(server),
    )
