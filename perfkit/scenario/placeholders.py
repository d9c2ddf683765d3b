"""Where the values of params go: `:name` in SQL, `"{name}"` in the texts of other operations.

`{name}` in SQL is a word that is chosen, such as the name of a column: it is part of the statement,
of which there is one for each word. It counts where `:name` does, and in quoted identifiers. Any
other braces in SQL stay what they are.

SQL: `:name` counts outside string literals, quoted identifiers, comments and dollar-quoted bodies,
and where the colon does not follow a word, a bracket or another colon, so that `x::int`, `a[1:2]`,
`a[lo:hi]` and `f(a := 1)` stay what they are.

Texts: `"{id}"` alone becomes the value with its type, `"key:{id}"` is filled in; `{{` and `}}` are
the braces themselves, and a brace that is neither is an error rather than a guess.
"""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

Filler = Callable[[tuple[Any, ...]], Any]
"""Makes a request's value from one draw of the params."""

_SQL = re.compile(
    r"""
      (?<![\w$]) [eE] ' (?: [^'\\] | \\. | '' )*+ (?: ' | \Z )   # E'it\'s'
    | ' (?: [^'] | '' )*+ (?: ' | \Z )
    | (?P<identifier> " (?: [^"] | "" )*+ (?: " | \Z ) | ` (?: [^`] | `` )*+ (?: ` | \Z ) )
    | -- [^\n]*
    | (?P<comment> /\* )
    | (?<![\w$]) (?P<dollar> \$ (?: [^\W\d] \w* )? \$ )
    | (?<! [\w)\]"':$] ) : (?P<name> [^\W\d] \w* )
    | (?P<word> \{ [A-Za-z_]\w* \} )
    """,
    re.VERBOSE | re.DOTALL,
)
_COMMENT_MARK = re.compile(r"/\*|\*/")
_BRACES = re.compile(r"\{\{|\}\}|\{([^\W\d]\w*)\}|[{}]")
_CHOSEN = re.compile(r"\{([A-Za-z_]\w*)\}")


class Name(NamedTuple):
    """A place in a text where the value of a param goes."""

    name: str


def sql_names(sql: str) -> tuple[str, ...]:
    """The names of the placeholders in a statement, each once, in the order of their first use."""
    return tuple(dict.fromkeys(name for name, _, _ in _sql_places(sql)[0]))


def replace_sql_names(sql: str, replace: Callable[[str], str]) -> str:
    """The statement with each `:name` as `replace(name)` has it, and not a character else changed."""
    return _replaced(sql, _sql_places(sql)[0], replace)


def sql_choices(sql: str, names: Collection[str]) -> tuple[str, ...]:
    """Those of the names that stand in braces in a statement, each once, in the order of their use."""
    found = (name for name, _, _ in _sql_places(sql)[1])
    return tuple(dict.fromkeys(name for name in found if name in names))


def replace_sql_choices(sql: str, words: Mapping[str, str | int]) -> str:
    """The statement with the words of these names in the place of their braces."""
    places = [place for place in _sql_places(sql)[1] if place[0] in words]
    return _replaced(sql, places, lambda name: str(words[name]))


def _replaced(sql: str, places: Sequence["_Place"], replace: Callable[[str], str]) -> str:
    pieces = []
    done = 0
    for name, start, end in places:
        pieces += [sql[done:start], replace(name)]
        done = end
    return "".join([*pieces, sql[done:]])


def text_parts(text: str) -> tuple[str | Name, ...]:
    """A text cut into what stands there literally and the names to fill in.

    ValueError for a brace that is neither doubled nor part of a `{name}`.
    """
    parts: list[str | Name] = []
    literal = ""
    done = 0
    for match in _BRACES.finditer(text):
        literal += text[done : match.start()]
        done = match.end()
        if match[1]:
            parts += [literal, Name(match[1])] if literal else [Name(match[1])]
            literal = ""
        elif len(match[0]) == 2:
            literal += match[0][0]
        else:
            raise ValueError(
                f"{text!r} has a single {match[0]}: write {match[0] * 2} for the character itself, "
                "or {name} for the value of a param"
            )
    literal += text[done:]
    return (*parts, literal) if literal else tuple(parts)


def template_names(value: Any) -> tuple[str, ...]:
    """The names used in a text, or in the texts (keys too) of nested lists and mappings, each once.

    ValueError as for `text_parts`.
    """
    return tuple(dict.fromkeys(_names_in(value)))


