"""Profile files: what they may say, every mistake at its place, and those that ship."""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfkit.errors import ScenarioError, UsageError
from perfkit.tuning import Profile, load_profile, profiles
from perfkit.tuning.facts import Fact, facts_for, machine_of
from perfkit.tuning.profile import parse_profile, refuse_other_backend
from perfkit.tuning.wanted import worked_out

BARE = """\
version: 1
backend: postgresql
purpose: a try
settings:
  work_mem:
    {line}
    scope: session
    reason: because
"""
EVERYTHING = "ram=64GiB,cores=16,disk=ssd,connections=200"


def parsed(text: str, environ: Mapping[str, str] | None = None) -> Profile:
    return parse_profile(text, Path("try.yml"), environ or {})


def values(profile: Profile, machine: str = EVERYTHING) -> dict[str, str]:
    facts = facts_for(profile, None, machine_of([machine]))
    return {each.name: each.value for each in worked_out(profile, facts)}


def complaint(text: str) -> str:
    with pytest.raises(ScenarioError) as raised:
        parsed(text)
    return str(raised.value)


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("value: 4MB", "4MB"),
        ("value: on", "on"),
        ("value: 1.1", "1.1"),
        ("value: 100", "100"),
        ("value: true", "true"),
        ('value: ""', ""),
        ("formula: ram / 1024", "64MB"),
        ("{formula: ram / 1024, as: KiB, scope: session, reason: r}", "65536"),
        ("formula: 7", "7"),
        ("formula: >-\n      min(ram,\n      1GiB)", "1GB"),
    ],
)
def test_a_setting_has_a_value_or_a_formula(line: str, value: str) -> None:
    text = BARE.format(line=line)
    if line.startswith("{"):
        text = f"backend: postgresql\npurpose: p\nsettings: {{work_mem: {line}}}\n"
    assert values(parsed(text)) == {"work_mem": value}


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("# nothing", "try.yml:7:5: settings.work_mem: needs a value or a formula"),
        ("value: 4\n    formula: 4", "try.yml:7:14: settings.work_mem.formula: has both a value and a formula"),
        ("value: [1]", "try.yml:6:12: settings.work_mem.value: a list is no value"),
        ("value:", "settings.work_mem: needs a value or a formula"),
        ("formula: rma / 4", "try.yml:6:14: settings.work_mem.formula: unknown name 'rma' in the formula (did you mean ram?)"),
        ("formula: ram /", "try.yml:6:14: settings.work_mem.formula: 'ram /' is no formula"),
        ("formula: ram ** 2", "try.yml:6:14: settings.work_mem.formula: a formula takes no power"),
        ("formula: [ram]", "try.yml:6:14: settings.work_mem.formula: a list is no formula"),
        ("formula: 16GB", "write 16GiB"),
        ("valeu: 4", "try.yml:6:5: settings.work_mem: unknown key 'valeu' (did you mean value?)"),
        ("sa: size\n    value: 4", "unknown key 'sa' (known: value, formula, as, scope"),
        ("formula: ram\n    as: sise", "try.yml:7:9: settings.work_mem.as: 'sise' is none of"),
        ("value: 4\n    as: size", "try.yml:7:9: settings.work_mem.as: belongs to a formula"),
        ("value: 4\n    scope: galaxy", "the key 'scope' is there twice"),
        ('value: "a\\nb"', "a value is one line"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_setting_is_told_at_its_place(line: str, sentence: str) -> None:
    assert sentence in complaint(BARE.format(line=line))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "try.yml: is empty"),
        ("[]", "is no mapping"),
        ("version: 2\nbackend: redis\npurpose: p\nsettings: {a: {value: 1, scope: reload, reason: r}}", "try.yml:1:10: version: 2 is no version"),
        ("purpose: p\nsettings: {a: {value: 1, scope: reload, reason: r}}", "try.yml:1:1: backend is missing"),
        ("backend: oracle\npurpose: p\nsettings: {a: {value: 1, scope: reload, reason: r}}", "try.yml:1:10: backend: 'oracle' is none of"),
        ("backend: redis\npurpose: p\nsettings: {}", "settings: is empty"),
        ("backend: redis\npurpose: p\nsettings: {a: {value: 1, reason: r}}", "try.yml:3:15: settings.a: scope is missing"),
        ("backend: redis\npurpose: p\nsettings: {a: {value: 1, scope: reload}}", "try.yml:3:15: settings.a: reason is missing"),
        ("backend: redis\npurpose: p\nsettings: {a; b: {value: 1, scope: reload, reason: r}}", "'a; b' is no name of a setting"),
        ("backend: redis\npurpose: p\nsettings: {requirepass: {value: 1, scope: reload, reason: r}}", "try.yml:3:12: settings: requirepass holds a secret"),
        ("backend: redis\npurpose: p\nassume: {ram: 4GiB}\nsettings: {a: {value: 1, scope: reload, reason: r}}", "try.yml:3:10: assume: ram is looked up, not assumed"),
        ("backend: redis\npurpose: p\nassume: {min: 4}\nsettings: {a: {value: 1, scope: reload, reason: r}}", "'min' is no name of a fact"),
        ("backend: redis\npurpose: p\nassume: {hold: 4 parsecs}\nsettings: {a: {value: 1, scope: reload, reason: r}}", "'4 parsecs' is no number, size, duration or word"),
        ("backend: redis\npurpose: p\nconfig: my.cnf\nsettings: {a: {value: 1, scope: reload, reason: r}}", "try.yml:3:9: config: 'my.cnf' is none of"),
        ("backend: redis\npurpose: ${NOT_SET}\nsettings: {a: {value: 1, scope: reload, reason: r}}", "the environment variable NOT_SET is not set"),
    ],
)  # fmt: skip
def test_a_mistake_in_the_file_is_told_at_its_place(text: str, sentence: str) -> None:
    assert sentence in complaint(text)


