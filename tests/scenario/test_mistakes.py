"""Every mistake in a file is told with its place, what was expected, and the nearest known key."""

from pathlib import Path

import pytest

from perfkit.errors import ExitStatus, ScenarioError
from perfkit.scenario import parse_scenario

LOAD = "load: { model: open, rate: 5/s, duration: 1s }\n"
OPERATIONS = "operations:\n  - name: read\n    redis: [PING]\n"
ENVIRON = {"SECRET": "hunter2-very-secret", "NUMBER": "73219", "LONG": "s3cr3t" * 40}


def said(text: str, *, path: Path = Path("s.yml"), overrides: tuple[str, ...] = ()) -> str:
    with pytest.raises(ScenarioError) as raised:
        parse_scenario(text, path, overrides=overrides, environ=ENVIRON)
    assert raised.value.status == ExitStatus.USAGE
    return str(raised.value)


def operation(text: str) -> str:
    """A file with one operation, whose keys begin in line 3, column 5."""
    return f"{LOAD}operations:\n  - name: read\n    {text}\n"


def load(text: str) -> str:
    """A file with a load, whose keys begin in line 5, column 3."""
    lines = "\n  ".join(text.splitlines())
    return f"{OPERATIONS}load:\n  {lines}\n"


def thresholds(text: str) -> str:
    """A file with a threshold in line 6, from column 5 on."""
    return f"{OPERATIONS}{LOAD}thresholds:\n  - {text}\n"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("hello", "s.yml:1:1: is no scenario: write a mapping with operations and load"),
        ("- a", "s.yml:1:1: is no scenario: write a mapping with operations and load"),
        (LOAD, "s.yml:1:1: operations is missing (What to do, by weight)"),
        (OPERATIONS, "s.yml:1:1: load is missing (How much, and for how long)"),
        (f"version: 2\n{OPERATIONS}{LOAD}", "s.yml:1:10: version: 2 is no version of this format: write 1"),
        (f"version: '1'\n{OPERATIONS}{LOAD}", "s.yml:1:10: version: '1' is no version of this format: write 1"),
        (f"tarket: x\n{OPERATIONS}{LOAD}", "s.yml:1:1: unknown key 'tarket' (did you mean target?)"),
        (f"seed: -1\n{OPERATIONS}{LOAD}", "s.yml:1:7: seed: -1 is too low: at least 0"),
        (f"on: 1\n{OPERATIONS}{LOAD}", "s.yml:1:1: unknown key 'on' (known: version, name, target, seed, data, operations, load, thresholds)"),
        (f"operations: []\n{LOAD}", "s.yml:1:13: operations: is empty"),
        (f"operations: 5\n{LOAD}", "s.yml:1:13: operations: 5 is no list"),
        (f"operations: [5]\n{LOAD}", "s.yml:1:14: operations.0: 5 is no mapping: write its keys below it"),
        (f"operations: {{name: x}}\n{LOAD}", "s.yml:1:13: operations: a mapping is no list"),
        (f"data: kv\n{OPERATIONS}{LOAD}", "s.yml:1:7: data: 'kv' is no mapping: write its keys below it"),
        (f"data: {{use: kb}}\n{OPERATIONS}{LOAD}", "s.yml:1:13: data.use: 'kb' is none of 'kv', 'documents', 'orders', 'ycsb', 'pgbench', 'sysbench', 'redis-benchmark'"),
        (f"data: {{use: kv, rows: abc}}\n{OPERATIONS}{LOAD}", "s.yml:1:23: data.rows: 'abc' is no whole number"),
        (f"data: {{use: kv, rows: 1.5}}\n{OPERATIONS}{LOAD}", "s.yml:1:23: data.rows: 1.5 is no whole number"),
        (f"data: {{use: kv, rows: '5'}}\n{OPERATIONS}{LOAD}", "s.yml:1:23: data.rows: '5' is no whole number"),
        (f"data: {{use: kv, rows: true}}\n{OPERATIONS}{LOAD}", "s.yml:1:23: data.rows: true is no whole number"),
        (f"data: {{use: kv, rows: 0}}\n{OPERATIONS}{LOAD}", "s.yml:1:23: data.rows: 0 is too low: at least 1"),
        (f"data: {{use: kv, keep: yes}}\n{OPERATIONS}{LOAD}", "s.yml:1:23: data.keep: 'yes' is neither true nor false"),
        (f"data: {{use: kv, value_size: 1XB}}\n{OPERATIONS}{LOAD}", "s.yml:1:29: data.value_size: '1XB' is no size: write a number with its unit, as in 100B, 64KiB or 2GB"),
        (f"data: {{rows: 5}}\n{OPERATIONS}{LOAD}", "s.yml:1:14: data.rows: rows belongs to a built-in dataset: add use: kv"),
        (f"data: {{setup: [5]}}\n{OPERATIONS}{LOAD}", "s.yml:1:16: data.setup.0: 5 is no statement: write SQL, a list for Redis, a mapping for MongoDB"),
        (f"data: {{setup: [[SET, a, true]]}}\n{OPERATIONS}{LOAD}", "s.yml:1:25: data.setup.0.2: true is no argument of a command: write text or a number"),
        (f"data: {{setup: CREATE}}\n{OPERATIONS}{LOAD}", "s.yml:1:15: data.setup: 'CREATE' is no list"),
    ],
)  # fmt: skip
def test_a_mistake_in_the_file_at_large(text: str, sentence: str) -> None:
    assert said(text) == sentence


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("wieght: 5\n    redis: [PING]", "s.yml:4:5: operations.read: unknown key 'wieght' (did you mean weight?)"),
        ("weight: true\n    redis: [PING]", "s.yml:4:13: operations.read.weight: true is no number"),
        ("weight: .nan\n    redis: [PING]", "s.yml:4:13: operations.read.weight: nan is no number"),
        ("weight: -1\n    redis: [PING]", "s.yml:4:13: operations.read.weight: -1 is too low: at least 0"),
        ("weight:\n    redis: [PING]", "s.yml:4:12: operations.read.weight: nothing is no number"),
        ("weight: 0\n    redis: [PING]", "s.yml:3:3: operations: all weights are zero: nothing would run"),
        ("weight: 1", "s.yml:3:5: operations.read: does nothing: give it sql, transaction, statements, mongo or redis"),
        ("sql: SELECT 1\n    redis: [PING]", "s.yml:5:12: operations.read.redis: has both sql and redis: one of them"),
        ("sql: ' '", "s.yml:4:10: operations.read.sql: the text is empty"),
        ("sql: 5", "s.yml:4:10: operations.read.sql: 5 is no text: put it in quotes if it was meant as text"),
        ("sql: [a]", "s.yml:4:10: operations.read.sql: a list is no text: put it in quotes if it was meant as text"),
        ("sql: SELECT 1\n    isolation: serializable", "s.yml:5:16: operations.read.isolation: only a transaction has an isolation level"),
        ("transaction: [SELECT 1]\n    isolation: serialisable", "s.yml:5:16: operations.read.isolation: 'serialisable' is none of 'read committed', 'repeatable read', 'serializable' (did you mean serializable?)"),
        ("transaction: []", "s.yml:4:18: operations.read.transaction: is empty"),
        ("transaction: [5]", "s.yml:4:19: operations.read.transaction.0: 5 is no mapping: write its keys below it"),
        ("transaction: [BEGIN, SELECT 1]", "s.yml:4:19: operations.read.transaction.0: BEGIN is perfkit's own: a transaction begins and ends by itself"),
        ("transaction: [{sqll: SELECT 1}]", "s.yml:4:19: operations.read.transaction.0: sql is missing (The statement, with :name for the value of a param)\ns.yml:4:20: operations.read.transaction.0: unknown key 'sqll' (did you mean sql?)"),
        ("redis: GET x", "s.yml:4:12: operations.read.redis: 'GET x' is no command: write a list, as in [GET, \"key:{id}\"]"),
        ("redis: []", 's.yml:4:12: operations.read.redis: a list is no command: write a list, as in [GET, "key:{id}"]'),
        ("redis: [[]]", "s.yml:4:13: operations.read.redis.0: a command starts with its name, as in [GET, key]"),
        ("redis: [[PING], GET]", "s.yml:4:13: operations.read.redis.0: a list is no argument of a command: write text or a number"),
        ("redis: [SET, a, null]", "s.yml:4:21: operations.read.redis.2: nothing is no argument of a command: write text or a number"),
        ("mongo: 5", "s.yml:4:12: operations.read.mongo: 5 is no command: write a mapping, as in find: kv"),
        ("redis: [PING]\n    timeout: 0s", "s.yml:5:14: operations.read.timeout: '0s' is no time at all: write a duration above zero"),
        ("redis: [PING]\n    timeout: -5s", "s.yml:5:14: operations.read.timeout: '-5s' is no duration: write a number with its unit, as in 250ms or 1m30s"),
        ("redis: [PING]\n    timeout: .nan", "s.yml:5:14: operations.read.timeout: nan is no duration: write a number with its unit, as in 250ms or 1m30s"),
        ("redis: [PING]\n    timeout: 1:30", "s.yml:5:14: operations.read.timeout: '1:30' is no duration: write a number with its unit, as in 250ms or 1m30s"),
        ("redis: [PING]\n    timeout: 5", "s.yml:5:14: operations.read.timeout: 5 is no duration: write a number with its unit, as in 250ms or 1m30s"),
        ("redis: [PING]\n    timeout: 99999d", "s.yml:5:14: operations.read.timeout: '99999d' is too long: at most 1000d"),
        ("redis: [PING]\n    retry: 0", "s.yml:5:12: operations.read.retry: 0 is too low: at least 1"),
        ("redis: [PING]\n    retry: {tries: 2000}", "s.yml:5:20: operations.read.retry.tries: 2000 is too high: at most 1000"),
        ("redis: [PING]\n    retry: {try: 2}", "s.yml:5:12: operations.read.retry: tries is missing (Tries in all, the first one included)\ns.yml:5:13: operations.read.retry: unknown key 'try' (known: tries, wait)"),
        ("redis: [PING]\n    expect: {rows: many}", "s.yml:5:20: operations.read.expect.rows: 'many' is no number of rows: write 1, '>=1' or 1..10"),
        ("redis: [PING]\n    expect: {rows: 10..1}", "s.yml:5:20: operations.read.expect.rows: '10..1' is no number of rows: write 1, '>=1' or 1..10"),
        ("redis: [PING]\n    expect: {value: [1]}", "s.yml:5:21: operations.read.expect.value: a list is no single value: text, a number, true, false or null"),
        ("redis: [PING]\n    think: 5ms", "s.yml:5:12: operations.read.think: has no meaning in an open load: arrivals wait for nobody"),
        ("redis: [PING]\n    think: {zipfian: [1, 2]}", "s.yml:5:13: operations.read.think: 'zipfian' is no think time: uniform, normal, exponential or choice"),
        ("redis: [PING]\n    think: {uniform: [2s, 1s]}", "s.yml:5:22: operations.read.think.uniform: ['2s', '1s'] starts above its end: write the lower one first"),
    ],
)  # fmt: skip
def test_a_mistake_in_an_operation(text: str, sentence: str) -> None:
    assert said(operation(text)) == sentence


