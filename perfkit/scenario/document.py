"""A YAML file as a tree that knows where everything stands, read with distrust.

Scalars mean what YAML 1.2's core schema says, which is what people expect: `on`, `no`, `1:30` and
`2024-01-01` are text, `1e6` is a number. `1_000` is a number too, as YAML 1.1 has it. A number with
a leading zero (`010` is eight to some readers, ten to others) is an error.

`${NAME}` in a value is filled in from the environment, `$${` stands for `${`. What came from the
environment may be a secret: `Document.problem` never shows it.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import yaml

from perfkit.errors import Problem, ScenarioError
from perfkit.scenario.fields import Key

LIMIT_BYTES = 2**20
LIMIT_VALUES = 100_000  # with every alias counted as what it stands for
LIMIT_DEPTH = 64

Keys = tuple[Key, ...]

_TOO_MANY = f"holds more than {LIMIT_VALUES:,} values (aliases counted in full)"
_LONGEST_MESSAGE = 500
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_UNPRINTABLE = re.compile(r"[^\t\n\r -~\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_WORDS = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_INTEGER = re.compile(r"[-+]?\d{1,40}(?:_\d{1,40}){0,9}")
_LEADING_ZERO = re.compile(r"[-+]?0\d+")
_OTHER_BASE = re.compile(r"0x[0-9a-fA-F]{1,32}|0o[0-7]{1,40}")
_FLOAT = re.compile(
    r"[-+]?(?:\d+\.\d*|\.\d+|\d+(?=[eE]))(?:[eE][-+]?\d+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
)
_VARIABLE = re.compile(r"\$\$\{|\$\{(?P<name>[A-Za-z_]\w*)\}|\$\{")


class Place(NamedTuple):
    """Where something stands: a file (or an option) with line and column from 1, 0 for nowhere."""

    file: str
    line: int = 0
    column: int = 0


@dataclass(slots=True)
class Node:
    """A value and its place; `value` holds nodes where it is a list or a mapping."""

    place: Place
    value: Any
    key_places: dict[str, Place] = field(default_factory=dict)
    filled: tuple[tuple[str, str], ...] = ()  # the names and values of ${NAME} in it
    broken: bool = False  # there is a problem with it already: no need for another
    values: int = 1
    depth: int = 1


class Document:
    """The tree of a file, and the problems that were found on the way."""

    def __init__(self, root: Node, problems: list[Problem]) -> None:
        self.root = root
        self.problems = problems
        self._found = {Place(problem.file, problem.line, problem.column) for problem in problems}

    def plain(self) -> Any:
        """The content without places."""
        return _plain(self.root)

    def find(self, path: Keys) -> list[Node]:
        """The nodes from the root along the path, as far as they exist."""
        nodes = [self.root]
        for key in path:
            child = child_of(nodes[-1], key)
            if child is None:
                break
            nodes.append(child)
        return nodes

    def without(self, key: str) -> "Document":
        """The document as if it lacked a key, what is wrong with that key's value included."""
        child = child_of(self.root, key)
        if child is None:
            return self
        gone = {node.place for node in walk(child)}
        rest = {name: node for name, node in self.root.value.items() if name != key}
        kept = [
            each for each in self.problems if Place(each.file, each.line, each.column) not in gone
        ]
        return Document(replace(self.root, value=rest), kept)

    def show(self, path: Keys) -> str:
        """The path with the names of list items where they have one: operations.read.weight."""
        nodes = self.find(path)
        words = []
        for depth, key in enumerate(path):
            node = nodes[depth + 1] if depth + 1 < len(nodes) else None
            words.append((isinstance(key, int) and node and name_of(node)) or str(key))
        return ".".join(words)

    def problem(
        self, path: Keys, message: str, *, hint: str | None = None, at_key: bool = False
    ) -> Problem | None:
        """A problem with what is at the path, or with its key.

        None where this place has a problem already. Text from the environment is shown as ${NAME}.
        """
        nodes = self.find(path)
        place = nodes[-1].place
        if at_key and path and len(nodes) >= len(path):
            place = nodes[len(path) - 1].key_places.get(str(path[-1]), place)
        if place in self._found or any(node.broken for node in nodes):
            return None
        if not place.line:  # an override, whose name is the path already
            message = message.removeprefix(f"{place.file.partition(' ')[2]}: ")
        for node in walk(nodes[-1]):
            message, hint = _hidden(node, message), hint and _hidden(node, hint)
        return Problem(*place, _readable(message), hint and _readable(hint))


