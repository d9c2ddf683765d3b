"""What a Redis URL says: `redis://user:password@host:port/db`, `rediss://` for TLS.

Read strictly: a database number that is none must not silently become database 0.
"""

import ssl
from dataclasses import dataclass, field
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from perfkit.backends.address import redact
from perfkit.backends.stream import Address
from perfkit.errors import UsageError

DEFAULT_PORT = 6379
_HINT = "write redis://user:password@host:6379/0, or rediss:// for TLS"
_PLAIN_OPTIONS = ("db",)
_TLS_OPTIONS = (
    "ssl_ca_certs", "ssl_ca_path", "ssl_cert_reqs", "ssl_certfile", "ssl_check_hostname",
    "ssl_keyfile", "ssl_password",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class RedisUrl:
    """The URL taken apart; `shown` is the URL without its password."""

    address: Address
    database: int
    username: str | None
    password: str | None = field(repr=False)
    shown: str = ""


def parse_url(url: str) -> RedisUrl:
    """The parts of the URL. UsageError for what is wrong or unknown in it.

    Query parameters are spelt as redis-py spells them: ssl_ca_certs, ssl_cert_reqs=none, …
    """
    shown = redact(url)
    try:
        parts = urlsplit(url)
        port = parts.port or DEFAULT_PORT
    except ValueError as error:
        raise UsageError(f"{shown!r} is no Redis URL: {redact(str(error))}", hint=_HINT) from error
    if parts.fragment:
        raise UsageError(f"{shown!r} is no Redis URL: it has a #", hint="write # as %23")
    options = _options(parts, shown)
    host = parts.hostname or "localhost"
    return RedisUrl(
        address=Address(host, port, _tls_context(options) if parts.scheme == "rediss" else None),
        database=_database(options.get("db") or parts.path.strip("/") or "0", shown),
        username=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        shown=shown,
    )


def _options(parts: SplitResult, shown: str) -> dict[str, str]:
    known = _PLAIN_OPTIONS + (_TLS_OPTIONS if parts.scheme == "rediss" else ())
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    for name in options:
        if name not in known:
            raise UsageError(
                f"{shown!r}: unknown parameter {name!r}", hint=f"known are {', '.join(known)}"
            )
    return options


def _database(text: str, shown: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise UsageError(f"{shown!r}: {text!r} is no database number", hint=_HINT)
    return int(text)


def _tls_context(options: dict[str, str]) -> ssl.SSLContext:
    reqs = options.get("ssl_cert_reqs", "required")
    modes = {"none": ssl.CERT_NONE, "optional": ssl.CERT_OPTIONAL, "required": ssl.CERT_REQUIRED}
    if reqs not in modes:
        raise UsageError(f"ssl_cert_reqs={reqs!r}", hint=f"known are {', '.join(modes)}")
    try:
        context = ssl.create_default_context(
            cafile=options.get("ssl_ca_certs"), capath=options.get("ssl_ca_path")
        )
        if certificate := options.get("ssl_certfile"):
            context.load_cert_chain(
                certificate, options.get("ssl_keyfile"), options.get("ssl_password", "")
            )
    except OSError as error:
        raise UsageError(f"the certificate files of the URL can't be used: {error}") from error
    checked = options.get("ssl_check_hostname", "true").lower() not in {
        "0",
        "f",
        "false",
        "n",
        "no",
    }
    context.check_hostname = checked and reqs != "none"
    context.verify_mode = modes[reqs]
    return context
