"""Expressions of FieldCalculator: a small part of Python's grammar, taken apart here and never executed.

Python's parser makes a tree of the text; :class:`Expression` walks it, and knows what each kind of node means for
whole columns. A node that it does not know is refused by name. Field names stand between exclamation marks.

Source: https://developers.arcgis.com/rest/services-reference/enterprise/spatial-analysis/tasks/field-calculator/
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Self

from spatial_widgets.server.analysis import columntexts, columnwise
from spatial_widgets.server.analysis.columnfunctions import FUNCTIONS, NUMBERS
from spatial_widgets.server.analysis.columntexts import METHODS

__all__ = ["Expression"]

_LONGEST = 5000
_LARGEST = 2**63
_TOKEN = re.compile(r"""('(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*")|!([^!=\s][^!\n]*)!""")
_OPERATORS: dict[type[ast.AST], str] = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Mod: "%", ast.Pow: "**",
    ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=",
}  # fmt: skip
#: A field's name to its values.
Fields = Callable[[str], Any]


@dataclass(frozen=True, slots=True)
class Expression:
    """One expression over the fields of a layer."""

    text: str
    tree: ast.expr
    names: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, text: str) -> Self:
        """Read an expression.

        Raises
        ------
        ValueError : it is none; the message says what of it is not understood.
        """
        if len(text) > _LONGEST:
            raise ValueError(f"it has over {_LONGEST:,} characters")
        names: dict[str, str] = {}

        def replace(match: re.Match[str]) -> str:
            if match[1] is not None:
                return match[1]
            return names.setdefault(match[2].strip(), f"field_{len(names)}_")

        try:
            tree = ast.parse(_TOKEN.sub(replace, text.strip()), mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            reason = getattr(error, "msg", None) or "it cannot be read"
            raise ValueError(f"{reason}; write an expression such as !POP! / !AREA!") from error
        return cls(text, tree, {made: name for name, made in names.items()})

    def of(self, fields: Fields) -> Any:
        """Return the values, a Series or one value for all rows.

        Raises
        ------
        ValueError : something in it is not known here, or does not fit the values.
        """
        try:
            return self._value(self.tree, fields)
        except RecursionError as error:
            raise ValueError("it is nested too deeply") from error

    def _value(self, node: ast.expr, fields: Fields) -> Any:
        name = type(node).__name__.casefold()
        handler = getattr(type(self), f"_{name}", None)
        if handler is None:
            raise ValueError(f"{ast.unparse(node)[:60]!r} has no meaning here")
        return handler(self, node, fields)

    def _constant(self, node: ast.Constant, _: Fields) -> Any:
        value = node.value
        if value is not None and not isinstance(value, (bool, int, float, str)):
            raise ValueError(f"{ast.unparse(node)[:60]} is no number or text")
        if isinstance(value, int) and abs(value) >= _LARGEST:
            raise ValueError("a number in it has more than 64 bits")
        return value

    def _name(self, node: ast.Name, fields: Fields) -> Any:
        if node.id in NUMBERS:
            return NUMBERS[node.id]
        return fields(self.names.get(node.id, node.id))

    def _binop(self, node: ast.BinOp, fields: Fields) -> Any:
        operator = _OPERATORS.get(type(node.op))
        if operator is None:
            raise ValueError(f"{ast.unparse(node)[:60]!r} has an operator that is not known here")
        return columnwise.compute(operator, self._value(node.left, fields), self._value(node.right, fields))

    def _unaryop(self, node: ast.UnaryOp, fields: Fields) -> Any:
        value = self._value(node.operand, fields)
        if isinstance(node.op, ast.Not):
            return columnwise.negate(value)
        if not isinstance(node.op, (ast.USub, ast.UAdd)):
            raise ValueError("~ is not known here")  # noqa: TRY004 -- of the expression
        return columnwise.compute("*", value, -1 if isinstance(node.op, ast.USub) else 1)

    def _boolop(self, node: ast.BoolOp, fields: Fields) -> Any:
        values = [self._value(value, fields) for value in node.values]
        made = values[0]
        for value in values[1:]:
            made = (
                columnwise.both(made, value)
                if isinstance(node.op, ast.And)
                else columnwise.either(made, value)
            )
        return made

    def _compare(self, node: ast.Compare, fields: Fields) -> Any:
        left, made = self._value(node.left, fields), None
        for operator, right_node in zip(node.ops, node.comparators, strict=True):
            if isinstance(operator, (ast.In, ast.NotIn)):
                found = self._among(left, right_node, fields)
                one = columnwise.negate(found) if isinstance(operator, ast.NotIn) else found
                right = left
            elif isinstance(operator, (ast.Is, ast.IsNot)):
                right = self._value(right_node, fields)
                if right is not None:
                    raise ValueError("is and is not compare with None only")
                one = columnwise.missing(left)
                one = columnwise.negate(one) if isinstance(operator, ast.IsNot) else one
            else:
                right = self._value(right_node, fields)
                one = columnwise.compare(_OPERATORS[type(operator)], left, right)
            made = one if made is None else columnwise.both(made, one)
            left = right
        return made

    def _among(self, left: Any, node: ast.expr, fields: Fields) -> Any:
        if isinstance(node, (ast.List, ast.Tuple, ast.Set)):
            made: Any = False
            for item in node.elts:
                made = columnwise.either(made, columnwise.compare("==", left, self._value(item, fields)))
            return made
        return columntexts.contains(self._value(node, fields), left)

    def _ifexp(self, node: ast.IfExp, fields: Fields) -> Any:
        return columnwise.choose(*(self._value(part, fields) for part in (node.test, node.body, node.orelse)))

    def _call(self, node: ast.Call, fields: Fields) -> Any:
        if node.keywords or any(isinstance(argument, ast.Starred) for argument in node.args):
            raise ValueError(f"{ast.unparse(node)[:60]!r}: functions take plain values here")
        if isinstance(node.func, ast.Attribute) and not _is_math(node.func):
            known, name = METHODS, node.func.attr
            arguments = [self._value(node.func.value, fields)]
        else:
            known, name = (
                FUNCTIONS,
                node.func.attr if isinstance(node.func, ast.Attribute) else ast.unparse(node.func),
            )
            arguments = []
        if name not in known:
            raise ValueError(f"there is no function {name[:40]!r} here; there are {', '.join(sorted(known))}")
        function, fewest, most = known[name]
        if not fewest <= len(node.args) <= most:
            raise ValueError(
                f"{name} takes {fewest if fewest == most else f'{fewest} to {most}'} values, not {len(node.args)}"
            )
        return function(*arguments, *(self._value(argument, fields) for argument in node.args))

    def _attribute(self, node: ast.Attribute, _: Fields) -> Any:
        if _is_math(node) and node.attr in NUMBERS:
            return NUMBERS[node.attr]
        raise ValueError(f"{ast.unparse(node)[:60]!r} has no meaning here")

    def _subscript(self, node: ast.Subscript, fields: Fields) -> Any:
        value = self._value(node.value, fields)
        if isinstance(node.slice, ast.Slice):
            bounds = [_whole(part) for part in (node.slice.lower, node.slice.upper, node.slice.step)]
            return columntexts.part(value, slice(*bounds))
        at = _whole(node.slice)
        return columntexts.part(value, slice(at, at + 1 if at is not None and at != -1 else None))


def _is_math(node: ast.Attribute) -> bool:
    return isinstance(node.value, ast.Name) and node.value.id == "math"


def _whole(node: ast.expr | None) -> int | None:
    if node is None:
        return None
    try:
        value = ast.literal_eval(node)
    except ValueError:
        value = None
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > 1_000_000:
        raise ValueError("the places of a text are whole numbers, such as [0:3]")
    return value
