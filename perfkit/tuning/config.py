"""A profile as the text of a configuration file, ready to paste."""

import re
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby

from perfkit.tuning.facts import Fact, show_fact
from perfkit.tuning.profile import Profile
from perfkit.tuning.syntax import ConfigStyle
from perfkit.tuning.wanted import Wanted

_WIDTH = 96
_PLAIN = re.compile(r"[A-Za-z]\w*|-?\d+(?:\.\d+)?")
_COMMENT: Mapping[ConfigStyle, str] = {"pgbouncer.ini": ";", "pragmas": "--"}
_OF_A_SERVER = frozenset({"postgresql.conf", "mongod.conf", "redis.conf"})
_CLIENT_HEAD = "For the client, not for this file:"

Lines = Iterator[str]


def config_text(profile: Profile, settings: Sequence[Wanted], facts: Mapping[str, Fact]) -> str:
    """The settings with their reasons as comments.

    Where the file is a server's, what belongs to its clients stands in a comment at the end.
    """
    mark = _COMMENT.get(profile.config, "#")
    known = ", ".join(f"{name} {show_fact(fact.quantity)}" for name, fact in facts.items())
    lines = _comment(mark, f"{profile.name}: {profile.purpose}" + (f" ({known})" if known else ""))
    served = profile.config in _OF_A_SERVER
    inside = [each for each in settings if not (served and each.scope == "client")]
    outside = [each for each in settings if each not in inside]
    body = _BODY.get(profile.config) or _one_by_one(_LINE[profile.config])
    lines += ["", *body(inside, mark)]
    if outside:
        lines += ["", f"{mark} {_CLIENT_HEAD}"]
        lines += [f"{mark} {each.name} = {each.value}" for each in outside]
    return "\n".join(lines) + "\n"


def _one_by_one(line: Callable[[Wanted], str]) -> Callable[[Sequence[Wanted], str], Lines]:
    def body(settings: Sequence[Wanted], mark: str) -> Lines:
        for number, each in enumerate(settings):
            if number:
                yield ""
            yield from _told(each, mark)
            yield line(each)

    return body


def _section(settings: Sequence[Wanted], mark: str) -> Lines:
    yield "[pgbouncer]"
    yield from _one_by_one(_assigned)(settings, mark)


def _tree(settings: Sequence[Wanted], mark: str) -> Lines:
    """Dotted names are places in mongod.conf; those without a dot are parameters."""
    paths = [
        ((*each.name.split("."),) if "." in each.name else ("setParameter", each.name), each)
        for each in settings
    ]
    yield from _branch(sorted(paths, key=lambda each: each[0]), mark, 0)


def _branch(paths: Sequence[tuple[tuple[str, ...], Wanted]], mark: str, depth: int) -> Lines:
    indent = "  " * depth
    for key, group in groupby(paths, key=lambda each: each[0][depth]):
        members = list(group)
        path, setting = members[0]
        if len(path) == depth + 1:
            yield from (indent + line for line in _told(setting, mark))
            yield f"{indent}{key}: {_yaml(setting.value)}"
        else:
            yield f"{indent}{key}:"
            yield from _branch(members, mark, depth + 1)


def _yaml(value: str) -> str:
    word = value.lower() in {"on", "off", "yes", "no", "null", "y", "n"}  # of YAML 1.1
    return value if _PLAIN.fullmatch(value) and not word else _quoted(value)


def _assigned(each: Wanted) -> str:
    return f"{each.name} = {each.value}"


def _guc(each: Wanted) -> str:
    """In quotes a backslash escapes what follows it."""
    plain = _PLAIN.fullmatch(each.value)
    value = each.value if plain else _quoted(each.value.replace("\\", "\\\\"))
    return f"{each.name} = {value}"


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


_LINE: Mapping[ConfigStyle, Callable[[Wanted], str]] = {
    "postgresql.conf": _guc,
    "pragmas": lambda each: f"PRAGMA {each.name} = {each.value};",
    "redis.conf": lambda each: f"{each.name} {each.value or chr(34) * 2}",
    "properties": _assigned,
}
_BODY: Mapping[ConfigStyle, Callable[[Sequence[Wanted], str], Lines]] = {
    "pgbouncer.ini": _section,
    "mongod.conf": _tree,
}


def _told(each: Wanted, mark: str) -> list[str]:
    formula = f" [{each.formula}]" if each.formula else ""
    lines = _comment(mark, each.reason + formula)
    return lines + (_comment(mark, f"Risk: {each.risk}") if each.risk else [])


def _comment(mark: str, text: str) -> list[str]:
    lines = textwrap.wrap(
        text, _WIDTH - len(mark) - 1, break_long_words=False, break_on_hyphens=False
    )
    return [f"{mark} {line}" for line in lines]
