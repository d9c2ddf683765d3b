"""What users write: the keys of a scenario file, with the words that editors show for them.

Pydantic checks the types and gives the JSON Schema; what these models hold is in base units already.
How the parts must fit together is in `checks`.
"""

import re
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator

from perfkit.scenario import values
from perfkit.scenario.datasets import DEFAULT_ROWS, DatasetName, table_rows
from perfkit.scenario.fields import (
    Duration,
    Flag,
    Frozen,
    Mistake,
    NameText,
    Natural,
    Positive,
    PositiveDuration,
    Size,
    Weight,
    Words,
    at_least,
    schema_of_number,
    shown,
)
from perfkit.scenario.load_syntax import LoadSyntax, Think
from perfkit.scenario.model import Expect, Retry, Statement
from perfkit.scenario.schema_parts import (
    PARAM_SCHEMA,
    SETUP_SCHEMA,
    THRESHOLDS_SCHEMA,
)
from perfkit.scenario.values import Param, ScalarValue

_ROWS = re.compile(r"(>=|<=|==|>|<)?\s*\d{1,15}|(\d{1,15})\s*\.\.\s*(\d{1,15})")
_CONTROLS_TRANSACTION = re.compile(
    r"\s*(begin|commit|rollback|end|start\s+transaction|savepoint)\b", re.IGNORECASE
)
_MONGO_SCHEMA = {"type": "object", "minProperties": 1}

KINDS = ("sql", "transaction", "statements", "mongo", "redis")
"""The keys of an operation that say what it does; it has one of them."""


def _rows(value: Any) -> Any:
    if isinstance(value, str):
        match = _ROWS.fullmatch(value.strip())
        if match and (match[2] is None or int(match[2]) <= int(match[3])):
            return value
    elif isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    raise ValueError(f"{shown(value)} is no number of rows: write 1, '>=1' or 1..10")


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _statement(value: Any) -> Any:
    return {"sql": value} if isinstance(value, str) else value


def _retry(value: Any) -> Any:
    return value if isinstance(value, dict) else {"tries": value}


def _param_name(value: str) -> str:
    if not value.isidentifier() or not value.isascii():
        raise ValueError(f"{value!r} is no name for a param: use letters, digits and _")
    return value


def _redis(value: Any) -> Any:
    """A list of commands from one command, or from a list of them."""
    if not isinstance(value, list) or not value:
        raise Mistake(f'{shown(value)} is no command: write a list, as in [GET, "key:{{id}}"]')
    pipeline = all(isinstance(item, list) for item in value)
    for index, command in enumerate(value if pipeline else [value]):
        _check_redis_command(command, (index,) if pipeline else ())
    return value if pipeline else [value]


def _check_redis_command(command: list[Any], at: tuple[int, ...]) -> None:
    for index, word in enumerate(command):
        if isinstance(word, bool) or not isinstance(word, str | int | float):
            place = (*at, index)
            raise Mistake(
                f"{shown(word)} is no argument of a command: write text or a number", at=place
            )
    if not command or not isinstance(command[0], str) or not command[0].strip():
        raise Mistake("a command starts with its name, as in [GET, key]", at=at)


def _mongo(value: Any) -> Any:
    """A command, or a list of them."""
    several = isinstance(value, list) and bool(value)
    for index, command in enumerate(value if several else [value]):
        if not isinstance(command, dict) or not command:
            raise Mistake(
                f"{shown(command)} is no command: write a mapping, as in find: kv",
                at=(index,) if several else (),
            )
    return value


def _setup(value: Any) -> Any:
    if isinstance(value, str) and value.strip():
        return value
    if isinstance(value, list) and value:
        _check_redis_command(value, ())
        return value
    if isinstance(value, dict) and value:
        return value
    raise Mistake(
        f"{shown(value)} is no statement: write SQL, a list for Redis, a mapping for MongoDB"
    )


def _version(value: Any) -> int:
    if value != 1 or isinstance(value, bool):
        raise ValueError(f"{shown(value)} is no version of this format: write 1")
    return 1


VersionField = Annotated[
    Annotated[int, BeforeValidator(_version), WithJsonSchema({"const": 1})],
    Field(description="Version of this format."),
]
ParamName = Annotated[str, AfterValidator(_param_name)]
ParamField = Annotated[Param, BeforeValidator(values.read_param), WithJsonSchema(PARAM_SCHEMA)]
SetupField = Annotated[Any, BeforeValidator(_setup), WithJsonSchema(SETUP_SCHEMA)]


