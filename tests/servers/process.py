"""One server process: start it, stop it, kill it, pause it, at the same address every time."""

import os
import random
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import psutil

from tests.servers.room import STOP_SIGNAL

START_TIMEOUT_S = 20
STOP_TIMEOUT_S = 10
POLL_INTERVAL_S = 0.01
# Below the ports that the kernel gives to outgoing connections: a load test opens thousands of
# those, and one of them could sit on a server's port while the server restarts.
PORTS = range(20_000, 32_000)


class ServerFailedError(Exception):
    """The server did not start; the message ends with its log."""


@dataclass(kw_only=True)
class Server:
    """A real server on a port of its own; its URL stays the same when it restarts."""

    url: str
    port: int
    folder: Path
    command: Sequence[str]
    answers: Callable[[], bool]
    environment: Mapping[str, str] = field(default_factory=dict)
    user: str | None = None
    _process: "subprocess.Popen[bytes] | None" = field(default=None, init=False, repr=False)

    @property
    def pid(self) -> int:
        """The process id of the running server; another one after a restart."""
        if self._process is None:
            raise ServerFailedError(f"{self.command[0]} was never started")
        return self._process.pid

    @property
    def log(self) -> str:
        """What the server has logged so far."""
        return self._log_file.read_text(errors="replace")

    def start(self) -> None:
        """Return as soon as the server answers."""
        with self._log_file.open("ab") as log:
            self._process = subprocess.Popen(
                self.command,
                cwd=self.folder,  # by this the room's guard knows what lives there
                env={**os.environ, **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                user=self.user,
                group=self.user,
                extra_groups=[] if self.user else None,
                start_new_session=True,  # ^C is for pytest, which then stops us in order
            )
        self.wait_until_it_answers()

    def wait_until_it_answers(self) -> None:
        """Return when it does; raise if it ends instead, or takes too long."""
        deadline_s = time.monotonic() + START_TIMEOUT_S
        while not (_is_open(self.port) and self.answers()):
            if not self._is_running() or time.monotonic() > deadline_s:
                self.kill()
                raise ServerFailedError(f"{self.command[0]} does not answer: {self.log[-2000:]}")
            time.sleep(POLL_INTERVAL_S)

    def stop(self) -> None:
        """End the server cleanly: what it has stored it still has after `start()`."""
        self.resume()  # a paused process would not hear of its end
        if self._process is None:
            return
        self._process.send_signal(STOP_SIGNAL)
        try:
            self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def kill(self) -> None:
        """End the server as a crash does, in the middle of whatever it was doing."""
        processes = self._for_each_process(psutil.Process.kill)
        if self._process is not None:
            self._process.wait()
        while any(is_alive(process) for process in processes):
            time.sleep(POLL_INTERVAL_S)

    def restart(self) -> None:
        """Stop and start."""
        self.stop()
        self.start()

    def pause(self) -> None:
        """Let the server hang: connections stay open, nothing is answered until `resume()`."""
        self._for_each_process(psutil.Process.suspend)

    def resume(self) -> None:
        """Let a paused server go on where it was."""
        self._for_each_process(psutil.Process.resume)

    @property
    def _log_file(self) -> Path:
        return self.folder / "server.log"

    def _is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def _for_each_process(self, act: Callable[[psutil.Process], None]) -> list[psutil.Process]:
        # PostgreSQL has a process for each connection, and those work on while only their parent
        # is paused or killed.
        if not self._is_running():
            return []
        server = psutil.Process(self.pid)
        processes = [server, *server.children(recursive=True)]
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                act(process)
        return processes


# What the fixtures `private_postgres`, … give: call it with the options of `run_postgres`, ….
StartServer: TypeAlias = Callable[..., Server]


@contextmanager
def running(server: Server) -> Iterator[Server]:
    """Give the server while it runs; afterwards neither it nor its folder is there."""
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(server.folder)


def free_port() -> int:
    """Give a port of 127.0.0.1 that nobody listens on."""
    return next(port for port in random.sample(PORTS, len(PORTS)) if not _is_open(port))


def is_alive(process: psutil.Process) -> bool:
    """Tell whether the process can still do anything."""
    try:
        # An orphan stays a zombie until process 1 looks for it, which may take seconds.
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
