"""Values of PostgreSQL's settings, as the server itself reads them."""

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfkit.backends.postgres.guc import Guc, assignment, names_in


def guc(vartype: str, unit: str | None = None, **other: object) -> Guc:
    values: dict[str, object] = {
        "name": "example", "shown": "", "unit": unit, "context": "user", "vartype": vartype,
        "least": None, "most": None, "words": (), "source": "default", "pending_restart": False,
        "may_set": True, **other,
    }  # fmt: skip
    return Guc(**values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("unit", "text", "value"),
    [
        ("kB", "1GB", 2**20),
        ("kB", " 1.5 MB ", 1536),
        ("8kB", "128MB", 16384),
        ("8kB", "100kB", 12),  # rounded to blocks
        ("8kB", "16384", 16384),
        ("MB", "1TB", 2**20),
        ("s", "15min", 900),
        ("ms", "1.5s", 1500),
        ("ms", "2000us", 2),
        ("min", "1d", 1440),
        (None, "-1", -1),
        (None, "1e3", 1000),
        (None, "0777", 0o777),
        (None, "0x1F", 31),
    ],
)
def test_a_number_is_read_in_the_setting_s_unit(unit: str | None, text: str, value: int) -> None:
    assert guc("integer", unit).read(text) == value


@pytest.mark.parametrize(
    ("unit", "text", "words"),
    [
        ("kB", "1mb", "B, kB, MB, GB, TB"),
        ("kB", "1s", "B, kB, MB, GB, TB"),
        ("s", "1GB", "us, ms, s, min, h, d"),
        (None, "1GB", "it has none"),
        ("kB", "25%", "write a number"),
        ("kB", "", "write a number"),
    ],
)
def test_a_unit_of_another_kind_is_told_with_those_that_fit(
    unit: str | None, text: str, words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        guc("integer", unit).read(text)


def test_bounds_are_told_in_the_setting_s_unit() -> None:
    with pytest.raises(ValueError, match=r"from 30 to 86400 \(in s\)"):
        guc("integer", "s", least="30", most="86400").read("1s")


@pytest.mark.parametrize("text", ["on", "TRUE", "yes", "1", "t"])
def test_a_switch_has_many_words(text: str) -> None:
    assert guc("bool").read(text) is True


@given(st.lists(st.text("abc$", min_size=1), min_size=1))
def test_a_list_of_names_comes_back_from_its_text(names: list[str]) -> None:
    assert names_in(", ".join(f'"{name}"' for name in names)) == names


AWKWARD = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=20)


@given(value=AWKWARD)
def test_any_value_is_one_literal(value: str) -> None:
    literal = assignment("application_name", value)
    assert literal.startswith("'")
    assert literal.endswith("'")
    assert literal[1:-1].replace("''", "").count("'") == 0
    assert literal[1:-1].replace("''", "'") == value


@pytest.mark.parametrize(("text", "word"), [("TRUE", "on"), ("0", "off"), ("Local", "local")])
def test_an_enum_that_once_was_a_switch_takes_its_words(text: str, word: str) -> None:
    assert guc("enum", words=("on", "off", "local")).read(text) == word


def test_every_setting_of_a_server_reads_its_own_value(postgres_url: str) -> None:
    with psycopg.connect(postgres_url) as connection:
        rows = connection.execute(
            "SELECT name, setting, current_setting(name), unit, vartype, min_val, max_val,"
            " coalesce(enumvals, '{}') FROM pg_settings"
        ).fetchall()
    assert len(rows) > 300
    for name, raw, shown, unit, vartype, least, most, words in rows:
        setting = guc(vartype, unit, name=name, least=least, most=most, words=words)
        if shown != "???":
            assert setting.read(raw) == setting.read(shown), name
