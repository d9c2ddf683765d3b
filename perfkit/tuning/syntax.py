"""What a profile file may say.

```yaml
version: 1
backend: postgresql
purpose: many short transactions
assume: { hold: 5ms }              # facts that nobody can look up; --machine hold=… replaces them
settings:
  shared_buffers:
    formula: min(ram / 4, 16GiB)   # or value: on
    scope: restart
    reason: …
```
"""

import re
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator

from perfkit.results import Scope
from perfkit.scenario.fields import Frozen, Mistake, Words, nearest, shown
from perfkit.scenario.syntax import VersionField
from perfkit.tuning.formula import FUNCTIONS, LONGEST, Formula, Quantity, quantity, read_formula
from perfkit.tuning.notation import Notation

FACTS = ("ram", "cores", "disk", "connections")
"""What can be looked up: a size, a number, "ssd" or "hdd", and the server's limit of connections."""

ASSUMABLE = "connections"
"""The one of them that a profile may assume, for a pool is also set up where there is no server."""

ConfigStyle = Literal[
    "postgresql.conf", "pgbouncer.ini", "pragmas", "mongod.conf", "redis.conf", "properties"
]

_SETTING_NAME = re.compile(r"[A-Za-z_][\w.-]{0,127}")
_FACT_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")
_SECRET = re.compile(r"pass|secret|auth$|conninfo", re.IGNORECASE)


def _setting_name(name: str) -> str:
    if not _SETTING_NAME.fullmatch(name):
        raise ValueError(f"{shown(name)} is no name of a setting: letters, digits, _ . and -")
    if _SECRET.search(name):
        raise ValueError(f"{name} holds a secret, which is no matter of tuning")
    return name


def _fact_name(name: str) -> str:
    if name in FACTS and name != ASSUMABLE:
        raise ValueError(f"{name} is looked up, not assumed")
    if name in FUNCTIONS or not _FACT_NAME.fullmatch(name):
        raise ValueError(f"{shown(name)} is no name of a fact: small letters, digits and _")
    return name


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str | int | float):
        raise Mistake(f"{shown(value)} is no value: write text or a number")
    text = str(value)
    if not text.isprintable() or len(text) > 1000:
        raise Mistake("a value is one line of at most 1,000 characters")
    return text


def _formula(value: Any) -> Formula:
    if isinstance(value, Formula):
        return value
    if isinstance(value, bool) or not isinstance(value, str | int | float) or value == "":
        raise Mistake(f"{shown(value)} is no formula: write for example min(ram / 4, 16GiB)")
    return read_formula(str(value))


def _fact(value: Any) -> Quantity:
    return value if isinstance(value, Quantity) else quantity(value)


_SCALAR = {"type": ["string", "number"]}


class SettingSyntax(Frozen):
    """A setting with its value and what speaks for it."""

    value: Annotated[
        Annotated[
            str, BeforeValidator(_value), WithJsonSchema({"type": ["string", "number", "boolean"]})
        ]
        | None,
        Field(description="Its value, as the server's users write it."),
    ] = None
    formula: Annotated[
        Annotated[
            Formula,
            BeforeValidator(_formula),
            WithJsonSchema({"type": ["string", "number"], "maxLength": LONGEST}),
        ]
        | None,
        Field(description="Or its value by the machine, as in min(ram / 4, 16GiB)."),
    ] = None
    notation: Annotated[
        Notation | None,
        Field(
            alias="as",
            description="How the formula's result is written: size is 128MB, KiB a plain number of "
            "kibibytes, duration 5min, ms a plain number of milliseconds; otherwise by its kind.",
        ),
    ] = None
    scope: Annotated[Scope, Field(description="Where it takes effect.")]
    reason: Annotated[Words, Field(description="Why, in a sentence or two.")]
    risk: Annotated[
        Words | None, Field(description="What it may cost, as what is lost in a crash.")
    ] = None
    source: Annotated[Words | None, Field(description="Who says so: the section of a manual.")] = (
        None
    )

    @model_validator(mode="after")
    def _has_a_value(self) -> Self:
        if (self.value is None) == (self.formula is None):
            if self.formula is None:
                raise Mistake("needs a value or a formula")
            raise Mistake("has both a value and a formula: one of them", at=("formula",))
        if self.notation and self.formula is None:
            raise Mistake("belongs to a formula: a value is written as it stands", at=("as",))
        return self


class ProfileSyntax(Frozen):
    """A tuning profile for perfkit."""

    version: VersionField = 1
    backend: Annotated[
        Literal["sqlite", "postgresql", "mongodb", "redis"],
        Field(description="Whose settings these are."),
    ]
    purpose: Annotated[Words, Field(description="For what load it is, in a few words.")]
    config: Annotated[
        ConfigStyle | None,
        Field(
            description="What `profile show --config` prints; the backend's own file unless said."
        ),
    ] = None
    assume: Annotated[
        dict[
            Annotated[str, AfterValidator(_fact_name)],
            Annotated[Quantity, BeforeValidator(_fact), WithJsonSchema(_SCALAR)],
        ],
        Field(description="Facts that nobody can look up, as hold: 5ms; --machine replaces them."),
    ] = {}  # noqa: RUF012  pydantic copies it, and the model is frozen
    settings: Annotated[
        dict[Annotated[str, AfterValidator(_setting_name)], SettingSyntax],
        Field(min_length=1, max_length=500, description="By their names."),
    ]

    @model_validator(mode="after")
    def _knows_its_facts(self) -> Self:
        known = (*FACTS, *self.assume)
        for name, setting in self.settings.items():
            for fact in sorted(setting.formula.names if setting.formula else ()):
                if fact not in known:
                    raise Mistake(
                        f"unknown name {fact!r} in the formula",
                        at=("settings", name, "formula"),
                        hint=nearest(fact, known),
                    )
        return self
