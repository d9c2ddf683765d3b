"""A certificate for 127.0.0.1, for servers that speak TLS."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.servers import ServerMissingError

OPENSSL = (
    "openssl req -x509 -nodes -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -days 2"
    " -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1,DNS:localhost"
)


@dataclass(frozen=True)
class Certificate:
    """A certificate that signs itself: a client that trusts it names `file` as its authority."""

    file: Path
    key: Path


def make_certificate(folder: Path) -> Certificate:
    """Write a new certificate and its key into the folder."""
    made = Certificate(folder / "server.crt", folder / "server.key")
    command = [*OPENSSL.split(), "-keyout", str(made.key), "-out", str(made.file)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except FileNotFoundError as error:
        raise ServerMissingError("openssl is missing: run tests/servers/install.sh") from error
    return made
