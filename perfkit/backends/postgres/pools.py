"""Settings of the pools before PostgreSQL: PgBouncer's, and those of psycopg's own pool."""

from perfkit.backends.client_settings import ClientSetting, one_of, seconds, whole

_INI = "pgbouncer.ini, section [pgbouncer]"
_POOL = "the arguments of psycopg_pool.ConnectionPool"
_BOUNCER_COUNTS = (
    "default_pool_size", "max_client_conn", "max_db_connections", "max_prepared_statements",
    "max_user_connections", "min_pool_size", "reserve_pool_size",
)  # fmt: skip
_BOUNCER_SECONDS = (
    "client_idle_timeout", "client_login_timeout", "idle_transaction_timeout", "query_timeout",
    "query_wait_timeout", "reserve_pool_timeout", "server_check_delay", "server_connect_timeout",
    "server_idle_timeout", "server_lifetime",
)  # fmt: skip

# https://www.pgbouncer.org/config.html, https://www.psycopg.org/psycopg3/docs/api/pool.html
SETTINGS = {
    "pool_mode": ClientSetting(_INI, one_of("session", "transaction", "statement")),
    **{name: ClientSetting(_INI, whole()) for name in _BOUNCER_COUNTS},
    **{name: ClientSetting(_INI, seconds) for name in _BOUNCER_SECONDS},
    "min_size": ClientSetting(_POOL, whole()),
    "max_size": ClientSetting(_POOL, whole(1)),
    "max_waiting": ClientSetting(_POOL, whole()),
    "num_workers": ClientSetting(_POOL, whole(1)),
    **{name: ClientSetting(_POOL, seconds) for name in ("timeout", "max_idle", "max_lifetime")},
    "reconnect_timeout": ClientSetting(_POOL, seconds),
}
