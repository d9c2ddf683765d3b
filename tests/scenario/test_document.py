import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from perfkit.errors import ScenarioError
from perfkit.scenario.document import LIMIT_BYTES, parse, read_text

ENVIRON = {"RATE": "500", "SECRET": "hunter2-very-secret", "EMPTY": ""}


def plain(text: str) -> Any:
    document = parse(text, "s.yml", ENVIRON)
    assert document.problems == []
    return document.plain()


def refusal(text: str) -> str:
    """What is said of a text, whether or not there is a tree."""
    try:
        problems = parse(text, "s.yml", ENVIRON).problems
    except ScenarioError as error:
        problems = error.problems
    return "\n".join(map(str, problems))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5", 5),
        ("-5", -5),
        ("1_000", 1000),
        ("0x1F", 31),
        ("1.5", 1.5),
        ("1e6", 1e6),
        (".5", 0.5),
        ("1.", 1.0),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
        # What YAML 1.1 takes for something else, or people would:
        ("yes", "yes"),
        ("on", "on"),
        ("no", "no"),
        ("1:30", "1:30"),
        ("2024-01-01", "2024-01-01"),
        ("0..500/s", "0..500/s"),
        ("1.2.3", "1.2.3"),
        ("=", "="),
        ("e5", "e5"),
        (".", "."),
        ("'5'", "5"),
        ('"true"', "true"),
    ],
)
def test_a_scalar_means_what_people_expect(text: str, value: Any) -> None:
    seen = plain(f"a: {text}")["a"]
    assert (type(seen), seen) == (type(value), value)


def test_infinity_and_nan_are_floats() -> None:
    assert plain("[.inf, -.inf]") == [float("inf"), float("-inf")]
    assert str(plain("[.nan]")) == "[nan]"


def test_on_is_a_key_like_any_other() -> None:
    assert plain("on: 1\nno: 2") == {"on": 1, "no": 2}


_TEXTS = st.text(
    alphabet=st.characters(
        codec="utf-8",
        exclude_categories=["Cc", "Cf", "Cs", "Cn", "Co", "Zl", "Zp"],
        exclude_characters="$",
    )
)
_VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(10**30), 10**30),
        st.floats(allow_nan=False, allow_infinity=False),
        _TEXTS,
    ),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(_TEXTS.map("k{}".format), inner)),
)


@given(_VALUES)
def test_json_is_read_as_what_it_is(value: Any) -> None:
    text = json.dumps({"v": value}, ensure_ascii=False)
    assert repr(plain(text)) == repr({"v": value})


def test_anchors_aliases_and_merges_are_plain_data() -> None:
    assert plain("a: &x {p: 1, q: 2}\nb: *x\nc: {<<: *x, q: 3}\nd: {<<: [*x, {r: 4}]}") == {
        "a": {"p": 1, "q": 2},
        "b": {"p": 1, "q": 2},
        "c": {"p": 1, "q": 3},
        "d": {"p": 1, "q": 2, "r": 4},
    }


def test_places_count_from_one_and_in_characters() -> None:
    document = parse("ä: 1\nb:\n  - ü: [x, 'y']\n", "s.yml", ENVIRON)
    assert document.find(("b", 0, "ü", 1))[-1].place == ("s.yml", 3, 12)
    assert document.find(("b", 0))[-1].key_places["ü"] == ("s.yml", 3, 5)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "s.yml: is empty"),
        ("# nothing\n", "s.yml: is empty"),
        ("a: b: c", "s.yml:1:5: is not YAML: mapping values are not allowed in this context (text with : { } [ ] # or % in it may need quotes)"),
        ("a: 1\na: 2", "s.yml:2:1: the key 'a' is there twice: first in line 1"),
        ("a: {b: 1, b: 2, b: 3}", "s.yml:1:11: the key 'b' is there twice: first in line 1\ns.yml:1:17: the key 'b' is there twice: first in line 1"),
        ("a: !!python/object/apply:os.system [ls]", "s.yml:1:4: the YAML tag !!python/object/apply:os.system is not allowed"),
        ("a: !x 1", "s.yml:1:4: the YAML tag !x is not allowed"),
        ("!!str a: 1", "s.yml:1:1: the YAML tag !!str is not allowed"),
        ("a: 1\n---\nb: 2", "s.yml:2:1: a second document starts here: a file holds one"),
        ("a: \0", "s.yml:1:4: is not YAML: it holds the character U+0000"),
        ("a: 1\nb: x\x07", "s.yml:2:5: is not YAML: it holds the character U+0007"),
        ("1: a", "s.yml:1:1: the key 1 is not text: put it in quotes"),
        ("true: a", "s.yml:1:1: the key true is not text: put it in quotes"),
        ("~: a", "s.yml:1:1: the key ~ is not text: put it in quotes"),
        ("? [a]\n: b", "s.yml:1:3: a key must be text"),
        ("a${RATE}: 1", "s.yml:1:1: a key takes no ${NAME}"),
        ("a: 010", "s.yml:1:4: 010 has a leading zero, which readers of YAML take in two ways: drop it, or use quotes"),
        ("a: *b", "s.yml:1:4: the alias *b has no anchor before it"),
        ("a: &a [*a]", "s.yml:1:8: the alias *a holds itself"),
        ("a: {<<: 5}", "s.yml:1:9: << takes a mapping or a list of mappings"),
        ("a: ${NOPE}", "s.yml:1:4: the environment variable NOPE is not set"),
        ("a: [x, 'y ${NOPE} z']", "s.yml:1:8: the environment variable NOPE is not set"),
        ("a: ${NOPE:-5}", "s.yml:1:4: ${ needs a name and nothing more, as in ${NAME}; $${ stands for ${ itself"),
    ],
)  # fmt: skip
def test_a_text_that_is_no_plain_yaml_is_told_where_and_why(text: str, said: str) -> None:
    assert refusal(text) == said


