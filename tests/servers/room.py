"""A folder that servers live in, and the guard that clears it when its owner is gone.

Run as a program, this file is the guard: a process of its own, so that servers end and their data
goes also when pytest is killed, times out hard or loses its terminal.
"""

import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

CLEARING_TIMEOUT_S = 10
# All three servers take it for "stop cleanly, now"; on SIGTERM PostgreSQL waits for its clients.
STOP_SIGNAL = signal.SIGINT


@contextmanager
def open_room() -> Iterator[Path]:
    """Give a folder for servers; whatever lives in it afterwards is ended and removed."""
    # Not TMPDIR: the path of PostgreSQL's unix socket, which lies in here, may have 107 bytes only.
    room = Path(tempfile.mkdtemp(prefix="perfkit-", dir="/tmp"))
    room.chmod(0o711)  # PostgreSQL runs as another user when we are root
    guard = subprocess.Popen(
        [sys.executable, "-P", __file__, str(room), str(os.getpid())],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        start_new_session=True,  # out of reach of the terminal's ^C
    )
    try:
        yield room
    finally:
        clear(room)
        guard.kill()
        guard.wait()


def clear(room: Path) -> None:
    """End every process that works in the folder, then remove the folder."""
    living = [process for process in psutil.process_iter() if _lives_in(process, room)]
    for process in living:
        _end_gently(process)
    _, still_living = psutil.wait_procs(living, timeout=CLEARING_TIMEOUT_S / 2)
    for process in still_living:
        process.kill()
    psutil.wait_procs(still_living, timeout=CLEARING_TIMEOUT_S / 2)
    shutil.rmtree(room)


def _lives_in(process: psutil.Process, room: Path) -> bool:
    try:
        return Path(process.cwd()).is_relative_to(room)
    except psutil.Error:
        return False  # ended meanwhile, or somebody else's


def _end_gently(process: psutil.Process) -> None:
    try:
        process.resume()  # a paused process would not hear of its end
        process.send_signal(STOP_SIGNAL)
    except psutil.NoSuchProcess:
        pass


def _wait_for_the_end_of(owner_pid: int) -> None:
    try:
        owner = os.pidfd_open(owner_pid)
    except ProcessLookupError:
        return
    select.select([owner], [], [])


if __name__ == "__main__":
    _wait_for_the_end_of(int(sys.argv[2]))
    clear(Path(sys.argv[1]))
