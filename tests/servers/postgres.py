"""PostgreSQL servers, each with a copy of one freshly initialised data folder."""

import os
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from tests.servers import ServerMissingError
from tests.servers.certificate import make_certificate
from tests.servers.process import Server, ServerFailedError, free_port, running

USER = "perfkit"  # a superuser
PASSWORD = "s3cret-pw"
# PostgreSQL refuses to run as root.
SYSTEM_USER = "postgres" if os.geteuid() == 0 else None
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "fsync": "off",
    "shared_preload_libraries": "pg_stat_statements",
    # Files instead of /dev/shm, where a server that is killed would leave its own behind.
    "dynamic_shared_memory_type": "mmap",
}
# Typed into template1, so that every database made later has the extension too.
FIRST_STATEMENTS = "CREATE EXTENSION pg_stat_statements\nCREATE DATABASE perfkit\n"


def postgres_program(name: str = "postgres") -> Path:
    """Give the path of one of PostgreSQL's programs, or say how to get it."""
    versions = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    found = versions[-1] if versions else shutil.which(name)
    if found is None:
        raise ServerMissingError(f"PostgreSQL's {name} is missing: run tests/servers/install.sh")
    return Path(found)


@contextmanager
def run_postgres(
    room: Path, *, tls: bool = False, settings: Mapping[str, str] | None = None
) -> Iterator[Server]:
    """Run a PostgreSQL with an empty database; `settings` are lines of its postgresql.conf."""
    program, port = postgres_program(), free_port()
    folder = Path(tempfile.mkdtemp(prefix="postgres-", dir=room))
    data = folder / "data"
    shutil.copytree(_initialised_data(room), data)
    lines = {"port": str(port), "unix_socket_directories": str(folder)}
    lines |= _tls_lines(folder) if tls else {}
    _append_settings(data, lines | dict(settings or {}))
    _hand_over(folder)
    query = f"?sslmode=verify-full&sslrootcert={lines['ssl_cert_file']}" if tls else ""
    url = f"postgresql://{USER}:{PASSWORD}@127.0.0.1:{port}/perfkit{query}"
    server = Server(
        url=url,
        port=port,
        folder=folder,
        command=[str(program), "-D", str(data)],
        answers=lambda: _answers(url),
        user=SYSTEM_USER,
    )
    with running(server):
        try:
            yield server
        finally:
            server.stop()
            _free_shared_memory(data)


@contextmanager
def empty_postgres(server: Server) -> Iterator[str]:
    """Give the URL of a new database on a shared server; it is dropped afterwards."""
    name = f"test_{secrets.token_hex(4)}"
    _execute(server.url, f"CREATE DATABASE {name}")
    try:
        yield urlsplit(server.url)._replace(path=f"/{name}").geturl()
    finally:
        _execute(server.url, f"DROP DATABASE {name} WITH (FORCE)")


def _initialised_data(room: Path) -> Path:
    """Give a data folder to copy, made by the first call: initdb takes longer than all the rest."""
    finished = room / "postgres-initialised"
    if not finished.exists():
        home = Path(tempfile.mkdtemp(prefix="postgres-", dir=room))
        (home / "password").write_text(PASSWORD)
        _hand_over(home)
        _initialise(home / "data", home / "password")
        home.rename(finished)  # whole or not at all
    return finished / "data"


def _initialise(data: Path, password_file: Path) -> None:
    options = f"--no-sync --auth=scram-sha-256 --username={USER} --encoding=UTF8 --locale=C.UTF-8"
    _run("initdb", *options.split(), f"--pwfile={password_file}", "-D", str(data))
    _append_settings(data, SETTINGS)
    _run("postgres", "--single", "-D", str(data), "template1", typed=FIRST_STATEMENTS)


def _run(program: str, *arguments: str, typed: str = "") -> None:
    finished = subprocess.run(
        [str(postgres_program(program)), *arguments],
        check=False,
        cwd="/",
        input=typed,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        user=SYSTEM_USER,
        group=SYSTEM_USER,
        extra_groups=[] if SYSTEM_USER else None,
    )
    # A single-user server exits with 0 also when it refused a statement.
    if finished.returncode or "ERROR:" in finished.stdout:
        raise ServerFailedError(f"{program} failed: {finished.stdout}")


def _append_settings(data: Path, settings: Mapping[str, str]) -> None:
    with (data / "postgresql.conf").open("a") as file:
        file.writelines(f"{name} = '{value}'\n" for name, value in settings.items())


def _tls_lines(folder: Path) -> dict[str, str]:
    certificate = make_certificate(folder)
    return {
        "ssl": "on",
        "ssl_cert_file": str(certificate.file),
        "ssl_key_file": str(certificate.key),
    }


def _hand_over(folder: Path) -> None:
    """Make the folder and all in it belong to the user that PostgreSQL runs as."""
    if SYSTEM_USER is not None:
        for path in [folder, *folder.rglob("*")]:
            shutil.chown(path, SYSTEM_USER, SYSTEM_USER)


def _free_shared_memory(data: Path) -> None:
    """Give back what a killed server has left in the kernel, if it was killed."""
    lock_file = data / "postmaster.pid"
    if lock_file.exists():
        _, memory_id = lock_file.read_text().splitlines()[6].split()
        subprocess.run(["ipcrm", "--shmem-id", memory_id], check=True)


def _answers(url: str) -> bool:
    try:
        _execute(url, "SELECT 1")
    except psycopg.OperationalError:
        return False
    return True


def _execute(url: str, statement: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement.encode())
