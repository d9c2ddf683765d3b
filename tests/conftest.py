"""Real servers for every test that asks for one, started when the first test does.

`postgres`, `redis_server` and `mongo` are shared by the whole session, and `postgres_url`, … is an
empty database on them. A test that stops, kills, pauses or configures its server takes one of its
own, as often as it likes: `private_redis(password="secret")`.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.servers import ServerMissingError
from tests.servers.mongo import empty_mongo, run_mongo
from tests.servers.postgres import empty_postgres, run_postgres
from tests.servers.process import Server, StartServer
from tests.servers.redis import empty_redis, run_redis
from tests.servers.room import open_room
from tests.servers.versions import server_versions


def pytest_report_header() -> str:
    return "servers: " + ", ".join(f"{name} {known}" for name, known in server_versions().items())


@pytest.fixture(scope="session")
def server_room() -> Iterator[Path]:
    with open_room() as room:
        yield room


@pytest.fixture(scope="session")
def postgres(server_room: Path) -> Iterator[Server]:
    with _starter("postgres", run_postgres, server_room) as start:
        yield start()


@pytest.fixture(scope="session")
def redis_server(server_room: Path) -> Iterator[Server]:
    with _starter("redis", run_redis, server_room) as start:
        yield start()


@pytest.fixture(scope="session")
def mongo(server_room: Path) -> Iterator[Server]:
    with _starter("mongo", run_mongo, server_room) as start:
        yield start()


@pytest.fixture
def private_postgres(server_room: Path) -> Iterator[StartServer]:
    with _starter("postgres", run_postgres, server_room) as start:
        yield start


@pytest.fixture
def private_redis(server_room: Path) -> Iterator[StartServer]:
    with _starter("redis", run_redis, server_room) as start:
        yield start


@pytest.fixture
def private_mongo(server_room: Path) -> Iterator[StartServer]:
    with _starter("mongo", run_mongo, server_room) as start:
        yield start


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/perfkit.db"


@pytest.fixture
def postgres_url(postgres: Server) -> Iterator[str]:
    with empty_postgres(postgres) as url:
        yield url


@pytest.fixture
def redis_url(redis_server: Server) -> Iterator[str]:
    with empty_redis(redis_server) as url:
        yield url


@pytest.fixture
def mongo_url(mongo: Server) -> Iterator[str]:
    with empty_mongo(mongo) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgres", "mongo", "redis"])
def target_url(request: pytest.FixtureRequest) -> str:
    """An empty database of each backend in turn."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@contextmanager
def _starter(
    name: str, run: Callable[..., AbstractContextManager[Server]], room: Path
) -> Iterator[StartServer]:
    """Give a function that starts servers, all of which end with the fixture."""
    with ExitStack() as servers:

        def start(**options: Any) -> Server:
            with _skipping_if_missing(name):
                return servers.enter_context(run(room, **options))

        yield start


@contextmanager
def _skipping_if_missing(name: str) -> Iterator[None]:
    try:
        yield
    except ServerMissingError as missing:
        if os.environ.get("CI") or name in os.environ.get("PERFKIT_REQUIRE", "").split(","):
            pytest.fail(str(missing))
        pytest.skip(str(missing))