@pytest.mark.parametrize("name", ["total", "host", "server", "generator", "dropped", "result"])
def test_a_name_that_means_something_in_thresholds_is_none_for_an_operation(name: str) -> None:
    assert (
        said(f"{LOAD}operations:\n  - {{name: {name}, redis: [PING]}}")
        == f"s.yml:3:12: operations.{name}.name: {name!r} is no name for an operation: it means something else in thresholds"
    )


@pytest.mark.parametrize("name", ["'a b'", "a.b", "ä", "'a/b'"])
def test_a_name_that_a_path_can_not_hold_is_refused(name: str) -> None:
    assert "is no name: use letters, digits, - and _" in said(
        f"{LOAD}operations:\n  - {{name: {name}, redis: [PING]}}"
    )


def test_two_operations_of_one_name_are_refused() -> None:
    text = f"{LOAD}operations:\n  - {{name: a, redis: [PING]}}\n  - {{name: a, redis: [PING]}}\n"
    assert said(text) == "s.yml:4:12: operations.a.name: there is another operation 'a' already"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("sql: SELECT :idd\n    params: {id: 5}", "s.yml:4:10: operations.read.sql: uses :idd, which params does not define (did you mean id?)\ns.yml:5:18: operations.read.params.id: is never used (write :id where its value goes)"),
        ("sql: SELECT '{id}'\n    params: {id: 5}", "s.yml:5:18: operations.read.params.id: is never used (in SQL write :id)"),
        ("transaction: [SELECT 1, 'SELECT :x']", "s.yml:4:29: operations.read.transaction.1: uses :x, which params does not define"),
        ("transaction: [{sql: 'SELECT :x'}]", "s.yml:4:25: operations.read.transaction.0.sql: uses :x, which params does not define"),
        ("redis: [GET, 'k:{id}']", "s.yml:4:18: operations.read.redis.1: uses {id}, which params does not define"),
        ("redis: [[PING], [GET, '{id}']]", "s.yml:4:27: operations.read.redis.1.1: uses {id}, which params does not define"),
        ("redis: [GET, ':id']\n    params: {id: 5}", 's.yml:5:18: operations.read.params.id: is never used (write "{id}" where its value goes)'),
        ("mongo: {find: kv, filter: {_id: '{i'}}", "s.yml:4:37: operations.read.mongo.filter._id: '{i' has a single {: write {{ for the character itself, or {name} for the value of a param"),
        ("mongo: {find: kv, filter: {'f{n}': 1}}", "s.yml:4:40: operations.read.mongo.filter.f{n}: uses {n}, which params does not define"),
        ("redis: [GET, '{a}']\n    params: {a: {template: 'x{b}'}, b: {template: 'y{c}'}, c: {template: '{a}z'}}", "s.yml:5:17: operations.read.params.a: is made of itself: a → b → c → a"),
        ("redis: [GET, '{a}']\n    params: {a: {template: 'x{a}'}}", "s.yml:5:17: operations.read.params.a: is made of itself: a → a"),
        ("redis: [GET, '{a}']\n    params: {a: {template: 'x{bb}'}, b: 1}", 's.yml:5:17: operations.read.params.a: uses {bb}, which params does not define (did you mean b?)\ns.yml:5:41: operations.read.params.b: is never used (write "{b}" where its value goes)'),
        ("redis: [GET, 'k{a}']\n    params: {a: {bytes: 5}}", "s.yml:5:17: operations.read.params.a: bytes can't be filled into a longer text: use them alone"),
        ("redis: [GET, 'k{a}']\n    params: {a: {choice: [x, true]}}", "s.yml:5:17: operations.read.params.a: true, false and null can't be filled into a longer text: put them in quotes"),
    ],
)  # fmt: skip
def test_a_name_that_is_used_is_defined_and_the_other_way_round(text: str, sentence: str) -> None:
    assert said(operation(text)) == sentence