class RetrySyntax(Frozen):
    """How often to try, and how long to wait."""

    tries: Annotated[
        Annotated[int, BeforeValidator(at_least(1)), schema_of_number("integer", minimum=1)],
        Field(le=1000, description="Tries in all, the first one included."),
    ]
    wait: Annotated[
        Duration,
        Field(description="Wait before the second try; doubles from then on, with jitter."),
    ] = 0

    def model(self) -> Retry:
        """As the rest of perfkit sees it."""
        return Retry(tries=self.tries, wait_ns=self.wait)


class ExpectSyntax(Frozen):
    """What a right answer looks like; anything else counts as an error."""

    rows: Annotated[
        Annotated[
            int | str,
            BeforeValidator(_rows),
            WithJsonSchema(
                {
                    "anyOf": [
                        {"type": "integer", "minimum": 0},
                        {"type": "string", "examples": [">=1", "1..10"]},
                    ]
                }
            ),
        ]
        | None,
        Field(
            description="Number of rows, documents or elements: 1, '>=1' or 1..10; of a batch in all."
        ),
    ] = None
    value: Annotated[ScalarValue, Field(description="The first value of the answer.")] = None
    error: Annotated[
        tuple[Words, ...],
        BeforeValidator(_listed),
        WithJsonSchema(
            {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
        ),
        Field(description="Error classes that are all right, such as unique_violation."),
    ] = ()

    def model(self) -> Expect:
        """As the rest of perfkit sees it."""
        return Expect(
            rows=self.rows,
            value=self.value,
            has_value="value" in self.model_fields_set,
            error=self.error,
        )


class StatementSyntax(Frozen):
    """A statement of several."""

    sql: Annotated[Words, Field(description="The statement, with :name for the value of a param.")]
    expect: Annotated[ExpectSyntax, Field(description="What a right answer looks like.")] = (
        ExpectSyntax()
    )

    @model_validator(mode="after")
    def _leaves_the_transaction_alone(self) -> Self:
        if match := _CONTROLS_TRANSACTION.match(self.sql):
            raise Mistake(
                f"{match[1].upper()} is perfkit's own: a transaction begins and ends by itself",
                at=("sql",),
            )
        return self

    def model(self) -> Statement:
        """As the rest of perfkit sees it."""
        return Statement(sql=self.sql, expect=self.expect.model())


class OperationSyntax(Frozen):
    """An operation of the mix: a statement, a transaction or a command."""

    name: Annotated[NameText, Field(description="Name in reports and thresholds.")]
    weight: Annotated[
        Weight, Field(description="Share of the mix, relative to the other operations.")
    ] = 1.0
    sql: Annotated[
        Words | None,
        Field(
            description="A statement (SQLite, PostgreSQL), with :name for the value of a param; {name} is a word of a choice, such as a column."
        ),
    ] = None
    transaction: Annotated[
        tuple[
            Annotated[
                StatementSyntax,
                BeforeValidator(_statement, json_schema_input_type=str | StatementSyntax),
            ],
            ...,
        ]
        | None,
        Field(min_length=1, description="Statements that succeed or fail together."),
    ] = None
    statements: Annotated[
        tuple[
            Annotated[
                StatementSyntax,
                BeforeValidator(_statement, json_schema_input_type=str | StatementSyntax),
            ],
            ...,
        ]
        | None,
        Field(min_length=1, description="Statements in turn on one connection, each by itself."),
    ] = None
    isolation: Annotated[
        Literal["read committed", "repeatable read", "serializable"] | None,
        Field(description="Isolation level of the transaction."),
    ] = None
    mongo: Annotated[
        Annotated[
            dict[str, Any] | tuple[dict[str, Any], ...],
            BeforeValidator(_mongo),
            WithJsonSchema(
                {"anyOf": [_MONGO_SCHEMA, {"type": "array", "minItems": 1, "items": _MONGO_SCHEMA}]}
            ),
        ]
        | None,
        Field(
            description='A MongoDB command, or several in turn; "{name}" becomes the value of a param.'
        ),
    ] = None
    redis: Annotated[
        Annotated[
            tuple[tuple[Any, ...], ...],
            BeforeValidator(_redis),
            WithJsonSchema({"type": "array", "minItems": 1}),
        ]
        | None,
        Field(description='A Redis command as a list, [GET, "key:{id}"], or a list of commands.'),
    ] = None
    pipeline: Annotated[
        Flag,
        Field(
            description="Several Redis commands are sent together; false: each waits for the reply before."
        ),
    ] = True
    batch: Annotated[
        Positive,
        Field(
            le=100_000,
            description="Items in one request, each with its own values: rows or documents of an insert, commands of Redis; `expect` counts them all.",
        ),
    ] = 1
    params: Annotated[
        dict[ParamName, ParamField],
        Field(
            max_length=1000, description="Where the values come from: a literal, or a generator."
        ),
    ] = {}  # noqa: RUF012  pydantic copies it, and the model is frozen
    expect: Annotated[ExpectSyntax, Field(description="What a right answer looks like.")] = (
        ExpectSyntax()
    )
    timeout: Annotated[
        PositiveDuration,
        Field(description="After this time the operation has failed; 30s unless said."),
    ] = 30_000_000_000
    retry: Annotated[
        RetrySyntax,
        BeforeValidator(_retry, json_schema_input_type=int | RetrySyntax),
        Field(description="Tries after a serialization failure, a deadlock or a busy database."),
    ] = RetrySyntax(tries=1)
    think: Annotated[
        Think, Field(description="Pause of the user after this operation (closed load).")
    ] = None

    @model_validator(mode="after")
    def _does_one_thing(self) -> Self:
        given = [key for key in KINDS if getattr(self, key)]
        if not given:
            raise Mistake(f"does nothing: give it {', '.join(KINDS[:-1])} or {KINDS[-1]}")
        if len(given) > 1:
            raise Mistake(f"has both {given[0]} and {given[1]}: one of them", at=(given[1],))
        if self.isolation and not self.transaction:
            raise Mistake("only a transaction has an isolation level", at=("isolation",))
        return self

    @model_validator(mode="after")
    def _is_one_request_where_it_must(self) -> Self:
        if not self.pipeline and len(self.redis or ()) < 2:
            raise Mistake("only several redis commands can go without a pipeline", at=("pipeline",))
        several = self.transaction or self.statements or isinstance(self.mongo, tuple)
        if self.batch > 1 and (several or not self.pipeline):
            raise Mistake("a batch is one request, and this is several in turn", at=("batch",))
        return self


class DataSyntax(Frozen):
    """Data made before the run and dropped after it."""

    use: Annotated[DatasetName | None, Field(description="A built-in dataset.")] = None
    rows: Annotated[Positive, Field(le=10**12, description="Its number of rows.")] = DEFAULT_ROWS
    value_size: Annotated[Size, Field(ge=1, description="Size of its values: 100, 1KiB.")] = 100
    keep: Annotated[Flag, Field(description="Leave it there after the run.")] = False
    setup: Annotated[
        tuple[SetupField, ...],
        Field(
            description="Statements of your own before the run: SQL, a list for Redis, a mapping for MongoDB."
        ),
    ] = ()
    teardown: Annotated[
        tuple[SetupField, ...],
        Field(description="Statements of your own after the run, whatever happened in it."),
    ] = ()

    @model_validator(mode="after")
    def _has_something_to_do(self) -> Self:
        dataset_keys = {"rows", "value_size", "keep"} & self.model_fields_set
        if self.use is None and dataset_keys:
            key = min(dataset_keys)
            raise Mistake(f"{key} belongs to a built-in dataset: add use: kv", at=(key,))
        if self.use in {"pgbench", "sysbench"} and "value_size" in self.model_fields_set:
            raise Mistake(f"{self.use}'s values have the sizes of its author", at=("value_size",))
        if self.use is not None:
            try:
                table_rows(self.use, self.rows)
            except Mistake as mistake:
                raise Mistake(str(mistake), at=("rows",)) from None
        return self


class FileSyntax(Frozen):
    """A load test for perfkit."""

    version: VersionField = 1
    name: Annotated[
        Words | None, Field(description="Name in the report; the file's name unless said.")
    ] = None
    target: Annotated[
        Words | None,
        Field(description="URL of the database, best as ${DATABASE_URL}; --target overrides it."),
    ] = None
    seed: Annotated[Natural, Field(description="The same seed draws the same values.")] = 1
    data: Annotated[DataSyntax | None, Field(description="Data made before the run.")] = None
    operations: Annotated[
        tuple[OperationSyntax, ...],
        Field(min_length=1, max_length=1000, description="What to do, by weight."),
    ]
    load: Annotated[LoadSyntax, Field(description="How much, and for how long.")]
    thresholds: Annotated[
        Any,
        Field(description="What must hold; the exit status is 1 otherwise."),
        WithJsonSchema(THRESHOLDS_SCHEMA),
    ] = ()
