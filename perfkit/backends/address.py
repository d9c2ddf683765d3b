"""URLs of targets: their parts, whether they mean this machine, and how they are shown."""

import ipaddress
import re
import socket
from urllib.parse import unquote, urlsplit

from perfkit.errors import UsageError

# Up to the last @: a password that was not encoded may hold any of : / @ # ?; and // may be wrong.
_PASSWORD_IN_URL = re.compile(
    r"(?P<before>\b[a-z][a-z0-9+.-]*(?::/{0,2}|//)[^\s:/@]*:)\S*(?=@)", re.IGNORECASE
)
_SECRET_PARAMETER = re.compile(
    r"(?P<before>\b(?:\w*password|passwd|pwd|secret|token|auth)=)"
    r"('[^']*'|[^\s&;]*)",
    re.IGNORECASE,
)


def scheme_of(url: str) -> str:
    """The URL's scheme in small letters. UsageError when there is none."""
    scheme, separator, _ = url.partition("://")
    if not separator or not scheme:
        raise UsageError(
            f"{redact(url)!r} is no target URL",
            hint="write for example sqlite:///app.db or postgresql://user@host/database",
        )
    return scheme.lower()


def check_credentials(url: str) -> None:
    """UsageError where user or password hold characters that end them: the rest would be the host.

    The message shows nothing of the URL, since nobody knows where the password ends in it.
    """
    _, _, rest = url.partition("://")
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    after = rest[len(authority) :].partition("?")[0]
    cut_short = ":" in authority and "@" not in authority and "@" in after
    if authority.count("@") > 1 or cut_short:
        raise UsageError(
            "the target's URL has a user or password with characters that mean something in a URL",
            hint="write them encoded: @ as %40, / as %2F, # as %23, ? as %3F, : as %3A",
        )


def redact(text: str, *secrets: str) -> str:
    """The text without passwords: those of URLs, of password=… and the given ones become ***."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, "***")
    text = _PASSWORD_IN_URL.sub(r"\g<before>***", text)
    return _SECRET_PARAMETER.sub(r"\g<before>***", text)


def secrets_of(url: str) -> tuple[str, ...]:
    """The password in the URL as written and as decoded, for `redact`."""
    try:
        password = urlsplit(url).password
    except ValueError:
        return ()
    return (password, unquote(password)) if password else ()


def is_local(host: str | None) -> bool:
    """Is this host name, address or socket path this machine? An unknown name is not."""
    if not host or host.startswith(("/", "@")) or host in {"localhost", socket.gethostname()}:
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