@pytest.mark.parametrize(
    ("param", "sentence"),
    [
        ("{zipfain: [1, 2]}", "5:18: operations.read.params.a: unknown generator 'zipfain' (did you mean zipfian?)"),
        ("{}", "5:17: operations.read.params.a: a mapping of 0 keys is no value: write one generator, as in uniform: [1, 100]"),
        ("{uniform: [1, 2], normal: [1, 2]}", "5:17: operations.read.params.a: a mapping of 2 keys is no value: write one generator, as in uniform: [1, 100]"),
        ("[1, 2]", "5:17: operations.read.params.a: a list is no value: write choice: [...] for one of them"),
        ("{uniform: 5}", "5:27: operations.read.params.a.uniform: 5 is no range: write [low, high] with two numbers"),
        ("{uniform: [1]}", "5:27: operations.read.params.a.uniform: [1] is no range: write [low, high] with two numbers"),
        ("{uniform: [1, x]}", "5:27: operations.read.params.a.uniform: [1, 'x'] is no range: write [low, high] with two numbers"),
        ("{uniform: [1, .inf]}", "5:27: operations.read.params.a.uniform: [1, inf] is no range: write [low, high] with two numbers"),
        ("{uniform: [5, 1]}", "5:27: operations.read.params.a.uniform: [5, 1] starts above its end: write the lower one first"),
        ("{uniform: {}}", "5:27: operations.read.params.a.uniform: range is missing (Lowest and highest value, both included)"),
        ("{uniform: {range: [1, 2], theta: 1}}", "5:43: operations.read.params.a.uniform: unknown key 'theta' (known: range)"),
        ("{uniform: {range: [1, 2], kind: zipfian}}", "5:43: operations.read.params.a.uniform: unknown key 'kind'"),
        ("{zipfian: [1, 2.5]}", "5:27: operations.read.params.a.zipfian: [1, 2.5] has a fraction: this takes whole numbers"),
        ("{zipfian: {range: [1, 2], theta: -1}}", "5:50: operations.read.params.a.zipfian.theta: -1 is out of bounds: from 0 to 10"),
        ("{hotspot: {range: [1, 9], keys: 0}}", "5:49: operations.read.params.a.hotspot.keys: 0 is out of bounds: above 0 to 1"),
        ("{hotspot: {range: [1, 9], draws: 2}}", "5:50: operations.read.params.a.hotspot.draws: 2 is out of bounds: from 0 to 1"),
        ("{normal: {range: [1, 9], mean: 20}}", "5:48: operations.read.params.a.normal.mean: 20 lies outside of the range"),
        ("{normal: {range: [1, 9], stddev: 0}}", "5:50: operations.read.params.a.normal.stddev: 0 is out of bounds: above 0 to 1e+15"),
        ("{exponential: {range: [1, 9], percentile: 100}}", "5:59: operations.read.params.a.exponential.percentile: 100 is out of bounds: above 0 to 100"),
        ("{sequential: x}", "5:30: operations.read.params.a.sequential: 'x' is no whole number"),
        ("{sequential: [9, 1]}", "5:30: operations.read.params.a.sequential: [9, 1] starts above its end: write the lower one first"),
        ("{sequential: [9]}", "5:30: operations.read.params.a.sequential: write a first number, or [first, last]"),
        ("{choice: []}", "5:26: operations.read.params.a.choice: is empty"),
        ("{choice: x}", "5:26: operations.read.params.a.choice: 'x' is nothing to choose from: write a list"),
        ("{choice: [a, [b]]}", "5:30: operations.read.params.a.choice.1: a list is no single value: text, a number, true, false or null"),
        ("{choice: {a: 0, b: 0}}", "5:26: operations.read.params.a.choice: all weights are zero"),
        ("{choice: {a: x}}", "5:26: operations.read.params.a.choice: 'x' is no number"),
        ("{choice: {values: [a, b], weights: [1]}}", "5:52: operations.read.params.a.choice.weights: 2 values have 1 weights"),
        ("{text: x}", "5:24: operations.read.params.a.text: 'x' is no size: write a number with its unit, as in 100B, 64KiB or 2GB"),
        ("{text: [5, 2]}", "5:24: operations.read.params.a.text: [5, 2] starts above its end: write the lower one first"),
        ("{bytes: 10GiB}", "5:25: operations.read.params.a.bytes: '10GiB' is too large: at most 64MiB"),
        ("{uuid: 4}", "5:24: operations.read.params.a.uuid: 4: uuid takes nothing"),
        ("{timestamp: never}", "5:29: operations.read.params.a.timestamp: 'never': write now, or [earliest, latest]"),
        ("{timestamp: [2024-13-01, 2025-01-01]}", "5:29: operations.read.params.a.timestamp: '2024-13-01' is no RFC 3339 time: write 2026-01-31T12:00:00Z"),
        ("{timestamp: [2025-01-01, 2024-01-01]}", "5:29: operations.read.params.a.timestamp: starts after its end"),
        ("{timestamp: {start: 2025-01-01}}", "5:29: operations.read.params.a.timestamp: give both start and end, or neither"),
        ("{csv: x.csv}", "5:23: operations.read.params.a.csv: 'x.csv': write {file: …, column: …}"),
        ("{csv: {file: x.csv, column: a, order: up}}", "5:55: operations.read.params.a.csv.order: 'up' is none of 'sequential', 'random'"),
        ("{csv: {file: nope.csv, column: a}}", "5:30: operations.read.params.a.csv.file: 'nope.csv': no such file or directory"),
        ("{template: 5}", "5:28: operations.read.params.a.template: 5 is no text: put it in quotes if it was meant as text"),
        ("{template: 'x{'}", "5:17: operations.read.params.a: 'x{' has a single {: write {{ for the character itself, or {name} for the value of a param"),
        ("{latest: {range: [1, 9], of: b}}", "5:46: operations.read.params.a.latest.of: no operation has a sequential param 'b'"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_generator(param: str, sentence: str) -> None:
    text = operation(f"redis: [GET, '{{a}}']\n    params: {{a: {param}}}")
    assert said(text).splitlines()[0] == f"s.yml:{sentence}"
    assert len(said(text).splitlines()) == 1


@pytest.mark.parametrize("name", ["a b", "1a", "a-b", "ä", ""])
def test_a_param_has_a_name_that_a_statement_can_hold(name: str) -> None:
    text = operation(f"redis: [PING]\n    params: {{'{name}': 1}}")
    assert said(text) == (
        f"s.yml:5:14: operations.read.params: {name!r} is no name for a param: use letters, digits and _"
    )


def test_a_csv_file_needs_its_column_and_a_row(tmp_path: Path) -> None:
    (tmp_path / "full.csv").write_text("user,mail\n1,x\n")
    (tmp_path / "empty.csv").write_text("user,mail\n")
    (tmp_path / "twice.csv").write_text("user,user\n1,2\n")
    (tmp_path / "latin.csv").write_bytes(b"user\nM\xfcller\n")

    def of(file: str) -> str:
        param = f"{{csv: {{file: {file}, column: usr}}}}"
        text = operation(
            f"redis: [GET, '{{a}}']\n    params: {{a: {param.replace('usr', column)}}}"
        )
        return (
            said(text, path=tmp_path / "s.yml")
            .removeprefix(f"{tmp_path}/s.yml:5:")
            .partition(": ")[2]
        )

    column = "usr"
    assert of("full.csv") == (
        "operations.read.params.a.csv.column: 'full.csv' has no column 'usr' (did you mean user?)"
    )
    column = "user"
    assert of("empty.csv") == (
        "operations.read.params.a.csv.file: 'empty.csv' has no row below its line of names"
    )
    assert of("twice.csv") == (
        "operations.read.params.a.csv.column: 'twice.csv' has 2 columns 'user' (did you mean user?)"
    )
    assert of("latin.csv") == (
        "operations.read.params.a.csv.file: 'latin.csv' is no CSV file in UTF-8"
    )
    assert of(".") == "operations.read.params.a.csv.file: '.': is a directory"


def test_a_sequence_that_several_operations_have_is_named_in_full() -> None:
    text = f"{LOAD}operations:\n" + "".join(
        f"  - {{name: {name}, redis: [SET, '{{id}}', x], params: {{id: {{sequential: 1}}}}}}\n"
        for name in ("a", "b")
    )
    text += "  - {name: c, redis: [GET, '{n}'], params: {n: {latest: {range: [1, 9], of: id}}}}\n"
    assert said(text) == (
        "s.yml:5:77: operations.c.params.n.latest.of: 'id' is in several operations: write a.id or b.id"
    )


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("rate: 5/s\nduration: 1s", "s.yml:5:3: load: model is missing (open: arrivals that do not wait for answers; closed: users who do)"),
        ("model: opne\nrate: 5/s\nduration: 1s", "s.yml:5:10: load.model: 'opne' is none of 'open', 'closed' (did you mean open?)"),
        ("model: open", "s.yml:5:3: load: needs stages, or a duration with a rate or users"),
        ("model: open\nrate: 5/s", "s.yml:5:3: load: needs a duration"),
        ("model: open\nduration: 5s", "s.yml:5:3: load: needs a rate (open load) or users (closed load)"),
        ("model: open\nduration: 5s\nrate: 5/s\nusers: 5", "s.yml:5:3: load: needs a rate (open load) or users (closed load), not both"),
        ("model: open\nduration: 5s\niterations: 5\nrate: 5/s", "s.yml:7:15: load.iterations: needs either a duration or iterations"),
        ("model: open\nrate: 0/s\nduration: 1s", "s.yml:5:3: load: there is not a single arrival in the whole load"),
        ("model: closed\nusers: 0\nduration: 1s", "s.yml:5:3: load: there is not a single user in the whole load"),
        ("model: open\nusers: 5\nduration: 1s", "s.yml:6:10: load.users: an open load has a rate, not users"),
        ("model: closed\nrate: 5/s\nduration: 1s", "s.yml:6:9: load.rate: a closed load has users, not a rate"),
        ("model: closed\nusers: 1.5\nduration: 1s", "s.yml:6:10: load.users: 1.5 is no number of users: write 50, or 0..50 for a ramp"),
        ("model: closed\nusers: 0..x\nduration: 1s", "s.yml:6:10: load.users: '0..x' is no number of users: write 50, or 0..50 for a ramp"),
        ("model: closed\nusers: -5\nduration: 1s", "s.yml:6:10: load.users: -5 is no number of users: write 50, or 0..50 for a ramp"),
        ("model: open\nrate: -5/s\nduration: 1s", "s.yml:6:9: load.rate: '-5/s' is no rate: write events a time unit, as in 500/s or 30/min"),
        ("model: open\nrate: .inf\nduration: 1s", "s.yml:6:9: load.rate: inf is no rate: write events a time unit, as in 500/s"),
        ("model: open\nrate: 0..5/x\nduration: 1s", "s.yml:6:9: load.rate: '5/x' is no rate: write events a time unit, as in 500/s or 30/min"),
        ("model: open\nrate: 2e9\nduration: 1s", "s.yml:6:9: load.rate: 2000000000 is too high a rate"),
        ("model: open\nrate: 5/s\nduration: 0", "s.yml:7:13: load.duration: 0 is no time at all: write a duration above zero"),
        ("model: open\nrate: 5/s\nduration: -1", "s.yml:7:13: load.duration: -1 is no duration: write a number with its unit, as in 250ms or 1m30s"),
        ("model: open\nrate: 0..5/s\niterations: 5", "s.yml:7:15: load.iterations: iterations need a constant load, not a ramp"),
        ("model: open\nrate: 0/s\niterations: 5", "s.yml:7:15: load.iterations: iterations never end without load"),
        ("model: open\nrate: 5/s\nsteps: 5\nduration: 1s", "s.yml:7:10: load.steps: steps need a ramp, as in 0..500/s"),
        ("model: open\nrate: 5/s\nduration: 1s\nthink: 5ms", "s.yml:8:10: load.think: has no meaning in an open load"),
        ("model: closed\nusers: 5\nduration: 1s\nmax_lag: 5s", "s.yml:8:12: load.max_lag: has no meaning in a closed load"),
        ("model: closed\nusers: 5\nduration: 1s\narrivals: poisson", "s.yml:8:13: load.arrivals: has no meaning in a closed load"),
        ("model: open\nrate: 5/s\nduration: 1s\nconnections: 0", "s.yml:8:16: load.connections: 0 is too low: at least 1"),
        ("model: open\nrate: 5/s\nduration: 1s\nstages: [{rate: 5/s, duration: 1s}]", "s.yml:7:13: load.duration: stands beside stages: put it into one of them"),
        ("model: open\nstages: []", "s.yml:6:11: load.stages: is empty"),
        ("model: open\nstages: [{rate: 5/s, duration: 1s, nam: x}]", "s.yml:6:38: load.stages.0: unknown key 'nam' (did you mean name?)"),
        ("model: open\nstages: [{rate: 5/s, duration: 1s, name: 5}]", "s.yml:6:44: load.stages.0.name: 5 is no text: put it in quotes if it was meant as text"),
        ("model: open\nstages:\n- {name: a, rate: 5/s, iterations: 5}\n- {rate: 5/s, duration: 1s}", "s.yml:7:38: load.stages.a.iterations: only the last stage can end by its iterations"),
        ("model: open\nstages:\n- {name: a, rate: 5/s, duration: 1s}\n- {name: a, rate: 5/s, duration: 1s}", "s.yml:8:12: load.stages.a.name: there is another stage 'a' already"),
        ("model: open\nstages:\n- {name: stage-2, rate: 5/s, duration: 1s}\n- {rate: 5/s, duration: 1s}", "s.yml:8:5: load.stages.1: there is another stage 'stage-2' already"),
        ("model: open\nwarmup: 1s\nstages:\n- {name: warmup, rate: 5/s, duration: 1s}", "s.yml:8:12: load.stages.warmup.name: load.warmup makes a stage of this name already"),
        ("model: open\nstages:\n- {rate: 0/s, duration: 1s}\n- {rate: 0/s, duration: 1s}", "s.yml:7:3: load.stages: there is not a single arrival in the whole load"),
    ],
)  # fmt: skip
def test_a_mistake_in_the_load(text: str, sentence: str) -> None:
    assert said(load(text)) == sentence


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("red.response.p95 < 50ms", "6:5: thresholds.0: there is no operation 'red' (did you mean read?)"),
        ("read.respnse.p95 < 50ms", "6:5: thresholds.0: unknown metric 'respnse.p95' (did you mean response.p95?)"),
        ("read.response.p95 < 50", "6:5: thresholds.0: '50' has no unit: write 50ms or 50s"),
        ("read.response.p95 < 50/s", "6:5: thresholds.0: '50/s' is no duration: write a number with its unit, as in 250ms or 1m30s"),
        ("read.response.p95 = 50ms", "6:5: thresholds.0: 'read.response.p95 = 50ms' is no check: write a metric, a comparison and a limit, as in total.response.p95 < 50ms"),
        ("total.errors.ratio < 5", "6:5: thresholds.0: '5' is more than all: write 5% or a number up to 1"),
        ("total.rate > baseline * x", "6:5: thresholds.0: 'baseline * x' is no limit: write baseline, baseline * 1.1 or baseline + 5ms"),
        ("5", "6:5: thresholds.0: 5 is no check: write total.response.p95 < 50ms"),
        ("{check: total.rate > 1, stage: x}", "6:36: thresholds.0.stage: there is no stage 'x' (known: stage-1)"),
        ("{check: total.rate > 1, severity: worn}", "6:39: thresholds.0.severity: 'worn' is none of 'fail', 'warn' (did you mean warn?)"),
        ("{check: total.rate > 1, after: 5s}", "6:36: thresholds.0.after: says when to end the run early, but nothing asks for that"),
        ("{check: total.rate > 1, abort: true, severity: warn}", "6:36: thresholds.0.abort: a check of severity warn does not end the run"),
        ("{check: total.rte > 1}", "6:13: thresholds.0.check: unknown metric 'rte' (did you mean rate?)"),
        ("{stage: x}", "6:5: thresholds.0: check is missing (The check, as in read.response.p95 < 50ms)"),
        ("{stage: x, abort: true}", "6:5: thresholds.0: check is missing (The check, as in read.response.p95 < 50ms)"),
        ("vus: value>5", "6:10: thresholds.0.vus: 'vus' has no meaning here: of k6's metrics there are http_req_duration, iteration_duration, http_req_failed, http_reqs, iterations, dropped_iterations"),
        ("'http_req_duration: p95<500'", "6:5: thresholds.0: 'p95<500' is none of k6's checks: write p(95)<500, avg<200 or rate<0.01"),
        ("http_req_duration: [count>5]", "6:25: thresholds.0.http_req_duration.0: http_req_duration has no 'count' (known: avg, min, max, med, p(95))"),
        ("http_req_failed: [{threshold: rate<0.1, abortOnFial: true}]", "6:45: thresholds.0.http_req_failed.0: unknown key 'abortOnFial' (did you mean abortOnFail?)"),
        ("'http_req_duration{name:reed}: p(95)<5'", "6:5: thresholds.0: there is no operation 'reed' (did you mean read?)"),
        ("'http_req_duration{group:x}: p(95)<5'", "6:5: thresholds.0: the tag 'group:x' has no meaning here: write {name:operation}"),
        ("host.cpu.p95 < 5%", "6:5: thresholds.0: host.cpu has no p95: it has min, mean, max and last"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_threshold(text: str, sentence: str) -> None:
    assert said(thresholds(text)) == f"s.yml:{sentence}"


def test_all_mistakes_are_told_at_once_in_the_order_of_the_file() -> None:
    text = """\
version: 1
tarket: redis://localhost
data: { use: kv, rows: many }
operations:
  - name: read
    wieght: 80
    sql: SELECT v FROM kv WHERE id = :idd
    params: { id: { zipfain: [1, 9] } }
  - name: write
    redis: [SET, "k:{key}", x]
load:
  model: open
  warmup: 5
  stages:
    - { name: ramp, duration: 10s, rate: 0..500/s }
    - { name: ramp, duration: 10s, users: 5 }
thresholds:
  - wirte.response.p95 < 50ms
  - { check: read.response.p95 < 50, stag: ramp }
"""
    assert said(text).splitlines() == [
        "s.yml:2:1: unknown key 'tarket' (did you mean target?)",
        "s.yml:3:24: data.rows: 'many' is no whole number",
        "s.yml:6:5: operations.read: unknown key 'wieght' (did you mean weight?)",
        "s.yml:7:10: operations.read.sql: uses :idd, which params does not define (did you mean id?)",
        "s.yml:8:19: operations.read.params.id: is never used (write :id where its value goes)",
        "s.yml:8:21: operations.read.params.id: unknown generator 'zipfain' (did you mean zipfian?)",
        "s.yml:10:18: operations.write.redis.1: uses {key}, which params does not define",
        "s.yml:13:11: load.warmup: 5 is no duration: write a number with its unit, as in 250ms or 1m30s",
        "s.yml:16:15: load.stages.ramp.name: there is another stage 'ramp' already",
        "s.yml:16:43: load.stages.ramp.users: an open load has a rate, not users",
        "s.yml:18:5: thresholds.0: there is no operation 'wirte' (did you mean write?)",
        "s.yml:19:14: thresholds.1.check: '50' has no unit: write 50ms or 50s",
        "s.yml:19:38: thresholds.1: unknown key 'stag' (did you mean stage?)",
    ]


def test_what_the_document_told_already_is_not_told_again() -> None:
    text = f"seed: ${{NOPE}}\nname: !!x y\n1: x\n{OPERATIONS}{LOAD}"
    assert said(text).splitlines() == [
        "s.yml:1:7: the environment variable NOPE is not set",
        "s.yml:2:7: the YAML tag !!x is not allowed",
        "s.yml:3:1: the key 1 is not text: put it in quotes",
    ]


@pytest.mark.parametrize("name", ["SECRET", "NUMBER", "LONG"])
@pytest.mark.parametrize(
    "text",
    [
        "seed: x${V}",
        "seed: -${V}",
        "name: [${V}]".replace("[", "\n  - ").replace("]", ""),
        "target:\n  a: ${V}",
        "data:\n  use: ${V}",
        "data:\n  use: kv\n  keep: ${V}",
        "thresholds:\n  - total.rate > ${V}x",
        "thresholds:\n  - ${V}.rate > 5",
        "thresholds:\n  - total.${V} > 5",
        "thresholds:\n  - total.response.${V} < 5ms",
        "thresholds:\n  - check: total.rate > 5\n    stage: ${V}",
        "thresholds:\n  - 'http_reqs: ${V}>5'",
        "thresholds:\n  - host.${V}.p95 > 5",
    ],
)
def test_no_value_from_the_environment_is_ever_told(text: str, name: str) -> None:
    told = said(f"{text.replace('${V}', f'${{{name}}}')}\n{OPERATIONS}{LOAD}")
    value = ENVIRON[name]
    assert not any(value[start : start + 5] in told for start in range(len(value) - 4))
    assert f"${{{name}}}" in told or "list" in told or "mapping" in told


@pytest.mark.parametrize("text", ["sql: SELECT :${SECRET}", "redis: [GET, '{${SECRET}}']"])
def test_a_name_made_of_a_variable_is_not_told_either(text: str) -> None:
    told = said(operation(text))
    assert "hunter" not in told
    assert "secret" not in told


def test_a_sentence_holds_no_control_codes_and_no_whole_file() -> None:
    told = said(
        f'"\\e[31mred\\n": 1\nseed: {"x" * 10_000}\n{OPERATIONS}{LOAD}thresholds: ["{"a" * 10_000} < 5"]'
    )
    assert all(line.isprintable() and len(line) < 600 for line in told.splitlines())
    assert "unknown key '\\x1b[31mred\\n'" in told
    assert len(told.splitlines()) == 3


HUGE = {
    "unknown keys": "".join(f"key{number}: 1\n" for number in range(40_000)),
    "thresholds": "thresholds:\n" + "".join(f"- a{number}.rate > 5\n" for number in range(30_000)),
    "a chain of templates": operation("redis: [GET, '{p0}']\n    params:")
    + "".join(f"      p{n}: {{ template: 'x{{p{n + 1}}}' }}\n" for n in range(15_000)),
    "names in SQL": operation("sql: SELECT " + ",".join(f":p{n}" for n in range(80_000))),
    "comments in SQL": operation(f"sql: ':x {'/*' * 400_000}'"),
    "dollar quotes in SQL": operation(
        "sql: ':x " + "".join(f"$a{n}$" for n in range(80_000)) + "'"
    ),
    "a path": thresholds(f"'{'a.' * 400_000} < 5'"),
    "spaces": thresholds(f"'a.rate{' ' * 400_000}x'"),
    "digits": load(f"model: open\nrate: 5/s\nduration: '{'1' * 400_000}!'"),
    "units": load(f"model: open\nrate: 5/s\nduration: '{'1m' * 400_000}!'"),
}


@pytest.mark.parametrize("text", HUGE.values(), ids=HUGE.keys())
@pytest.mark.timeout(20)
def test_no_file_of_the_largest_size_takes_long_to_refuse(text: str) -> None:
    assert said(text)
