"""Formulas: arithmetic on the facts of a machine, on sizes and on durations.

`min(ram / 4, 16GiB)`, `256MiB if disk == "ssd" else 64MiB`: a small part of Python's grammar, walked
node by node; nothing is ever run. Every value has a kind, so that a quarter of a size is a size, and
a size and a number do not add up.
"""

import ast
import math
import operator
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from perfkit import units
from perfkit.scenario.fields import Mistake, nearest, shown

Kind = Literal["number", "size", "duration", "text", "condition"]

LONGEST = 400
"""Characters of a formula: what a person can read in a line or two."""

FUNCTIONS = ("min", "max", "round", "floor")

_TOKEN = re.compile(
    r"\"[^\"]*\"|'[^']*'|(?<![\w.])(?P<number>\d[\d_]*(?:\.\d+)?)(?P<unit>[A-Za-z]+)\b"
)
_DECIMAL_SIZES = {"kB": "KiB", "KB": "KiB", "MB": "MiB", "GB": "GiB", "TB": "TiB"}
_ARITHMETIC: Mapping[type[ast.operator], tuple[str, Callable[[float, float], float]]] = {
    ast.Add: ("+", operator.add),
    ast.Sub: ("-", operator.sub),
    ast.Mult: ("*", operator.mul),
    ast.Div: ("/", operator.truediv),
}
_COMPARED: Mapping[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_ALLOWED = (
    ast.Expression, ast.Constant, ast.Name, ast.Load, ast.UnaryOp, ast.USub, ast.Not, ast.BinOp,
    *_ARITHMETIC, ast.IfExp, ast.Compare, *_COMPARED, ast.BoolOp, ast.And, ast.Or, ast.Call,
)  # fmt: skip
_GRAMMAR = "a formula has + - * /, min, max, round, floor, comparisons and `a if condition else b`"


@dataclass(frozen=True, slots=True)
class Quantity:
    """A value and its kind: a plain number, bytes, nanoseconds, text, or true and false."""

    value: float | str | bool
    kind: Kind


@dataclass(frozen=True, slots=True)
class Formula:
    """A formula that was read; `literals` are its sizes and durations by where they begin."""

    text: str
    root: ast.expr = field(compare=False, repr=False)
    literals: Mapping[int, Quantity] = field(compare=False, repr=False)

    @property
    def names(self) -> frozenset[str]:
        """The facts that it may need."""
        functions = {id(node.func) for node in ast.walk(self.root) if isinstance(node, ast.Call)}
        return frozenset(
            node.id
            for node in ast.walk(self.root)
            if isinstance(node, ast.Name)
            and id(node) not in functions
            and node.col_offset not in self.literals
        )

    def evaluate(self, facts: Mapping[str, Quantity]) -> Quantity:
        """Its value. Mistake where there is none: a division by zero, a size added to a number."""
        try:
            return _Evaluation(self.literals, facts).of(self.root)
        except (OverflowError, RecursionError):
            raise Mistake("the result is too large") from None


def read_formula(text: str) -> Formula:
    """The formula in a text. Mistake in one sentence where it is none."""
    line = " ".join(text.split())
    if len(line) > LONGEST:
        raise Mistake(f"the formula is too long: at most {LONGEST} characters")
    if not line.isascii():
        odd = next(sign for sign in line if not sign.isascii())
        raise Mistake(f"{shown(line)} is no formula: it holds the character {odd!r}")
    literals: dict[int, Quantity] = {}

    def stand_in(match: re.Match[str]) -> str:
        """A name of the same length, so that what comes after stays in its place."""
        if match["unit"] is None:
            return match[0]
        literals[match.start()] = _literal(match["number"].replace("_", ""), match["unit"])
        return "_" * len(match[0])

    root = _parsed(_TOKEN.sub(stand_in, line), line)
    _check(root, literals)
    return Formula(line, root, literals)


def quantity(value: object) -> Quantity:
    """A number, a size, a duration or a word, as a profile or --machine has it. Mistake otherwise."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise Mistake(f"{shown(value)} is no number, size, duration or word")
    if not isinstance(value, str):
        return Quantity(_finite(value), "number")
    text = value.strip()
    for kind, read in (
        ("number", float),
        ("size", units.size_bytes),
        ("duration", units.duration_ns),
    ):
        try:
            return Quantity(_finite(read(text)), kind)  # type: ignore[arg-type]  # one of the kinds
        except (ValueError, OverflowError):
            continue
    if not re.fullmatch(r"[A-Za-z][\w-]*", text):
        raise Mistake(f"{shown(value)} is no number, size, duration or word")
    return Quantity(text, "text")


def _literal(number: str, unit: str) -> Quantity:
    text = number + unit
    if unit in _DECIMAL_SIZES:
        raise Mistake(
            f"{text}: {unit} is 10 or 2 to a power, as each program likes it: write "
            f"{number}{_DECIMAL_SIZES[unit]}"
        )
    for kind, read in (("size", units.size_bytes), ("duration", units.duration_ns)):
        try:
            return Quantity(_finite(read(text)), kind)  # type: ignore[arg-type]  # one of the kinds
        except (ValueError, OverflowError):
            continue
    raise Mistake(f"{shown(text)} has an unknown unit: use KiB, MiB, GiB, ms, s, min or h")


def _finite(value: float) -> float:
    if not math.isfinite(value) or abs(value) >= 1e24:
        raise Mistake("a number in it is too large")
    return float(value)


def _parsed(code: str, line: str) -> ast.expr:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Python's advice on odd spellings
            return ast.parse(code, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        cut = line.count("(") != line.count(")")
        hint = "inside { } text with a comma needs quotes" if cut else _GRAMMAR
        raise Mistake(f"{shown(line)} is no formula: it can't be read", hint=hint) from None


def _check(root: ast.expr, literals: Mapping[int, Quantity]) -> None:
    for node in ast.walk(root):
        if not isinstance(node, _ALLOWED):
            raise Mistake(f"a formula takes no {_spoken(node)}", hint=_GRAMMAR)
        if isinstance(node, ast.Call):
            _check_call(node)
        if isinstance(node, ast.Constant):
            _constant(node)
        if isinstance(node, ast.Name) and set(node.id) == {"_"} and node.col_offset not in literals:
            raise Mistake(f"{node.id} is no name of a fact")


def _check_call(node: ast.Call) -> None:
    name = node.func.id if isinstance(node.func, ast.Name) else None
    if name not in FUNCTIONS:
        known = name and name.strip("_")  # what stands for a literal is no name of the user's
        hint = nearest(name, FUNCTIONS) if name and known else _GRAMMAR
        raise Mistake(f"unknown function {name if known else 'before ('}", hint=hint)
    if node.keywords or any(isinstance(each, ast.Starred) for each in node.args):
        raise Mistake(f"{name} takes plain values")
    least, most = (2, 16) if name in {"min", "max"} else (1, 1)
    if not least <= len(node.args) <= most:
        raise Mistake(f"{name} takes {'two values or more' if least == 2 else 'one value'}")


def _spoken(node: ast.AST) -> str:
    words = {"Pow": "power", "Attribute": "dot", "FloorDiv": "//", "Mod": "%", "Starred": "*"}
    return words.get(type(node).__name__, type(node).__name__.lower())


def _constant(node: ast.Constant) -> Quantity:
    if isinstance(node.value, str):
        return Quantity(node.value, "text")
    if isinstance(node.value, bool) or not isinstance(node.value, int | float):
        raise Mistake(f"a formula takes no {node.value!r}", hint=_GRAMMAR)
    try:
        return Quantity(_finite(float(node.value)), "number")
    except OverflowError:
        raise Mistake("a number in it is too large") from None


class _Evaluation:
    """One walk over a formula with the facts of one machine."""

    def __init__(self, literals: Mapping[int, Quantity], facts: Mapping[str, Quantity]) -> None:
        self._literals = literals
        self._facts = facts

    def of(self, node: ast.expr) -> Quantity:
        match node:
            case ast.Constant():
                found = _constant(node)
            case ast.Name():
                found = self._literals.get(node.col_offset) or self._facts[node.id]
            case ast.UnaryOp(op=ast.Not()):
                found = Quantity(not self._condition(node.operand), "condition")
            case ast.UnaryOp():
                found = _minus(self.of(node.operand))
            case ast.BinOp():
                found = _calculated(node.op, self.of(node.left), self.of(node.right))
            case ast.IfExp():
                found = self.of(node.body if self._condition(node.test) else node.orelse)
            case ast.Call(func=ast.Name(id=name)):
                found = _called(name, [self.of(each) for each in node.args])
            case _:
                found = Quantity(self._holds(node), "condition")
        return found

    def _holds(self, node: ast.expr) -> bool:
        match node:
            case ast.BoolOp():
                every = all if isinstance(node.op, ast.And) else any
                return every(map(self._condition, node.values))
            case ast.Compare():
                return self._compared(node)
        raise AssertionError(node)  # _check lets nothing else through

    def _condition(self, node: ast.expr) -> bool:
        found = self.of(node)
        if found.kind != "condition":
            raise Mistake(
                f'{_a(found.kind)} stands where a comparison belongs, as in disk == "ssd"'
            )
        return bool(found.value)

    def _compared(self, node: ast.Compare) -> bool:
        left = self.of(node.left)
        for op, right_node in zip(node.ops, node.comparators, strict=True):
            right = self.of(right_node)
            _same_kind("compared with", left, right)
            if left.kind in {"text", "condition"} and not isinstance(op, ast.Eq | ast.NotEq):
                raise Mistake(f"{_a(left.kind)} is compared with == or != only")
            if not _COMPARED[type(op)](left.value, right.value):
                return False
            left = right
        return True


def _measure(found: Quantity) -> float:
    """The number of what can be calculated with."""
    if isinstance(found.value, str | bool):
        raise Mistake(f"{_a(found.kind)} can't be calculated with")
    return found.value


def _minus(found: Quantity) -> Quantity:
    return Quantity(-_measure(found), found.kind)


def _calculated(op: ast.operator, left: Quantity, right: Quantity) -> Quantity:
    sign, calculate = _ARITHMETIC[type(op)]
    first, second = _measure(left), _measure(right)
    kind = _kind_of(sign, left, right)
    try:
        return Quantity(_finite(calculate(first, second)), kind)
    except ZeroDivisionError:
        raise Mistake("it divides by zero") from None


def _kind_of(sign: str, left: Quantity, right: Quantity) -> Kind:
    if sign in {"+", "-"}:
        _same_kind("added to" if sign == "+" else "subtracted from", left, right)
        return left.kind
    if right.kind == "number":
        return left.kind
    if sign == "*" and left.kind == "number":
        return right.kind
    if sign == "/" and left.kind == right.kind:
        return "number"
    done = "multiplied by" if sign == "*" else "divided by"
    raise Mistake(f"{_a(left.kind)} can't be {done} {_a(right.kind)}")


def _same_kind(done: str, left: Quantity, right: Quantity) -> None:
    if left.kind != right.kind:
        raise Mistake(f"{_a(left.kind)} and {_a(right.kind)} can't be {done} each other")


def _called(name: str, arguments: Sequence[Quantity]) -> Quantity:
    first = arguments[0]
    values = [_measure(each) for each in arguments]
    if name in {"min", "max"}:
        for other in arguments[1:]:
            _same_kind("compared with", first, other)
        return Quantity(min(values) if name == "min" else max(values), first.kind)
    if first.kind != "number":
        raise Mistake(f"{name} takes a plain number: divide by a unit, as in {name}(ram / 1GiB)")
    whole = math.floor(values[0] + 0.5) if name == "round" else math.floor(values[0])
    return Quantity(float(whole), "number")


def _a(kind: Kind) -> str:
    return {"text": "text", "condition": "a comparison"}.get(kind, f"a {kind}")
