"""MongoDB servers."""

import secrets
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from tests.servers.certificate import make_certificate
from tests.servers.download import download_mongod
from tests.servers.process import Server, free_port, running

USER = "perfkit"  # with the role root
PASSWORD = "s3cret-pw"
# Stop at once: no client needs time to find another member of the replica set.
QUICK_STOP = "--setParameter=shutdownTimeoutMillisForSignaledShutdown=0"


@contextmanager
def run_mongo(
    room: Path,
    *,
    auth: bool = False,
    replica_set: bool = False,
    tls: bool = False,
    settings: Mapping[str, str] | None = None,
) -> Iterator[Server]:
    """Run a MongoDB with an empty database; `settings` are lines of its mongod.conf."""
    folder, port = Path(tempfile.mkdtemp(prefix="mongo-", dir=room)), free_port()
    lines = _plain_lines(folder, port)
    query: dict[str, str] = {}
    if tls:
        lines |= _tls_lines(folder)
        query |= {"tls": "true", "tlsCAFile": lines["net.tls.CAFile"]}
    # The user and the replica set are made once the server runs; until then we reach it without.
    bare_url = _url(port, query | {"directConnection": "true"})
    if auth:
        lines |= {"security.authorization": "enabled"}
        query |= {"authSource": "admin"}
    if replica_set:
        lines |= {"replication.replSetName": "rs0"}
        query |= {"replicaSet": "rs0"}
    url = _url(port, query, login=f"{USER}:{PASSWORD}@" if auth else "")
    with running(_server(url, folder, lines | dict(settings or {}), bare_url)) as server:
        if replica_set:
            _initiate_replica_set(bare_url, port)
        if auth:
            _command(bare_url, "createUser", USER, pwd=PASSWORD, roles=["root"])
        server.answers = lambda: _answers(url)
        server.wait_until_it_answers()
        yield server


@contextmanager
def empty_mongo(server: Server) -> Iterator[str]:
    """Give the URL of a database of its own on a shared server; it is dropped afterwards."""
    name = f"test_{secrets.token_hex(4)}"
    try:
        yield urlsplit(server.url)._replace(path=f"/{name}").geturl()
    finally:
        with _client(server.url) as client:
            client.drop_database(name)


def _plain_lines(folder: Path, port: int) -> dict[str, str]:
    return {
        "net.bindIp": "127.0.0.1",
        "net.port": str(port),
        # The socket would lie in /tmp, and stay there after a kill.
        "net.unixDomainSocket.enabled": "false",
        "storage.dbPath": str(folder),
        "storage.wiredTiger.engineConfig.cacheSizeGB": "0.25",
    }


def _tls_lines(folder: Path) -> dict[str, str]:
    certificate = make_certificate(folder)
    both = folder / "server.pem"
    both.write_text(certificate.key.read_text() + certificate.file.read_text())
    return {
        "net.tls.mode": "requireTLS",
        "net.tls.certificateKeyFile": str(both),
        "net.tls.CAFile": str(certificate.file),
        "net.tls.allowConnectionsWithoutCertificates": "true",
    }


def _url(port: int, query: Mapping[str, str], login: str = "") -> str:
    url = f"mongodb://{login}127.0.0.1:{port}/perfkit"
    return f"{url}?{urlencode(query)}" if query else url


def _server(url: str, folder: Path, lines: Mapping[str, str], bare_url: str) -> Server:
    mongod = download_mongod()
    configuration = folder / "mongod.conf"
    configuration.write_text("".join(f"{name}: {value}\n" for name, value in lines.items()))
    return Server(
        url=url,
        port=int(lines["net.port"]),
        folder=folder,
        command=[str(mongod.program), "--config", str(configuration), QUICK_STOP],
        environment={"LD_LIBRARY_PATH": str(mongod.libraries)},
        answers=lambda: _answers(bare_url),
    )


def _initiate_replica_set(bare_url: str, port: int) -> None:
    member = {"_id": 0, "host": f"127.0.0.1:{port}"}
    _command(bare_url, "replSetInitiate", {"_id": "rs0", "members": [member]})


def _answers(url: str) -> bool:
    try:
        _command(url, "ping")
    except PyMongoError:
        return False
    return True


def _command(url: str, name: str, value: Any = 1, **options: Any) -> None:
    with _client(url) as client:
        client.admin.command(name, value, **options)


def _client(url: str) -> MongoClient[dict[str, Any]]:
    return MongoClient(url, serverSelectionTimeoutMS=1000)
