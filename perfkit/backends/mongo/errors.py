"""MongoDB's errors: what they mean for an operation, and what they mean for the whole target."""

from collections.abc import Mapping
from typing import Any

from pymongo.errors import (
    ConfigurationError,
    InvalidURI,
    NetworkTimeout,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
)

from perfkit.backends.address import redact, secrets_of
from perfkit.backends.base import Failure
from perfkit.errors import PerfkitError, TargetError, UsageError

# An error within `writeErrors` comes without its name; these are the ones that writes meet.
_NAMES = {
    2: "BadValue", 9: "FailedToParse", 14: "TypeMismatch", 28: "PathNotViable", 50: "MaxTimeMSExpired",
    52: "DollarPrefixedFieldName", 54: "NotSingleValueField", 56: "EmptyFieldName",
    57: "DottedFieldName", 66: "ImmutableField", 112: "WriteConflict",
    121: "DocumentValidationFailure", 10334: "BSONObjectTooLarge", 11000: "DuplicateKey",
    17280: "KeyTooLong",
}  # fmt: skip
# The same operation may succeed a moment later: it met another one, or a change of the primary.
_RETRYABLE = frozenset({
    6, 7, 24, 46, 89, 91, 112, 189, 262, 9001, 10107, 11600, 11602, 13435, 13436,
})  # fmt: skip
_RETRYABLE_LABELS = frozenset({"RetryableWriteError", "TransientTransactionError"})

AUTHENTICATION_FAILED = 18
UNAUTHORIZED = 13


def failure(reply: Mapping[str, Any]) -> Failure | None:
    """What went wrong according to a reply: the command, a write in it, or the write concern.

    Its class is the code's name in MongoDB, or `Location12345` where the code has none, as there.
    """
    if reply.get("ok") != 1:
        return _failure(reply, "errmsg", reply)
    for error in reply.get("writeErrors") or ():
        return _failure(error, "errmsg", reply)
    if concern := reply.get("writeConcernError"):
        return _failure(concern, "errmsg", reply)
    return None


def _failure(error: Mapping[str, Any], message: str, reply: Mapping[str, Any]) -> Failure:
    code = error.get("code", 8)  # 8 is UnknownError
    name = error.get("codeName") or _NAMES.get(code) or f"Location{code}"
    labels = _RETRYABLE_LABELS.intersection(reply.get("errorLabels") or ())
    retryable = bool(labels) or code in _RETRYABLE
    return Failure(name, str(error.get(message, "")), retryable=retryable)


def problem(url: str, error: Exception, doing: str = "") -> PerfkitError:
    """What PyMongo's error means for the user: a UsageError about the URL, or a TargetError."""
    shown = redact(url)
    words = redact(str(error), *secrets_of(url))
    if "DNS" in words and isinstance(error, ConfigurationError):
        return TargetError(f"{shown}: {words}", hint="check the URL's host name")
    if isinstance(error, InvalidURI | ConfigurationError | ValueError | OSError):
        return UsageError(
            f"{shown!r} is no MongoDB URL: {words}",
            hint="write mongodb://user:password@host:27017/database",
        )
    if isinstance(error, ServerSelectionTimeoutError):
        return _none_answers(shown, words)
    task = f"{doing}: " if doing else ""
    if isinstance(error, NetworkTimeout):
        return TargetError(f"{task}{shown} does not answer in time")
    if isinstance(error, OperationFailure):
        return _refusal(f"{task}{shown}", error, redact(_words(error), *secrets_of(url)))
    return TargetError(f"{task}{shown}: {words}")


def _words(error: OperationFailure) -> str:
    return str((error.details or {}).get("errmsg") or error)


def _refusal(where: str, error: OperationFailure, words: str) -> TargetError:
    if error.code == AUTHENTICATION_FAILED:
        return TargetError(
            f"{where} refuses the user name or password",
            hint="check both, and the database that knows the user: …/db?authSource=admin",
        )
    if asks_for_login(error):
        return TargetError(
            f"{where} asks for a user and password",
            hint="put them into the URL: mongodb://user:password@host/db?authSource=admin",
        )
    if error.code == UNAUTHORIZED:
        return TargetError(f"{where} does not allow this user what perfkit needs: {words}")
    return TargetError(f"{where} answers: {words}")


def asks_for_login(error: PyMongoError) -> bool:
    """Does the server want a user, when the URL names none?"""
    return (
        isinstance(error, OperationFailure)
        and error.code == UNAUTHORIZED
        and "requires authentication" in str(error)
    )


def _none_answers(shown: str, words: str) -> TargetError:
    """PyMongo tells the reasons of all servers with its settings and topology; the first one is it."""
    if "refused" in words:
        return TargetError(
            f"{shown} refuses the connection", hint="is the server running, on this host and port?"
        )
    if "certificate" in words.lower():
        why = words.partition(" (configured timeouts")[0]
        return TargetError(
            f"{shown}: its certificate is not trusted: {why}",
            hint="name the authority's certificate: …?tlsCAFile=ca.pem",
        )
    if "SSL" in words or "connection closed" in words or "reset" in words:
        return TargetError(
            f"{shown} breaks connections off",
            hint="does the server want TLS (…?tls=true), or none? is it MongoDB at all?",
        )
    if "Name or service not known" in words or "nodename" in words or "name resolution" in words:
        return TargetError(f"{shown}: there is no such host", hint="check the URL's host name")
    if "No primary" in words or "No replica set members" in words or "ReplicaSetNoPrimary" in words:
        return TargetError(
            f"{shown}: no primary was found",
            hint="perfkit drives the primary; for a certain member add directConnection=true",
        )
    return TargetError(f"{shown} does not answer in time", hint="is there a firewall in between?")
