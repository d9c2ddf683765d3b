"""Redis servers."""

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from redis import Redis, RedisError

from tests.servers import ServerMissingError
from tests.servers.certificate import make_certificate
from tests.servers.process import Server, free_port, running


def redis_program() -> Path:
    """Give the path of redis-server, or say how to get it."""
    found = shutil.which("redis-server")
    if found is None:
        raise ServerMissingError("redis-server is missing: run tests/servers/install.sh")
    return Path(found)


def run_redis(
    room: Path,
    *,
    password: str = "",
    tls: bool = False,
    settings: Mapping[str, str] | None = None,
) -> AbstractContextManager[Server]:
    """Run a Redis that keeps nothing over a restart; `settings` are lines of its redis.conf."""
    binary, port = redis_program(), free_port()
    folder = Path(tempfile.mkdtemp(prefix="redis-", dir=room))
    lines = {"bind": "127.0.0.1", "port": str(port), "save": '""'}
    scheme, user, query = "redis", "", ""
    if password:
        lines["requirepass"] = password
        user = f":{password}@"
    if tls:
        lines |= _tls_lines(folder, port)
        scheme, query = "rediss", f"?ssl_ca_certs={lines['tls-ca-cert-file']}"
    url = f"{scheme}://{user}127.0.0.1:{port}/0{query}"
    return running(
        Server(
            url=url,
            port=port,
            folder=folder,
            command=[str(binary), str(_write_configuration(folder, lines | dict(settings or {})))],
            answers=lambda: _answers(url),
        )
    )


@contextmanager
def empty_redis(server: Server) -> Iterator[str]:
    """Give the URL of a shared server after everything in it is deleted."""
    with Redis.from_url(server.url) as client:
        client.flushall()
    yield server.url


def _tls_lines(folder: Path, port: int) -> dict[str, str]:
    certificate = make_certificate(folder)
    return {
        "port": "0",
        "tls-port": str(port),
        "tls-cert-file": str(certificate.file),
        "tls-key-file": str(certificate.key),
        "tls-ca-cert-file": str(certificate.file),
        "tls-auth-clients": "no",
    }


def _write_configuration(folder: Path, lines: Mapping[str, str]) -> Path:
    file = folder / "redis.conf"
    file.write_text("".join(f"{name} {value}\n" for name, value in lines.items()))
    return file


def _answers(url: str) -> bool:
    try:
        with Redis.from_url(url) as client:
            return client.ping() is True
    except RedisError:
        return False
