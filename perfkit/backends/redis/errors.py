"""Error replies: what they mean for an operation, and what they mean for the whole target."""

import hiredis

from perfkit.backends.base import Failure
from perfkit.errors import TargetError

# The same command may succeed a moment later: a cluster moving slots, a script in the way, a
# server still loading its data or a replica that has lost its master.
RETRYABLE = frozenset({"BUSY", "CLUSTERDOWN", "LOADING", "MASTERDOWN", "NOREPLICAS", "TRYAGAIN"})

_MEANINGS = {
    "NOAUTH": (
        "asks for a password",
        "put it into the URL: redis://:password@host:6379/0, or ${VAR} in its place",
    ),
    "WRONGPASS": ("refuses the user name or password", "check both in the URL"),
    "NOPERM": ("does not allow this user what perfkit needs", "see ACL WHOAMI and ACL GETUSER"),
    "LOADING": ("is still loading its data into memory", "try again when it has finished"),
    "MASTERDOWN": ("is a replica that has lost its master", "connect to the master"),
    "READONLY": ("is a replica, which takes no writes", "connect to the master"),
    "MOVED": ("is part of a Redis Cluster, which perfkit does not drive yet", None),
    "OOM": ("has no memory left for writes", "see maxmemory and maxmemory-policy"),
    "MISCONF": ("takes no writes, for it can't save its data", "see the server's log"),
    "DENIED": ("is in protected mode and talks to its own machine only", "set a password there"),
}
_SENTENCES = {
    "max number of clients": ("takes no more connections", "see maxclients"),
    "DB index": ("has no such database", "the number at the end of the URL must be below `databases`"),
    "invalid password": ("refuses the password", "check it in the URL"),
    "without any password": ("has no password set, but the URL gives one", "leave it out"),
    "no password is set": ("has no password set, but the URL gives one", "leave it out"),
}  # fmt: skip


def failure(error: hiredis.ReplyError) -> Failure:
    """The Failure for an error reply; its class is the reply's first word, as Redis means it."""
    message = str(error)
    error_class = class_of(message)
    return Failure(error_class, message, retryable=error_class in RETRYABLE)


def class_of(message: str) -> str:
    """`WRONGTYPE` of "WRONGTYPE Operation against …"; ERR where no such word leads."""
    word = message.partition(" ")[0]
    return word if word.isupper() else "ERR"


def refusal(where: object, error: hiredis.ReplyError, doing: str = "") -> TargetError:
    """The TargetError for an error reply to something that perfkit itself needs."""
    message = str(error)
    meaning = _MEANINGS.get(class_of(message)) or next(
        (known for words, known in _SENTENCES.items() if words in message), None
    )
    task = f"{doing}: " if doing else ""
    if meaning is None:
        return TargetError(f"{task}{where} answers: {message}")
    return TargetError(f"{task}{where} {meaning[0]} ({message})", hint=meaning[1])