def text_template(text: str, names: Sequence[str]) -> str | int | Callable[[tuple[Any, ...]], str]:
    """What becomes of a text, made ready for many draws whose values are in the order of `names`.

    A `str` where nothing is filled in, the index into the draw where the text is only `{name}`, and
    otherwise a function from a draw to the text.
    """
    parts = text_parts(text)
    indexes = [names.index(part.name) for part in parts if isinstance(part, Name)]
    if not indexes:
        return "".join(map(str, parts))
    if len(parts) == 1:
        return indexes[0]
    pattern = "".join("%s" if isinstance(p, Name) else p.replace("%", "%%") for p in parts)
    if indexes == list(range(len(names))):
        return pattern.__mod__  # the draw as it is: no Python frame at all
    if len(indexes) == 1:
        index = indexes[0]
        return lambda draw: pattern % (draw[index],)
    pick = itemgetter(*indexes)
    return lambda draw: pattern % pick(draw)


def fill(value: Any, names: Sequence[str]) -> Filler:
    """A function from a draw to the value with every placeholder in it filled, at any depth.

    Parts without a placeholder are shared between the results, so these are to be read, not changed.
    """
    return _filler(value, names) or (lambda _draw: _unescaped(value))


def _filler(value: Any, names: Sequence[str]) -> Filler | None:
    """As `fill`; None where nothing is filled in."""
    if isinstance(value, str):
        template = text_template(value, names)
        if isinstance(template, str):
            return None
        return itemgetter(template) if isinstance(template, int) else template
    if isinstance(value, Mapping):
        return _mapping_filler(value, names)
    if isinstance(value, list | tuple):
        return _list_filler(value, names)
    return None


def _list_filler(items: Sequence[Any], names: Sequence[str]) -> Filler | None:
    fillers = {i: filler for i, item in enumerate(items) if (filler := _filler(item, names))}
    if not fillers:
        return None
    blank = [_unescaped(item) for item in items]

    def filled(draw: tuple[Any, ...]) -> list[Any]:
        result = blank.copy()
        for index, filler in fillers.items():
            result[index] = filler(draw)
        return result

    return filled


def _mapping_filler(mapping: Mapping[str, Any], names: Sequence[str]) -> Filler | None:
    if any(template_names(key) for key in mapping):
        pairs = fill([[key, value] for key, value in mapping.items()], names)
        return lambda draw: {str(key): value for key, value in pairs(draw)}
    fillers = {
        _unescaped(key): filler
        for key, value in mapping.items()
        if (filler := _filler(value, names))
    }
    if not fillers:
        return None
    blank = {_unescaped(key): _unescaped(value) for key, value in mapping.items()}

    def filled(draw: tuple[Any, ...]) -> dict[str, Any]:
        result = blank.copy()
        for key, filler in fillers.items():
            result[key] = filler(draw)
        return result

    return filled


def _unescaped(value: Any) -> Any:
    """A value in which nothing is filled in, with its doubled braces made single."""
    if isinstance(value, str):
        return "".join(part if isinstance(part, str) else "" for part in text_parts(value))
    if isinstance(value, Mapping):
        return {_unescaped(key): _unescaped(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_unescaped(item) for item in value]
    return value


def _names_in(value: Any) -> list[str]:
    if isinstance(value, str):
        return [part.name for part in text_parts(value) if isinstance(part, Name)]
    if isinstance(value, Mapping):
        return [name for pair in value.items() for item in pair for name in _names_in(item)]
    if isinstance(value, list | tuple):
        return [name for item in value for name in _names_in(item)]
    return []


_Place = tuple[str, int, int]  # a name, its start and its end


def _sql_places(sql: str) -> tuple[list[_Place], list[_Place]]:
    """Where values go, and where words in braces do."""
    values: list[_Place] = []
    words: list[_Place] = []
    position = 0
    nested = True  # comments nest in PostgreSQL, and not in SQLite
    while match := _SQL.search(sql, position):
        position = match.end()
        if match["name"]:
            values.append((match["name"], match.start(), match.end()))
        elif match["identifier"] or match["word"]:
            inside = _CHOSEN.finditer(sql, match.start(), match.end())
            words += [(each[1], each.start(), each.end()) for each in inside]
        elif match["comment"]:
            end = _nested_comment_end(sql, position) if nested else None
            nested = end is not None
            position = end or _end_of("*/", sql, position)
        elif match["dollar"]:
            position = _end_of(match["dollar"], sql, position)
    return values, words


def _nested_comment_end(sql: str, start: int) -> int | None:
    """The end of a block comment that may hold others, None where it is left open."""
    depth = 1
    for mark in _COMMENT_MARK.finditer(sql, start):
        depth += 1 if mark[0] == "/*" else -1
        if depth == 0:
            return mark.end()
    return None


def _end_of(text: str, sql: str, start: int) -> int:
    """Where the next such text ends, or the statement without one."""
    found = sql.find(text, start)
    return len(sql) if found < 0 else found + len(text)