def read_text(path: Path) -> str:
    """The text of a file of at most 1 MiB. ScenarioError where that can't be had."""
    try:
        with path.open("rb") as file:
            content = file.read(LIMIT_BYTES + 1)
    except OSError as error:
        reason = {"FileNotFoundError": "no such file", "IsADirectoryError": "is a directory"}.get(
            type(error).__name__, (error.strerror or str(error)).lower()
        )
        raise ScenarioError([Problem(str(path), 0, 0, reason)]) from None
    if len(content) > LIMIT_BYTES:
        raise ScenarioError([Problem(str(path), 0, 0, "is larger than 1 MiB")])
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        column = error.start - content.rfind(b"\n", 0, error.start)
        message = f"is not UTF-8: byte {error.start} is 0x{content[error.start]:02x}"
        raise ScenarioError([Problem(str(path), line, column, message)]) from None


def parse(text: str, file: str, environ: Mapping[str, str]) -> Document:
    """The tree of a YAML text.

    ScenarioError where there is no tree to be had. Duplicate keys, tags, variables that are not set
    and the like are collected in the document's problems.
    """
    if odd := _UNPRINTABLE.search(text):
        message = f"is not YAML: it holds the character U+{ord(odd[0]):04X}"
        raise ScenarioError([Problem(*_place_of_offset(text, odd.start(), file), message)])
    builder = _Builder(file, environ)
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            builder.take(event)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(file, mark.line + 1, mark.column + 1) if mark else Place(file)
        words = " ".join(filter(None, (error.context, error.problem)))
        hint = "text with : { } [ ] # or % in it may need quotes"
        raise ScenarioError([Problem(*place, f"is not YAML: {words}", hint)]) from None
    if builder.root is None:
        raise ScenarioError([Problem(file, 0, 0, "is empty")])
    return Document(builder.root, builder.problems)


def scalar(
    text: str, place: Place, environ: Mapping[str, str], *, quoted: bool = False
) -> tuple[Node, list[Problem]]:
    """The node of a scalar, with ${NAME} filled in, and what is wrong with it."""
    problems: list[Problem] = []
    filled: list[tuple[str, str]] = []

    def variable(match: re.Match[str]) -> str:
        name = match["name"]
        if match[0] == "$${":
            return "${"
        if name is None:
            problems.append(
                Problem(
                    *place,
                    "${ needs a name and nothing more, as in ${NAME}; $${ stands for ${ itself",
                )
            )
        elif name not in environ:
            problems.append(Problem(*place, f"the environment variable {name} is not set"))
        else:
            filled.append((name, environ[name]))
            return environ[name]
        return ""

    content = _VARIABLE.sub(variable, text)
    node = Node(place, content, filled=tuple(filled))
    if not quoted:
        node.value = resolve(content)
        if _LEADING_ZERO.fullmatch(content):
            problems.append(Problem(*place, _octal_message(text if filled else content)))
    node.broken = bool(problems)
    return node, problems


def resolve(text: str) -> Any:
    """What a scalar without quotes means (see the head of this module)."""
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _OTHER_BASE.fullmatch(text):
        return int(text, 0)
    if _FLOAT.fullmatch(text):
        return float(text if text[-1] in "0123456789." else text.replace(".", ""))  # .inf, .nan
    return text


