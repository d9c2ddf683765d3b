"""The servers that other tests rely on keep what their fixtures promise."""

import select
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from pathlib import Path

import psutil
import psycopg
import pymongo.errors
import pytest
import redis
from pymongo import MongoClient

from tests.servers import mongo as mongo_servers
from tests.servers import postgres as postgres_servers
from tests.servers.mongo import run_mongo
from tests.servers.postgres import run_postgres
from tests.servers.process import Server, StartServer, is_alive
from tests.servers.redis import run_redis

ROOT = Path(__file__).parent.parent
RUN: dict[str, Callable[[Path], AbstractContextManager[Server]]] = {
    "postgres": run_postgres,
    "redis_server": run_redis,
    "mongo": run_mongo,
}


def ask_postgres(url: str, statement: str) -> object:
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchone() if cursor.description else None


def ask_redis(url: str, *command: str, timeout_s: float = 5) -> object:
    with redis.Redis.from_url(url, socket_timeout=timeout_s, retry=None) as client:
        return client.execute_command(*command)


def ask_mongo(url: str, command: dict[str, object]) -> dict[str, object]:
    with MongoClient[dict[str, object]](url, serverSelectionTimeoutMS=5000) as client:
        return client.get_default_database().command(command)


def test_postgres_collects_statements(postgres_url: str) -> None:
    assert ask_postgres(postgres_url, "SELECT count(*) > 0 FROM pg_stat_statements") == (True,)


def test_postgres_can_have_hypothetical_indexes(postgres_url: str) -> None:
    ask_postgres(postgres_url, "CREATE EXTENSION hypopg")


def test_postgres_refuses_a_wrong_password(postgres: Server) -> None:
    url = postgres.url.replace(postgres_servers.PASSWORD, "wrong")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        ask_postgres(url, "SELECT 1")


def test_redis_answers(redis_url: str) -> None:
    assert ask_redis(redis_url, "DBSIZE") == 0


def test_mongo_answers(mongo_url: str) -> None:
    assert ask_mongo(mongo_url, {"count": "things"})["n"] == 0


def test_postgres_is_the_same_after_a_restart(private_postgres: StartServer) -> None:
    server = private_postgres()
    ask_postgres(server.url, "CREATE TABLE things AS SELECT 5 AS n")
    server.restart()
    assert ask_postgres(server.url, "SELECT n FROM things") == (5,)


def test_redis_is_the_same_after_a_restart(private_redis: StartServer) -> None:
    server = private_redis(settings={"appendonly": "yes"})
    ask_redis(server.url, "SET", "n", "5")
    server.restart()
    assert ask_redis(server.url, "GET", "n") == b"5"


def test_mongo_is_the_same_after_a_restart(private_mongo: StartServer) -> None:
    server = private_mongo(replica_set=True)
    ask_mongo(server.url, {"insert": "things", "documents": [{"n": 5}]})
    server.restart()
    assert ask_mongo(server.url, {"count": "things"})["n"] == 1


def test_postgres_survives_a_kill(private_postgres: StartServer) -> None:
    server = private_postgres()
    with psycopg.connect(server.url) as connection:
        server.kill()
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
    server.start()
    assert ask_postgres(server.url, "SELECT 1") == (1,)


def test_a_paused_postgres_keeps_its_connections_waiting(private_postgres: StartServer) -> None:
    server = private_postgres()
    with closing(psycopg.connect(server.url)) as connection:
        server.pause()
        connection.pgconn.send_query(b"SELECT 1")
        assert not select.select([connection], [], [], 0.2)[0]
        server.resume()
        assert select.select([connection], [], [], 5)[0]


def test_a_paused_redis_answers_when_it_is_resumed(private_redis: StartServer) -> None:
    server = private_redis()
    server.pause()
    with pytest.raises(redis.TimeoutError):
        ask_redis(server.url, "PING", timeout_s=0.2)
    server.resume()
    assert ask_redis(server.url, "PING") is True


def test_redis_can_want_a_password_and_tls(private_redis: StartServer) -> None:
    server = private_redis(password="secret", tls=True)
    assert ask_redis(server.url, "PING") is True
    with pytest.raises(redis.AuthenticationError):
        ask_redis(server.url.replace(":secret@", ""), "PING")


def test_postgres_can_speak_tls(private_postgres: StartServer) -> None:
    server = private_postgres(tls=True)
    statement = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
    assert ask_postgres(server.url, statement) == (True,)


def test_mongo_can_want_a_user_and_tls(private_mongo: StartServer) -> None:
    server = private_mongo(auth=True, tls=True)
    assert ask_mongo(server.url, {"count": "things"})["n"] == 0
    with pytest.raises(pymongo.errors.OperationFailure, match="Authentication failed"):
        ask_mongo(server.url.replace(mongo_servers.PASSWORD, "wrong"), {"count": "things"})


@pytest.mark.parametrize("end", [Server.stop, Server.kill, Server.pause])
@pytest.mark.parametrize("name", RUN)
def test_nothing_is_left_of_a_server(
    name: str, end: Callable[[Server], None], server_room: Path, request: pytest.FixtureRequest
) -> None:
    request.getfixturevalue(name)  # skips where the server is missing
    with RUN[name](server_room) as server:
        processes = [psutil.Process(server.pid), *psutil.Process(server.pid).children()]
        end(server)
    assert not any(is_alive(process) for process in processes)
    assert not server.folder.exists()


def test_servers_end_also_when_their_owner_is_killed(redis_server: Server) -> None:
    program = """
import os, signal
from tests.servers.redis import run_redis
from tests.servers.room import open_room
with open_room() as room, run_redis(room) as server:
    server.pause()
    print(server.pid, room, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""
    command = [sys.executable, "-c", program]
    owner = subprocess.run(command, check=False, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    pid, room = owner.stdout.split()
    deadline_s = time.monotonic() + 10
    while Path(room).exists() and time.monotonic() < deadline_s:
        time.sleep(0.05)
    assert not Path(room).exists()
    assert not psutil.pid_exists(int(pid))
