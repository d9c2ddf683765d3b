"""The settings that a MongoDB client has: options of its connection string, as drivers spell them.

https://www.mongodb.com/docs/manual/reference/connection-string-options/
"""

from collections.abc import Mapping
from urllib.parse import quote, unquote_plus

from perfkit.backends.client_settings import ClientSetting, one_of, switch, whole

_STRING = "the options of the application's connection string"
_COMPRESSORS = one_of("none", "snappy", "zlib", "zstd")
_NO_POOL = "perfkit's load holds a connection for each of its clients: --clients says how many"
_NO_RETRY = "perfkit's load counts what fails and does not try it again"
_OWN_TIMEOUTS = "perfkit's load has time limits of its own"
_UNCOMPRESSED = "perfkit's load speaks MongoDB's protocol without compression"


def _write_concern(text: str) -> str:
    if not text.strip():
        raise ValueError("write a number of members, majority, or the name of a write concern")
    return text.strip()


def _compressors(text: str) -> tuple[str, ...]:
    return tuple(_COMPRESSORS(word.strip()) for word in text.split(","))


def _zlib_level(text: str) -> int:
    if text not in {str(level) for level in range(-1, 10)}:
        raise ValueError("write a number from -1 to 9")
    return int(text)


SETTINGS: Mapping[str, ClientSetting] = {
    name: ClientSetting(_STRING, read)
    for name, read in {
        "w": _write_concern,
        "journal": switch,
        "wtimeoutMS": whole(),
        "readConcernLevel": one_of("local", "available", "majority", "linearizable", "snapshot"),
        "readPreference": one_of(
            "primary", "primaryPreferred", "secondary", "secondaryPreferred", "nearest"
        ),
        "maxStalenessSeconds": whole(90),
        "compressors": _compressors,
        "zlibCompressionLevel": _zlib_level,
        "maxPoolSize": whole(),
        "minPoolSize": whole(),
        "maxConnecting": whole(1),
        "maxIdleTimeMS": whole(),
        "waitQueueTimeoutMS": whole(),
        "retryReads": switch,
        "retryWrites": switch,
        "serverSelectionTimeoutMS": whole(),
        "connectTimeoutMS": whole(),
        "socketTimeoutMS": whole(),
        "timeoutMS": whole(),
    }.items()
}

WHY_NOT: Mapping[str, str] = {
    "readPreference": "perfkit drives the primary, whatever the readPreference",
    "maxStalenessSeconds": "perfkit drives the primary, whose data is never stale",
    "compressors": _UNCOMPRESSED,
    "zlibCompressionLevel": _UNCOMPRESSED,
    **dict.fromkeys(
        ("maxPoolSize", "minPoolSize", "maxConnecting", "maxIdleTimeMS", "waitQueueTimeoutMS"),
        _NO_POOL,
    ),
    **dict.fromkeys(("retryReads", "retryWrites"), _NO_RETRY),
    **dict.fromkeys(
        ("serverSelectionTimeoutMS", "connectTimeoutMS", "socketTimeoutMS", "timeoutMS"),
        _OWN_TIMEOUTS,
    ),
}
"""The options that perfkit's load does not honour, each with the reason."""

# Of drivers, where the connection string leaves it open.
DEFAULTS: Mapping[str, str] = {
    "readPreference": "primary",
    "compressors": "none",
    "maxPoolSize": "100",
    "minPoolSize": "0",
    "maxConnecting": "2",
    "retryReads": "true",
    "retryWrites": "true",
    "serverSelectionTimeoutMS": "30000",
}


def given_in(url: str) -> dict[str, str]:
    """The options in a URL, by the names that SETTINGS has where it has them."""
    spelt = {name.lower(): name for name in SETTINGS}
    pairs = (each.partition("=") for each in _query(url) if each)
    return {spelt.get(name.lower(), name): unquote_plus(value) for name, _, value in pairs}


def with_options(url: str, values: Mapping[str, str]) -> str:
    """The URL with these options in place of those of the same names."""
    address = url.partition("?")[0]
    replaced = {name.lower() for name in values}
    kept = [each for each in _query(url) if each.partition("=")[0].lower() not in replaced]
    added = [f"{name}={quote(value, safe='')}" for name, value in values.items()]
    _, _, rest = address.partition("://")
    slash = "" if "/" in rest else "/"
    return f"{address}{slash}?" + "&".join([*kept, *added])


def _query(url: str) -> list[str]:
    return [each for each in url.partition("?")[2].replace(";", "&").split("&") if each]