def child_of(node: Node, key: Key) -> Node | None:
    """The node of a key or an index, None where there is none."""
    if isinstance(node.value, dict):
        child = node.value.get(str(key))
    elif isinstance(node.value, list) and isinstance(key, int) and key < len(node.value):
        child = node.value[key]
    else:
        child = None
    return child if isinstance(child, Node) else None


def name_of(node: Node) -> str | None:
    """The `name` of a mapping, where it is text without surprises."""
    named = child_of(node, "name")
    if named is None or not isinstance(named.value, str) or named.filled or "." in named.value:
        return None
    return named.value


def walk(node: Node) -> Iterator[Node]:
    """The node and all below it."""
    yield node
    children = node.value.values() if isinstance(node.value, dict) else node.value
    if isinstance(node.value, dict | list):
        for child in children:
            yield from walk(child)


class _Builder:
    """Builds the tree from the parser's events, without recursion and within bounds."""

    def __init__(self, file: str, environ: Mapping[str, str]) -> None:
        self.root: Node | None = None
        self.problems: list[Problem] = []
        self._file = file
        self._environ = environ
        self._count = 0
        self._open: list[Node] = []
        self._keys: list[str | None] = []  # of each open mapping, the key that waits for its value
        self._anchors: dict[str, Node] = {}
        self._merges: dict[int, list[Node]] = {}

    def take(self, event: Any) -> None:
        match event:
            case yaml.DocumentStartEvent() if self.root is not None:
                self._stop(event, "a second document starts here: a file holds one")
            case yaml.ScalarEvent():
                self._scalar(event)
            case yaml.SequenceStartEvent():
                self._start(event, [])
            case yaml.MappingStartEvent():
                self._start(event, {})
            case yaml.SequenceEndEvent() | yaml.MappingEndEvent():
                self._end(event)
            case yaml.AliasEvent():
                self._alias(event)

    def _scalar(self, event: Any) -> None:
        place = self._place(event)
        if self._waits_for_key():
            self._check_tag(event, place)
            self._key(event.value, place, quoted=bool(event.style))
            return
        node, problems = scalar(event.value, place, self._environ, quoted=bool(event.style))
        self.problems += problems
        node.broken |= self._check_tag(event, place)
        self._add(node, event)

    def _start(self, event: Any, value: Any) -> None:
        place = self._place(event)
        if self._waits_for_key():
            self._stop(event, "a key must be text")
        if len(self._open) >= LIMIT_DEPTH:
            self._stop(event, f"is nested deeper than {LIMIT_DEPTH} levels")
        node = Node(place, value)
        node.broken = self._check_tag(event, place)
        self._add(node, event)
        self._open.append(node)
        self._keys.append(None)

    def _end(self, event: Any) -> None:
        node = self._open.pop()
        self._keys.pop()
        for base in self._merges.pop(id(node), []):
            self._merge(node, base)
        children = list(node.value.values() if isinstance(node.value, dict) else node.value)
        node.values = 1 + sum(child.values for child in children)
        node.depth = 1 + max((child.depth for child in children), default=0)
        if node.values > LIMIT_VALUES:
            self._stop(event, _TOO_MANY)
        if node.depth + len(self._open) > LIMIT_DEPTH:
            self._stop(event, f"is nested deeper than {LIMIT_DEPTH} levels")

    def _alias(self, event: Any) -> None:
        if event.anchor not in self._anchors:
            self._stop(event, f"the alias *{event.anchor} has no anchor before it")
        node = self._anchors[event.anchor]
        if any(node is parent for parent in self._open):
            self._stop(event, f"the alias *{event.anchor} holds itself")
        if self._waits_for_key():
            self._stop(event, "a key must be text")
        self._add(node, event, alias=True)

    def _add(self, node: Node, event: Any, *, alias: bool = False) -> None:
        if event.anchor and not alias:
            self._anchors[event.anchor] = node
        self._count += 1
        if self._count > LIMIT_VALUES:
            self._stop(event, _TOO_MANY)
        if not self._open:
            self.root = node
            return
        parent = self._open[-1]
        if isinstance(parent.value, list):
            parent.value.append(node)
            return
        key = self._keys[-1]
        self._keys[-1] = None
        if key == "<<":
            self._merges.setdefault(id(parent), []).append(node)
        elif key is not None and key not in parent.value:
            parent.value[key] = node
        # Otherwise the key was given twice, which has been said: the first stays.

    def _waits_for_key(self) -> bool:
        return (
            bool(self._open) and isinstance(self._open[-1].value, dict) and self._keys[-1] is None
        )

    def _key(self, key: str, place: Place, *, quoted: bool) -> None:
        parent = self._open[-1]
        meaning = key if quoted else resolve(key)
        if not isinstance(meaning, str):
            self._say(place, f"the key {key or 'nothing'} is not text: put it in quotes")
        elif "${" in key:
            self._say(place, "a key takes no ${NAME}")
        elif key in parent.key_places:
            first = parent.key_places[key].line
            self._say(place, f"the key {key!r} is there twice: first in line {first}")
        parent.key_places.setdefault(key, place)
        self._keys[-1] = key

    def _merge(self, node: Node, base: Node) -> None:
        """Takes over from `<<: *base`, or a list of such, what the mapping lacks."""
        for source in base.value if isinstance(base.value, list) else [base]:
            if not isinstance(source.value, dict):
                self._say(base.place, "<< takes a mapping or a list of mappings")
                return
            for key, child in source.value.items():
                node.value.setdefault(key, child)
                node.key_places.setdefault(key, source.key_places[key])

    def _check_tag(self, event: Any, place: Place) -> bool:
        if event.tag is None:
            return False
        tag = event.tag.replace("tag:yaml.org,2002:", "!!")
        self._say(place, f"the YAML tag {tag} is not allowed")
        return True

    def _place(self, event: Any) -> Place:
        return Place(self._file, event.start_mark.line + 1, event.start_mark.column + 1)

    def _say(self, place: Place, message: str) -> None:
        self.problems.append(Problem(*place, message))

    def _stop(self, event: Any, message: str) -> NoReturn:
        raise ScenarioError([*self.problems, Problem(*self._place(event), message)])


