"""`--set key=value`: changes to a scenario from the command line, by the path of what they change."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from perfkit.errors import Problem, ScenarioError
from perfkit.scenario.document import Document, Node, Place, child_of, name_of, parse, scalar
from perfkit.scenario.fields import Mistake, nearest

_FLOW = re.compile(r"""\s*[\[{"']""")


def apply_overrides(
    document: Document, overrides: Sequence[str], environ: Mapping[str, str]
) -> Document:
    """The document with the overrides applied in turn.

    A path has dots between keys; an item of a list goes by its `name` or its number from 0:
    `load.stages.steady.rate=100/s`. The value is text as it stands, or YAML where it begins with a
    bracket, a brace or a quote. A mapping that is not there yet is made. What can't be applied is
    among the document's problems.
    """
    root, problems = document.root, list(document.problems)
    for override in overrides:
        key, equals, value = override.partition("=")
        place = Place(f"--set {key.strip() or override}")
        try:
            if not equals or not key.strip():
                raise Mistake("this is no override: write key=value, as in load.warmup=5s")
            node, found = _value(value, place, environ)
            root = _replaced(root, key.strip().split("."), (), node)
            problems += found
        except Mistake as mistake:
            problems.append(Problem(*place, str(mistake), mistake.hint))
        except ScenarioError as error:
            problems += [Problem(*place, each.message, each.hint) for each in error.problems]
    return Document(root, problems)


def _value(text: str, place: Place, environ: Mapping[str, str]) -> tuple[Node, list[Problem]]:
    if not _FLOW.match(text):
        return scalar(text.strip(), place, environ)
    document = parse(text, place.file, environ)
    return _at(document.root, place), document.problems


def _at(node: Node, place: Place) -> Node:
    """The tree with this one place everywhere: a line within an option means nothing."""
    value = node.value
    if isinstance(value, dict):
        value = {key: _at(child, place) for key, child in value.items()}
    elif isinstance(value, list):
        value = [_at(child, place) for child in value]
    key_places = dict.fromkeys(node.key_places, place)
    return replace(node, place=place, value=value, key_places=key_places)


def _replaced(node: Node, keys: list[str], above: tuple[str, ...], new: Node) -> Node:
    """A copy of the node in which the value at the keys is the new one.

    A copy, because an alias may hold the same node in another place.
    """
    if not keys:
        return new
    key, *rest = keys
    where = ".".join(above) or "the scenario"
    if isinstance(node.value, list):
        index = _index(node, key, where)
        items = list(node.value)
        items[index] = _replaced(items[index], rest, (*above, key), new)
        return replace(node, value=items)
    if node.value is None:
        node = replace(node, value={})
    if not isinstance(node.value, dict):
        raise Mistake(f"{where} is a single value: it has no {key!r}")
    if not key:
        raise Mistake(f"a key of {where} is missing between two dots")
    child = child_of(node, key) or Node(new.place, None)
    changed = {**node.value, key: _replaced(child, rest, (*above, key), new)}
    places = {**node.key_places, key: node.key_places.get(key, new.place) if rest else new.place}
    return replace(node, value=changed, key_places=places)


def _index(node: Node, key: str, where: str) -> int:
    names = [name_of(item) for item in node.value]
    if key in names:
        return names.index(key)
    if key.isdecimal() and int(key) < len(names):
        return int(key)
    known = [name for name in names if name]
    raise Mistake(
        f"{where} has no item {key!r}: it has {len(names)}, counted from 0",
        hint=nearest(key, known) if known and not key.isdecimal() else None,
    )
