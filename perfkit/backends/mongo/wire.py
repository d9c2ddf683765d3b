"""MongoDB's wire protocol as far as load needs it: OP_MSG with one document each way.

https://github.com/mongodb/specifications/blob/master/source/message/OP_MSG.md
Neither compression, checksums nor exhaust replies are asked for, so none come.
"""

import struct
from collections.abc import Mapping
from typing import Any

import bson

HEADER_BYTES = 16
PREFIX_BYTES = 21  # header, flag bits and the kind of the only section
_PREFIX = struct.Struct("<iiiiIB")
_OP_MSG = 2013
_REQUEST_ID = 1  # the same always: a connection carries one request at a time
_REPLY_KIND = struct.pack("<iIB", _OP_MSG, 0, 0)
LENGTH = struct.Struct("<i")
MAX_MESSAGE_BYTES = 48_000_000

_DOCUMENT = 0x03
_CURSOR, _BATCH = b"\x03cursor\x00", b"\x04firstBatch\x00"
BODY_AT = PREFIX_BYTES + 4  # the first element of the document
_BATCH_AT = BODY_AT + len(_CURSOR) + 4  # both lengths are those of the documents around it

STATE_CHANGE = b"\x03topologyVersion\x00"
"""How the errors begin that say: this member is no primary (any more), or shuts down.

https://github.com/mongodb/specifications/blob/master/source/server-discovery-and-monitoring/server-discovery-and-monitoring.md#not-writable-primary-and-node-is-recovering
"""

OK = b"\x01ok\x00" + struct.pack("<d", 1.0)
"""The element `ok: 1.0`, which every good reply has, as the last of the command's own elements."""


def message(command: Mapping[str, Any]) -> bytes:
    """The command as it is sent. bson.errors.InvalidDocument for what BSON can't hold."""
    document = bson.encode(command)
    size = PREFIX_BYTES + len(document)
    return _PREFIX.pack(size, _REQUEST_ID, 0, _OP_MSG, 0, 0) + document


def decode(reply: bytes | bytearray) -> dict[str, Any]:
    """The document of a whole reply message. ValueError when it is no OP_MSG with one document."""
    if reply[12:PREFIX_BYTES] != _REPLY_KIND:
        raise ValueError("the reply is no OP_MSG with one document")
    return bson.decode(reply[PREFIX_BYTES:])


def batch_count(reply: bytes | bytearray) -> int | None:
    """The number of documents in a cursor's first batch, by hopping from one length to the next.

    None where the reply is not laid out as servers do it; then it is to be decoded.
    """
    if not reply.startswith(_CURSOR, BODY_AT) or not reply.startswith(_BATCH, _BATCH_AT):
        return None
    array_at = _BATCH_AT + len(_BATCH)
    at, count = array_at + 4, 0
    while reply[at] == _DOCUMENT:
        length_at = reply.index(0, at + 1) + 1  # after the element's name: "0", "1", …
        at = length_at + LENGTH.unpack_from(reply, length_at)[0]
        count += 1
    return count if at + 1 == array_at + LENGTH.unpack_from(reply, array_at)[0] else None


def trailer_bytes(reply: bytes | bytearray) -> int:
    """How many bytes follow `ok: 1.0` in a good reply that has no user data in it.

    One for a server alone. A member of a replica set adds $clusterTime and operationTime, whose size
    never changes.
    """
    return len(reply) - reply.rindex(OK) - len(OK)