def _plain(node: Node) -> Any:
    if isinstance(node.value, dict):
        return {key: _plain(child) for key, child in node.value.items()}
    if isinstance(node.value, list):
        return [_plain(child) for child in node.value]
    return node.value


def _hidden(node: Node, message: str) -> str:
    """The message without what this node has from the environment, whole, in words or cut short."""
    for name, value in node.filled:
        words = re.findall(r"[^\s'\":;,<>=]{4,}|\w{4,}", value)
        words += [part for word in words for part in re.findall(r"\w{4,}", word)]
        texts = {value, repr(value)[1:-1], str(node.value), *words} - {""}
        for text in sorted(texts, key=len, reverse=True):
            message = message.replace(_shown_part(text, message), f"${{{name}}}")
    return message


def _shown_part(text: str, message: str) -> str:
    """The text, or as much of its beginning as the message has, down to four characters."""
    cut = min(len(text), len(message))
    while cut > 4 and text[:cut] not in message:
        cut -= 1
    return text[:cut] if len(text) > 4 else text


def _readable(message: str) -> str:
    """The message without control characters, and cut short where it quotes a whole file."""
    short = message if len(message) <= _LONGEST_MESSAGE else message[:_LONGEST_MESSAGE] + "…"
    return "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in short)


def _octal_message(text: str) -> str:
    return (
        f"{text} has a leading zero, which readers of YAML take in two ways: drop it, or use quotes"
    )


def _place_of_offset(text: str, offset: int, file: str) -> Place:
    line = text.count("\n", 0, offset) + 1
    return Place(file, line, offset - text.rfind("\n", 0, offset))
