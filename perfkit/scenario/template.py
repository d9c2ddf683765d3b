"""Starting points for a scenario: commented, and running as they are."""

from perfkit.errors import UsageError
from perfkit.scenario.fields import nearest

_FRAME = """\
# yaml-language-server: $schema=./perfkit-scenario.json
# (so that editors know the keys: perfkit schema scenario > perfkit-scenario.json)
#
# Check this file:   perfkit scenario check FILE
# Run it:            perfkit loadtest FILE
# Change a value:    perfkit loadtest FILE --set load.stages.steady.rate=500/s
version: 1
{target}

# Data made before the run and dropped afterwards. Statements of your own go under setup: and
# teardown:, which always run.
data:
  use: kv                     # kv, documents or orders
  rows: 10000
  value_size: 100
  keep: false

# What to do. Of every 10 operations 9 read and 1 writes.
operations:
{operations}
# How much. open: arrivals that wait for nobody. closed: users who wait for each answer; write
# users: 50 in place of rate: 100/s.
load:
  model: open
  connections: 4
  warmup: 1s                  # measured and reported apart
  stages:
    - {{ name: ramp, duration: 5s, rate: 10..100/s }}
    - {{ name: steady, duration: 10s, rate: 100/s }}

# What must hold; otherwise the exit status is 1. Times count from when an operation was due.
thresholds:
  - total.errors.ratio < 1%
  - total.rate > 50/s
  - {{ check: read.response.p95 < 100ms, stage: steady }}
  - {{ check: write.response.p99 < 500ms, stage: steady, severity: warn }}
# - total.response.p95 <= baseline * 1.1      # with --baseline report.json
"""

_SQL_OPERATIONS = """\
  - name: read
    weight: 9
    sql: SELECT v FROM kv WHERE id = :id
    params:
      id: { zipfian: [1, 10000] }             # or uniform, hotspot, sequential, choice, csv, …
    expect: { rows: 1 }                       # anything else counts as an error
  - name: write
    weight: 1
    transaction:                              # succeeds or fails as a whole
      - SELECT v FROM kv WHERE id = :id
      - UPDATE kv SET v = :v WHERE id = :id
    params:
      id: { uniform: [1, 10000] }
      v: { text: [50, 100] }
    timeout: 5s
    retry: { tries: 3, wait: 5ms }            # deadlocks and the like are tried again
"""

_MONGO_OPERATIONS = """\
  - name: read
    weight: 9
    mongo: { find: kv, filter: { _id: "{id}" }, limit: 1 }
    params:
      id: { zipfian: [1, 10000] }             # or uniform, hotspot, sequential, choice, csv, …
    expect: { rows: 1 }                       # anything else counts as an error
  - name: write
    weight: 1
    mongo:
      update: kv
      updates:
        - { q: { _id: "{id}" }, u: { $set: { v: "{v}" } } }
    params:
      id: { uniform: [1, 10000] }             # "{id}" alone keeps its type: here a number
      v: { text: [50, 100] }
    timeout: 5s
"""

_REDIS_OPERATIONS = """\
  - name: read
    weight: 9
    redis: [GET, "kv:{id}"]
    params:
      id: { zipfian: [1, 10000] }             # or uniform, hotspot, sequential, choice, csv, …
    expect: { rows: 1 }                       # anything else counts as an error
  - name: write
    weight: 1
    redis:                                    # several commands, sent together
      - [SET, "kv:{id}", "{v}"]
      - [GET, "kv:{id}"]
    params:
      id: { uniform: [1, 10000] }
      v: { text: [50, 100] }
    timeout: 5s
"""

_TARGET = "target: {url}   # or ${{DATABASE_URL}}; --target overrides it"

_STARTERS = {
    "sqlite": ("sqlite:///perfkit.db", _SQL_OPERATIONS),
    "postgresql": ("postgresql://localhost/postgres", _SQL_OPERATIONS),
    "mongodb": ("mongodb://localhost/perfkit", _MONGO_OPERATIONS),
    "redis": ("redis://localhost/0", _REDIS_OPERATIONS),
}

BACKENDS = tuple(_STARTERS)


def starter(backend: str) -> str:
    """A commented scenario for a backend that runs as it is. UsageError for an unknown backend."""
    if backend not in _STARTERS:
        raise UsageError(f"no backend {backend!r}", hint=nearest(backend, BACKENDS))
    url, operations = _STARTERS[backend]
    return _FRAME.format(target=_TARGET.format(url=url), operations=operations)
