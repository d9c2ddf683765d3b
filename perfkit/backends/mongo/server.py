"""The server behind a MongoDB URL: PyMongo reads the URI, finds the primary, and does what is not load.

What PyMongo learns is kept as plain data, which worker processes inherit: no client outlives a call.
"""

import os
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from pymongo import MongoClient, uri_parser
from pymongo.errors import OperationFailure, PyMongoError

from perfkit.backends.address import redact
from perfkit.backends.mongo.errors import asks_for_login, problem
from perfkit.backends.stream import Address
from perfkit.errors import TargetError, UsageError

SELECTION_TIMEOUT_MS = 5_000
ELECTION_WAIT_MS = 2_000  # for a new primary, before the load's back-off tries again
DEFAULT_DATABASE = "test"
DEFAULT_PORT = 27017
MECHANISMS = ("SCRAM-SHA-256", "SCRAM-SHA-1")

Client = MongoClient[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Credential:
    """Who logs in; `source` is the database that knows the user, `mechanism` None for the best."""

    username: str
    password: str = field(repr=False)
    source: str
    mechanism: str | None


@dataclass(frozen=True, slots=True)
class Server:
    """Where the load goes: the primary, or the member that the URL names with directConnection.

    `movable`: the load may have to go elsewhere, to another primary or another mongos.
    `defaults` are the fields that the URL's options add to commands (writeConcern, readConcern).
    """

    url: str = field(repr=False)
    address: Address
    database: str
    credential: Credential | None
    writable: bool
    movable: bool
    defaults: Mapping[str, Any]

    @property
    def shown(self) -> str:
        """The URL without its password."""
        return redact(self.url)


@contextmanager
def client_of(url: str, timeout_ms: int | None = None) -> Iterator[Client]:
    """A PyMongo client that is closed at the end; its errors come out as TargetError or UsageError.

    `timeout_ms` bounds every single answer, too.
    """
    limits: dict[str, Any] = {"serverSelectionTimeoutMS": timeout_ms or SELECTION_TIMEOUT_MS}
    if timeout_ms is not None:
        limits |= {"connectTimeoutMS": timeout_ms, "socketTimeoutMS": timeout_ms}
    before = set(threading.enumerate())
    try:
        client: Client = MongoClient(url, appname="perfkit", serverMonitoringMode="poll", **limits)
    except PyMongoError as error:
        raise problem(url, error) from error
    try:
        with client:
            yield client
    except PyMongoError as error:
        raise problem(url, error) from error
    finally:
        _ending.extend(set(threading.enumerate()) - before)


_ending: list[threading.Thread] = []


def _wait_for_clients_to_end() -> None:
    """PyMongo's threads look about every 0.5 s whether their client was closed.

    Waited for only by a fork, which must not happen while other threads run.
    """
    while _ending:
        thread = _ending.pop()
        if thread.name.startswith("pymongo"):
            thread.join(timeout=2)


os.register_at_fork(before=_wait_for_clients_to_end)


@dataclass(frozen=True, slots=True)
class MongoUrl:
    """What the URL says, before anybody was asked."""

    hosts: list[tuple[str, int | None]]
    database: str
    credential: Credential | None
    tls: ssl.SSLContext | None
    direct: bool


def read_url(url: str) -> MongoUrl:
    """The URL's parts, as PyMongo reads them. UsageError for what is wrong, or can't be honoured.

    TargetError for a mongodb+srv name that no DNS server knows, and for an unknown authMechanism.
    """
    try:
        parts = uri_parser.parse_uri(url)
        tls = _tls_context(parts["options"])
    except (PyMongoError, ValueError, OSError) as error:  # OSError: a certificate file
        raise problem(url, error) from error
    options = parts["options"]
    if options.get("readPreference", "primary") != "primary" and not options.get(
        "directConnection"
    ):
        raise UsageError(
            f"{redact(url)!r}: perfkit drives the primary, whatever the readPreference",
            hint="for a certain member name it alone and add directConnection=true",
        )
    if any(host.startswith("/") for host, _ in parts["nodelist"]):
        raise UsageError(
            f"{redact(url)!r}: perfkit connects to MongoDB by TCP, not by a socket file",
            hint="write mongodb://127.0.0.1:27017/database",
        )
    database = parts["database"] or DEFAULT_DATABASE
    credential = _credential(parts, options, redact(url))
    return MongoUrl(
        parts["nodelist"], database, credential, tls, bool(options.get("directConnection"))
    )


def find_server(client: Client, url: str, read: MongoUrl) -> Server:
    """The member that takes the load. TargetError when it wants a login and the URL has none."""
    hello = client.admin.command("hello")
    host, port = client.address or read.hosts[0]
    _refuse_without_login(client, read.database)
    return Server(
        url=url,
        address=Address(host, port or DEFAULT_PORT, read.tls),
        database=read.database,
        credential=read.credential,
        writable=bool(hello.get("isWritablePrimary")),
        movable=not read.direct and ("setName" in hello or len(read.hosts) > 1),
        defaults=_defaults(client),
    )


def find_again(server: Server) -> Server:
    """Where the load goes now. TargetError when there is still no primary after ELECTION_WAIT_MS."""
    with client_of(server.url, ELECTION_WAIT_MS) as client:
        return find_server(client, server.url, read_url(server.url))


def _refuse_without_login(client: Client, database: str) -> None:
    """A server that wants a login says hello to anyone, and then refuses everything else."""
    try:
        client[database].command("listCollections", nameOnly=True, authorizedCollections=True)
    except OperationFailure as error:
        if asks_for_login(error):
            raise


def _defaults(client: Client) -> dict[str, Any]:
    defaults = {
        "writeConcern": client.write_concern.document,
        "readConcern": client.read_concern.document,
    }
    return {name: dict(document) for name, document in defaults.items() if document}


def _credential(
    parts: Mapping[str, Any], options: Mapping[str, Any], shown: str
) -> Credential | None:
    mechanism = options.get("authMechanism")
    if mechanism not in {None, "DEFAULT", *MECHANISMS}:
        raise TargetError(
            f"{shown}: perfkit can't log its connections in with {mechanism}",
            hint=f"supported are {' and '.join(MECHANISMS)}",
        )
    if not parts["username"]:
        return None
    return Credential(
        username=parts["username"],
        password=parts["password"] or "",
        source=options.get("authSource") or parts["database"] or "admin",
        mechanism=None if mechanism == "DEFAULT" else mechanism,
    )


def _tls_context(options: Mapping[str, Any]) -> ssl.SSLContext | None:
    """The context that PyMongo makes of the same options, which it keeps to itself."""
    if not options.get("tls"):
        return None
    context = ssl.create_default_context(cafile=options.get("tlsCAFile"))
    if options.get("tlsAllowInvalidCertificates"):
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if options.get("tlsAllowInvalidHostnames"):
        context.check_hostname = False
    if revoked := options.get("tlsCRLFile"):
        context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF
        context.load_verify_locations(revoked)
    if certificate := options.get("tlsCertificateKeyFile"):
        password = options.get("tlsCertificateKeyFilePassword") or ""
        context.load_cert_chain(certificate, password=password)
    return context
