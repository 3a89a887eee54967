"""The mutation operators: what one expression or statement of a source may be changed into."""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Iterator
from typing import NamedTuple, TypeVar

_Several = TypeVar("_Several", ast.BoolOp, ast.Call, ast.List)


class Change(NamedTuple):
    """One way to change a node. `node` is what it becomes, `pass` for a statement that is dropped."""

    operator: str
    node: ast.expr | ast.stmt


OPERATORS = {
    "comparison": "another comparison: `<=` for `<`, `!=` for `==`, `not in` for `in`, `is not` for `is`",
    "boolean": "`or` for `and`, an operand less, `not` left out, True for False",
    "clause": "a clause less: `.where(…)`, `.limit(…)` or `.order_by(…)` left out, or one of several arguments",
    "method": "another method: `asc` for `desc`, `not_in` for `in_`, `like` for `ilike`, `has_any` for `has_all`",
    "statement": "a statement less: a call, a raise, an early return, an assignment that changes something",
    "status": "another status code: 200 for 201, 400 for 404",
}
"""Each operator and what it does."""

# Of an order, the boundary and the direction.
_COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}

_PAIRS = (
    ("asc", "desc"),
    ("nulls_first", "nulls_last"),
    ("in_", "not_in"),
    ("is_", "is_not"),
    ("and_", "or_"),
    ("has_all", "has_any"),
    ("ilike", "like"),
    ("min", "max"),
    ("offset", "limit"),
    ("startswith", "endswith"),
    ("union", "union_all"),
    ("lower", "upper"),
)
_METHODS = {name: other for pair in _PAIRS for name, other in (pair, pair[::-1])}
_METHODS |= {"notin_": "in_", "isnot": "is_"}
_FUNCTIONS = {"any": "all", "all": "any", "min": "max", "max": "min"}

_CLAUSES = frozenset(["where", "filter", "filter_by", "having", "order_by", "group_by", "limit", "offset", "distinct"])
_ONE_LESS = frozenset(["where", "filter", "having", "and_", "or_", "order_by", "coalesce"])
"""Calls of which one of several arguments may be left out."""

_STATUS = {200: 202, 201: 200, 202: 200, 204: 200, 400: 404, 401: 403, 403: 401, 404: 400, 409: 400, 410: 404}
_STATUS |= {422: 400, 423: 409, 500: 400, 503: 500}

# What these are called for is no answer of the server.
_TELLING = frozenset(["logger", "logging", "warnings", "get_logger", "log"])


def expression_changes(node: ast.expr, modules: frozenset[str]) -> Iterator[Change]:
    """What an expression may become. `modules`: the names that the source has imported, on which no chain begins."""
    match node:
        case ast.Compare():
            yield from _compared(node)
        case ast.BoolOp():
            yield from _combined(node)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield Change("boolean", operand)
        case ast.Constant(value=bool() as value):
            yield Change("boolean", ast.Constant(not value))
        case ast.Call(func=ast.Attribute() | ast.Name()):
            yield from _called(node, modules)
        case ast.List(elts=[_, _, *_] as elements) if all(_method(element) in ("asc", "desc") for element in elements):
            for number in range(len(elements)):
                yield Change("clause", _without(node, "elts", number))


def statement_changes(node: ast.stmt, guarding: bool) -> Iterator[Change]:
    """Whether a statement may be dropped. `guarding`: it stands in a branch, so that something comes after it."""
    match node:
        case ast.Expr(value=ast.Call() | ast.Await(value=ast.Call())):
            droppable = _root(node.value) not in _TELLING
        case ast.Raise():
            droppable = True
        case ast.Return():
            droppable = guarding
        case ast.AugAssign():
            droppable = True
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript()]):
            droppable = True
        case ast.Assign(targets=[ast.Name(id=name)]):
            # One that gives a name its first value would be missed at once.
            droppable = any(isinstance(inner, ast.Name) and inner.id == name for inner in ast.walk(node.value))
        case _:
            droppable = False
    if droppable:
        yield Change("statement", ast.Pass())


def status_changes(node: ast.expr) -> Iterator[Change]:
    """What the value of a `status_code` may become, if it is a plain one."""
    status = status_of(node)
    if status in _STATUS:
        yield Change("status", ast.Constant(_STATUS[status]))


def status_of(node: ast.expr) -> int:
    """The number of a status code (`404`, `status.HTTP_404_NOT_FOUND`), 0 for anything else."""
    match node:
        case ast.Constant(value=int() as value):
            return value
        case ast.Attribute(attr=name) if found := re.match(r"HTTP_(\d{3})_", name):
            return int(found[1])
    return 0


def _compared(node: ast.Compare) -> Iterator[Change]:
    for number, operator in enumerate(node.ops):
        for other in _COMPARISONS[type(operator)]:
            changed = copy.deepcopy(node)
            changed.ops[number] = other()
            yield Change("comparison", changed)


def _combined(node: ast.BoolOp) -> Iterator[Change]:
    changed = copy.deepcopy(node)
    changed.op = ast.And() if isinstance(node.op, ast.Or) else ast.Or()
    yield Change("boolean", changed)
    for number in range(len(node.values)):
        rest = _without(node, "values", number)
        yield Change("boolean", rest.values[0] if len(rest.values) == 1 else rest)


def _called(node: ast.Call, modules: frozenset[str]) -> Iterator[Change]:
    name = ""
    match node.func:
        case ast.Attribute(attr=name, value=before):
            if name in _METHODS:
                yield Change("method", _calling(node, ast.Attribute(before, _METHODS[name], ast.Load())))
            of_a_module = isinstance(before, ast.Name) and before.id in modules
            if name in _CLAUSES and not of_a_module:
                yield Change("clause", before)
        case ast.Name(id=name) if name in _FUNCTIONS:
            yield Change("method", _calling(node, ast.Name(_FUNCTIONS[name], ast.Load())))
    if name in _ONE_LESS and len(node.args) > 1:
        for number in range(len(node.args)):
            yield Change("clause", _without(node, "args", number))


def _calling(node: ast.Call, function: ast.expr) -> ast.Call:
    changed = copy.deepcopy(node)
    changed.func = function
    return changed


def _without(node: _Several, field: str, number: int) -> _Several:
    changed = copy.deepcopy(node)
    del getattr(changed, field)[number]
    return changed


def _method(node: ast.expr) -> str:
    match node:
        case ast.Call(func=ast.Attribute(attr=name)):
            return name
    return ""


def _root(node: ast.expr) -> str:
    """The name that a chain of calls and attributes begins with."""
    while True:
        match node:
            case ast.Await(value=inner) | ast.Attribute(value=inner) | ast.Call(func=inner):
                node = inner
            case ast.Name(id=name):
                return name
            case _:
                return ""
