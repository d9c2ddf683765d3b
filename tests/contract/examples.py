"""The same handful of operations as each backend writes them, over the dataset kv."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

import psycopg
from pymongo import MongoClient
from redis import Redis

from perfkit.scenario import Expect, Operation

Ask = Callable[[str], Any]  # asks the server at a URL, past perfkit

ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"


@dataclass(frozen=True, kw_only=True)
class Example:
    """Operations on one backend, and how to look behind its back."""

    read: Operation  # the row of kv with the key :id
    write: Operation  # puts :text under the key 1
    failing: Operation  # the server answers it with an error of `error_class`
    error_class: str
    refused: Operation  # found to be wrong before it is ever executed
    foreign: Operation  # belongs to another backend
    slow: Operation  # takes a minute
    running: Ask  # how many slow operations the server is busy with
    stored: Ask  # the value under the key 1
    occupy: Ask  # puts something of the user's own where kv would be
    drop_kv: Ask  # what a user does who needs the room


def expecting(operation: Operation, **expect: Any) -> Operation:
    """The same operation with another expectation."""
    return operation.model_copy(update={"expect": Expect(**expect)})


def _sql(name: str, text: str) -> Operation:
    return Operation(name=name, sql=text)


def _redis_command(name: str, *command: Any) -> Operation:
    return Operation(name=name, redis=(command,))


def _postgres(statement: str) -> Ask:
    def ask(url: str) -> Any:
        with psycopg.connect(url, autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            row = cursor.fetchone() if cursor.description else None
            return row[0] if row else None

    return ask


def _sqlite(statement: str) -> Ask:
    def ask(url: str) -> Any:
        path = urlsplit(url).path.removeprefix("/")
        with closing(sqlite3.connect(path)) as connection, connection:
            row = connection.execute(statement).fetchone()
            return row[0] if row else None

    return ask


def _redis(*command: Any) -> Ask:
    def ask(url: str) -> Any:
        with Redis.from_url(url, decode_responses=True) as client:
            return client.execute_command(*command)

    return ask


def _mongo(ask_database: Callable[[Any], Any]) -> Ask:
    def ask(url: str) -> Any:
        with MongoClient[dict[str, Any]](url) as client:
            return ask_database(client.get_default_database())

    return ask


def _mongo_running(database: Any) -> int:
    slow = {"$match": {"command.filter.$where": {"$exists": True}, "active": True}}
    return len(list(database.client.admin.aggregate([{"$currentOp": {}}, slow])))


def _redis_running(url: str) -> int:
    with Redis.from_url(url) as client:
        return int(client.info("clients")["blocked_clients"])


POSTGRES = Example(
    read=_sql("read", "SELECT v FROM kv WHERE id = :id"),
    write=_sql("write", "UPDATE kv SET v = :text WHERE id = 1"),
    failing=_sql("failing", "INSERT INTO kv (id, v) VALUES (1, 'x')"),
    error_class="unique_violation",
    refused=_sql("refused", "SELEC v FROM kv"),
    foreign=_redis_command("foreign", "GET", "kv:1"),
    slow=_sql("slow", "SELECT pg_sleep(60)"),
    running=_postgres(
        "SELECT count(*) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(60)' AND state = 'active'"
    ),
    stored=_postgres("SELECT v FROM kv WHERE id = 1"),
    occupy=_postgres("CREATE TABLE kv (precious TEXT)"),
    drop_kv=_postgres("DROP TABLE kv"),
)
SQLITE = replace(
    POSTGRES,
    error_class="SQLITE_CONSTRAINT_PRIMARYKEY",
    slow=_sql("slow", ENDLESS).model_copy(update={"timeout_ns": 100_000_000}),
    running=lambda _: 0,  # SQLite is a library: a request is over when `send` returns
    stored=_sqlite("SELECT v FROM kv WHERE id = 1"),
    occupy=_sqlite("CREATE TABLE kv (precious TEXT)"),
    drop_kv=_sqlite("DROP TABLE kv"),
)
REDIS = Example(
    read=_redis_command("read", "GET", "kv:{id}"),
    write=_redis_command("write", "SET", "kv:1", "{text}"),
    failing=_redis_command("failing", "LPUSH", "kv:1", "x"),
    error_class="WRONGTYPE",
    refused=_redis_command("refused", "GETT", "kv:1"),
    foreign=_sql("foreign", "SELECT 1"),
    slow=_redis_command("slow", "BLPOP", "nothing", 60),
    running=_redis_running,
    stored=_redis("GET", "kv:1"),
    occupy=_redis("SET", "kv:1", "precious"),
    drop_kv=_redis("FLUSHDB"),
)
MONGO = Example(
    read=Operation(name="read", mongo={"find": "kv", "filter": {"_id": "{id}"}}),
    write=Operation(
        name="write", mongo={"update": "kv", "filter": {"_id": 1}, "u": {"$set": {"v": "{text}"}}}
    ),
    failing=Operation(name="failing", mongo={"insert": "kv", "document": {"_id": 1}}),
    error_class="DuplicateKey",
    refused=Operation(name="refused", mongo={"fnd": "kv"}),
    foreign=_sql("foreign", "SELECT 1"),
    slow=Operation(
        name="slow",
        mongo={"find": "kv", "filter": {"$where": "function() {{ sleep(60000); return true; }}"}},
    ),
    running=_mongo(_mongo_running),
    stored=_mongo(lambda database: database.kv.find_one({"_id": 1})["v"]),
    occupy=_mongo(lambda database: database.kv.insert_one({"_id": 1, "v": "precious"})),
    drop_kv=_mongo(lambda database: database.kv.drop()),
)

EXAMPLES = {"sqlite": SQLITE, "postgres": POSTGRES, "redis": REDIS, "mongo": MONGO}