def test_a_variable_without_quotes_has_the_type_of_what_it_holds() -> None:
    text = "- ${RATE}\n- '${RATE}'\n- 0..${RATE}/s\n- |\n  ${RATE}\n"
    assert plain(text) == [500, "500", "0..500/s", "500\n"]


def test_a_doubled_dollar_keeps_a_variable_from_being_filled_in() -> None:
    assert plain("a: $${RATE} $x $ ${RATE}") == {"a": "${RATE} $x $ 500"}


def test_a_variable_that_is_set_but_empty_is_nothing() -> None:
    assert plain("a: ${EMPTY}\nb: '${EMPTY}'") == {"a": None, "b": ""}


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "? ", "[[{a: ["])
def test_a_nesting_bomb_is_refused_without_a_crash(opening: str) -> None:
    text = opening * (LIMIT_BYTES // len(opening))
    assert "is nested deeper than 64 levels" in refusal(text) or "must be text" in refusal(text)


def test_aliases_do_not_hide_depth() -> None:
    text = "a0: &a0 [x]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}]\n" for i in range(1, 100))
    assert "is nested deeper than 64 levels" in refusal(text)


def test_an_alias_bomb_is_refused() -> None:
    text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    text += "".join(f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 9))
    assert refusal(text) == "s.yml:5:49: holds more than 100,000 values (aliases counted in full)"


def test_a_long_list_is_refused() -> None:
    assert "holds more than 100,000 values" in refusal("a: [" + "1," * 200_000 + "]")


def test_without_libyaml_the_same_is_read_only_slower(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "a: &x {p: 'q', r: [1, yes, 0..5/s, \"\\u00e9\"]}\nb: *x\nc: |\n  ${RATE}\nd:\n"
    expected = plain(text)
    monkeypatch.setattr("perfkit.scenario.document._LOADER", yaml.SafeLoader)
    assert plain(text) == expected
    assert refusal("a: 1\na: !!int 2") == (
        "s.yml:2:1: the key 'a' is there twice: first in line 1\n"
        "s.yml:2:4: the YAML tag !!int is not allowed"
    )
    assert "is nested deeper than 64 levels" in refusal("[" * 100_000)


def test_files_that_can_not_be_read_say_so(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=r"no\.yml: no such file"):
        read_text(tmp_path / "no.yml")
    with pytest.raises(ScenarioError, match="is a directory"):
        read_text(tmp_path)


def test_a_file_that_is_not_utf_8_is_told_with_the_byte(tmp_path: Path) -> None:
    path = tmp_path / "latin.yml"
    path.write_bytes(b"a: 1\nb: M\xfcller\n")
    with pytest.raises(ScenarioError) as raised:
        read_text(path)
    assert str(raised.value) == f"{path}:2:5: is not UTF-8: byte 9 is 0xfc"


def test_a_file_may_have_a_mebibyte_and_no_byte_more(tmp_path: Path) -> None:
    path = tmp_path / "big.yml"
    path.write_bytes(b"#" * LIMIT_BYTES)
    assert len(read_text(path)) == LIMIT_BYTES
    path.write_bytes(b"#" * (LIMIT_BYTES + 1))
    with pytest.raises(ScenarioError, match=r"big\.yml: is larger than 1 MiB"):
        read_text(path)


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path: Path) -> None:
    path = tmp_path / "bom.yml"
    path.write_bytes(b"\xef\xbb\xbfa: 1\r\n")
    assert plain(read_text(path)) == {"a": 1}


@given(st.text(alphabet="ab01:-[]{},&*!|>'\"#%@`? \n\t${}~<.", max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(ScenarioError):
        parse(text, "s.yml", ENVIRON).plain()