def test_every_mistake_is_told_at_once() -> None:
    text = "backend: reddis\npurpose: p\nsettings:\n  a: {value: 1, scope: x, reason: r}\n  b: {}\n"
    assert [line.partition(": ")[0] for line in complaint(text).splitlines()] == [
        "try.yml:1:10",
        "try.yml:4:24",
        "try.yml:5:6",
        "try.yml:5:6",
    ]


def test_a_formula_that_has_no_value_is_told_at_its_place() -> None:
    profile = parsed(BARE.format(line="formula: ram / (cores - 16)"))
    with pytest.raises(ScenarioError) as raised:
        values(profile)
    assert str(raised.value) == "try.yml:6:14: settings.work_mem.formula: it divides by zero"


def test_a_value_may_come_from_the_environment() -> None:
    assert values(parsed(BARE.format(line="value: ${MEM}"), {"MEM": "8MB"})) == {"work_mem": "8MB"}


def test_what_comes_from_the_environment_is_not_told_in_an_error() -> None:
    with pytest.raises(ScenarioError) as raised:
        parsed(BARE.format(line="formula: ${MEM}"), {"MEM": "hunter2secret("})
    assert "hunter2" not in str(raised.value)


@given(st.text(max_size=300))
def test_any_text_is_a_profile_or_a_scenario_error(text: str) -> None:
    with suppress(ScenarioError):
        parsed(text)


# -- names ---------------------------------------------------------------------------------------


def test_a_profile_goes_by_either_name_of_its_backend() -> None:
    assert load_profile("postgresql-oltp") == load_profile("postgres-oltp")
    assert load_profile("mongo-bulk").name == "mongodb-bulk"


def test_the_default_profile_sets_nothing_and_fits_every_backend() -> None:
    default = load_profile("default")
    assert default.settings == ()
    for backend in ("sqlite", "postgresql", "mongodb", "redis", "fake"):
        refuse_other_backend(default, backend)


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(UsageError) as raised:
        load_profile("postgres-oltq")
    assert raised.value.hint == "did you mean postgres-oltp?"


def test_a_file_of_ones_own_is_named_after_it(tmp_path: Path) -> None:
    path = tmp_path / "mine.yml"
    path.write_text(BARE.format(line="value: 4MB"))
    assert load_profile(str(path)).name == "mine"


def test_a_file_that_is_not_there_is_told() -> None:
    with pytest.raises(ScenarioError, match=r"missing\.yml: no such file"):
        load_profile("missing.yml")


# -- the facts ------------------------------------------------------------------------------------


def facts(line: str, *machine: str, assume: str = "") -> Mapping[str, Fact]:
    text = BARE.format(line=line) + (f"assume: {{{assume}}}\n" if assume else "")
    return facts_for(parsed(text), None, machine_of(machine))


def test_only_what_the_formulas_name_is_asked_for() -> None:
    assert set(facts("formula: cores * 1MiB")) == {"cores"}
    assert facts("value: 4MB") == {}


def test_each_fact_says_where_it_comes_from() -> None:
    line = "formula: ram / cores * (hold / 1s) / pools"
    found = facts(line, "cores=3", "pools=2", assume="hold: 5ms, pools: 1")
    assert {name: fact.origin for name, fact in found.items()} == {
        "ram": "this machine",
        "cores": "--machine",
        "hold": "assumed by the profile",
        "pools": "--machine",
    }


def test_a_fact_that_nobody_knows_is_asked_for_by_its_option() -> None:
    with pytest.raises(UsageError, match="the profile try needs to know connections") as raised:
        facts("formula: connections * 1MiB")
    assert raised.value.hint is not None
    assert "--machine connections=200" in raised.value.hint


@pytest.mark.parametrize(
    ("machine", "sentence"),
    [
        ("ram", "write name=value"),
        ("ram=", "write name=value"),
        ("ram=64", "that is no ram"),
        ("ram=0GiB", "that is no ram"),
        ("cores=-1", "that is no cores"),
        ("cores=4GiB", "that is no cores"),
        ("disk=floppy", "that is no disk"),
        ("connections=many", "that is no connections"),
        ("ram=1GiB,ram=2GiB", "ram is there twice"),
        ("rma=64GiB", "no formula knows that"),
        ("hold=4", "takes a duration"),
    ],
)
def test_a_fact_that_can_not_be_is_refused(machine: str, sentence: str) -> None:
    with pytest.raises(UsageError) as raised:
        facts("formula: ram * (hold / 1s)", machine, assume="hold: 5ms")
    assert sentence in str(raised.value)


def test_a_fact_of_another_profile_is_no_mistake() -> None:
    """bench takes one --machine for several profiles."""
    theirs = next(
        name for each in profiles() for name in each.assume if name not in ("connections", "hold")
    )
    assert facts("formula: ram", f"{theirs}=5").keys() == {"ram"}


def test_a_profile_for_another_backend_is_refused_with_those_that_fit() -> None:
    with pytest.raises(
        UsageError, match="redis-cache is for redis, and the target is sqlite"
    ) as raised:
        refuse_other_backend(load_profile("redis-cache"), "sqlite")
    assert raised.value.hint is not None
    assert "sqlite-read-heavy" in raised.value.hint
    assert "postgres" not in raised.value.hint
