"""All mutants of a source in one: each changed place asks at run time whether its change is switched on."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from typing import NamedTuple

from .operators import Change, expression_changes, statement_changes, status_changes, status_of

ASK = "__conformance_mutant__"
"""The function that the changed source calls with the number of a mutant: whether that one is to be in force."""

_VERBS = frozenset(["get", "post", "put", "patch", "delete", "head", "options"])


class Point(NamedTuple):
    """One mutant. `number` counts those of a module; the rest is where in its source what is replaced by `text`.

    Lines count from 1, columns are bytes of the line in UTF-8, as `ast` counts them. `function` is the qualified name
    of the function that it is in. `route` is the status code that the mutant of a route's own status gives.
    """

    number: int
    operator: str
    function: str
    line: int
    column: int
    end_line: int
    end_column: int
    text: str
    route: int = 0


class Schemata(NamedTuple):
    """A changed module: to be compiled, with `ASK` among its globals."""

    tree: ast.Module
    points: list[Point]


def instrument(source: str) -> Schemata:
    """Put every mutant of the functions of `source` into it. What runs at import, as defaults do, stays as it is."""
    tree = ast.parse(source)
    work = _Work(frozenset(_imported(tree)))
    for number, statement in enumerate(tree.body):
        tree.body[number] = work.outside(statement, ())
    return Schemata(ast.fix_missing_locations(tree), work.points)


def replaced(source: str, point: Point) -> str:
    """The source with that one mutant in it, as if somebody had written it so."""
    lines = source.encode().splitlines(keepends=True)
    before = lines[point.line - 1][: point.column]
    after = lines[point.end_line - 1][point.end_column :]
    middle = before + point.text.encode() + after
    return b"".join([*lines[: point.line - 1], middle, *lines[point.end_line :]]).decode()


def _imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                for name in names:
                    yield (name.asname or name.name).partition(".")[0]
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call(func=ast.Name(id="lazy_import"))):
                yield name


class _Work:
    def __init__(self, modules: frozenset[str]) -> None:
        self.points: list[Point] = []
        self._modules = modules
        self._function = ""

    # What runs at import

    def outside(self, node: ast.stmt, within: tuple[str, ...]) -> ast.stmt:
        """A statement of a module or a class: only the functions in it are changed."""
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                return self._of_function(node, (*within, node.name))
            case ast.ClassDef():
                node.body = [self.outside(inner, (*within, node.name)) for inner in node.body]
            case ast.If() | ast.Try() | ast.With():
                for field in ("body", "orelse", "finalbody"):
                    if statements := getattr(node, field, None):
                        setattr(node, field, [self.outside(inner, within) for inner in statements])
        return node

    def _of_function(self, node: ast.FunctionDef | ast.AsyncFunctionDef, name: tuple[str, ...]) -> ast.stmt:
        before, self._function = self._function, ".".join(name)
        for decorator in node.decorator_list:
            self._route(decorator)
        node.body = self._body(node.body, guarding=False)
        self._function = before
        return node

    def _route(self, decorator: ast.expr) -> None:
        match decorator:
            case ast.Call(func=ast.Attribute(value=ast.Name(), attr=verb), keywords=keywords) if verb in _VERBS:
                for keyword in keywords:
                    if keyword.arg == "status_code":
                        for change in status_changes(keyword.value):
                            self._point(change, keyword.value, route=status_of(keyword.value))

    # What runs when it is called

    def _body(self, statements: list[ast.stmt], *, guarding: bool) -> list[ast.stmt]:
        return [self._statement(node, guarding=guarding) for node in statements]

    def _statement(self, node: ast.stmt, *, guarding: bool) -> ast.stmt:
        points = [(self._point(change, node), change) for change in statement_changes(node, guarding)]
        match node:
            case ast.Assign(targets=[ast.Attribute(attr="status_code")]):
                node.value = self._status(node.value)
            case _:
                self._inside(node)
        for number, change in points:
            node = ast.copy_location(ast.If(_asked(number), [_placed(change.node, node)], [node]), node)  # type: ignore[list-item]
        return node

    def _inside(self, node: ast.AST) -> None:
        """Change the parts of a node in place."""
        for field, value in ast.iter_fields(node):
            if field in _UNTOUCHED or isinstance(value, ast.pattern):
                continue
            if isinstance(value, list):
                if value and isinstance(value[0], ast.stmt):
                    branch = isinstance(node, ast.If | ast.For | ast.AsyncFor | ast.Try | ast.ExceptHandler)
                    setattr(node, field, self._body(value, guarding=branch))
                else:
                    setattr(node, field, [self._part(item) for item in value])
            elif isinstance(value, ast.AST):
                setattr(node, field, self._part(value))

    def _part(self, node: object) -> object:
        match node:
            case ast.keyword(arg="status_code", value=value):
                node.value = self._status(value)
            case ast.expr():
                return self._expression(node)
            case ast.AST() if not isinstance(node, ast.pattern):
                self._inside(node)
        return node

    def _expression(self, node: ast.expr) -> ast.expr:
        if isinstance(getattr(node, "ctx", None), ast.Store | ast.Del):
            return node
        points = [(self._point(change, node), change) for change in expression_changes(node, self._modules)]
        plain = copy.deepcopy(node) if points else node
        self._inside(node)
        return self._switched(node, plain, points)

    def _status(self, node: ast.expr) -> ast.expr:
        points = [(self._point(change, node), change) for change in status_changes(node)]
        return self._switched(node, node, points) if points else self._expression(node)

    def _switched(self, node: ast.expr, plain: ast.expr, points: list[tuple[int, Change]]) -> ast.expr:
        for number, change in reversed(points):
            changed = _placed(change.node, plain)
            node = ast.copy_location(ast.IfExp(_asked(number), changed, node), plain)  # type: ignore[arg-type]
        return node

    def _point(self, change: Change, node: ast.expr | ast.stmt, route: int = 0) -> int:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        number = len(self.points)
        where = (node.lineno, node.col_offset, node.end_lineno, node.end_col_offset)
        text = ast.unparse(ast.fix_missing_locations(copy.deepcopy(change.node)))
        self.points.append(Point(number, change.operator, self._function, *where, text, route))
        return number


_UNTOUCHED = frozenset(["annotation", "returns", "decorator_list", "defaults", "kw_defaults", "type_params"])
"""Parts that are not called, or mean something else than a value."""


def _asked(number: int) -> ast.expr:
    return ast.Call(ast.Name(ASK, ast.Load()), [ast.Constant(number)], [])


def _placed(node: ast.expr | ast.stmt, where: ast.expr | ast.stmt) -> ast.expr | ast.stmt:
    """A copy whose parts all stand where the original does, for tracebacks."""
    made = copy.deepcopy(node)
    for part in ast.walk(made):
        ast.copy_location(part, where)
    return made
