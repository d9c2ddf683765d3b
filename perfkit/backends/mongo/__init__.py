"""MongoDB: standalone, a replica set's primary, or a mongos.

    operations:
      - { name: read,   mongo: { find: kv, filter: { _id: "{id}" }, limit: 1 }, expect: { rows: 1 },
          params: { id: { zipfian: [1, 100000] } } }
      - { name: update, mongo: { update: kv, filter: { _id: "{id}" }, u: { $set: { v: "{text}" } } }, params: { … } }
      - { name: search, mongo: { find: documents, filter: { $text: { $search: "{word}" } }, limit: 10 }, params: { … } }
      - { name: batch,  mongo: { bulk: kv, operations: [ { insert: { _id: "{id}" } }, { delete: { filter: { _id: "{id}" } } } ] },
          params: { … } }

How commands may be written is told in `perfkit.backends.mongo.commands`.
"""

from collections.abc import Mapping
from typing import Any

from pymongo.errors import OperationFailure

from perfkit.backends.address import is_local
from perfkit.backends.base import Target
from perfkit.backends.mongo.metrics import MongoMetrics, server_pid
from perfkit.backends.mongo.server import Client, Server, client_of, find_server, read_url
from perfkit.backends.mongo.settings import MongoSettings
from perfkit.backends.mongo.workload import MongoWorkload
from perfkit.results import TargetInfo

Settings = dict[str, str | int | float | bool | None]


def open_target(url: str) -> Target:
    """The MongoDB at the URL. UsageError for a bad URL; TargetError when none answers in 5 s."""
    read = read_url(url)
    with client_of(url) as client:
        server = find_server(client, url, read)
        version = client.server_info()["version"]
        status = _server_status(client)
        settings = _settings(client, status, server)
    local = is_local(server.address.host)
    return Target(
        info=TargetInfo("mongodb", server.shown, version, settings),
        host=server.address.host,
        local=local,
        workload=MongoWorkload(server),
        metrics=MongoMetrics(url, server_pid(status, local=local)),
        settings=MongoSettings(server),
    )


def _server_status(client: Client) -> Mapping[str, Any]:
    """Empty where the user may not see it (clusterMonitor)."""
    try:
        return client.admin.command("serverStatus")
    except OperationFailure:
        return {}


def _settings(client: Client, status: Mapping[str, Any], server: Server) -> Settings:
    """Settings that matter for the numbers, as far as the user may see them."""
    role = "mongos" if status.get("process") == "mongos" else "primary"
    settings: Settings = {"role": role if server.writable else "secondary"}
    if engine := status.get("storageEngine", {}).get("name"):
        settings["storageEngine"] = engine
    if cache := status.get("wiredTiger", {}).get("cache", {}).get("maximum bytes configured"):
        settings["cache_size_bytes"] = cache
    if name := status.get("repl", {}).get("setName"):
        settings["replicaSet"] = name
    for option, concern in server.defaults.items():
        settings[option] = ", ".join(f"{field}: {value}" for field, value in concern.items())
    try:
        options = client.admin.command("getCmdLineOpts")["parsed"]
    except OperationFailure:
        return settings
    journal = options.get("storage", {}).get("journal", {}).get("enabled")
    return settings if journal is None else {**settings, "journal": journal}
