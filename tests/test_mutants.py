"""Mutants are what somebody could have written: each is made of a small source, and does what its diff says."""

from __future__ import annotations

import ast
import asyncio
import importlib
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from conformance.mutants.inside import finder, switch
from conformance.mutants.inside.operators import OPERATORS
from conformance.mutants.inside.schemata import ASK, Point, instrument, replaced
from conformance.mutants.points import GROUPS, Mutant, sampled


def points(source: str) -> list[Point]:
    return instrument(textwrap.dedent(source)).points


def changes(source: str) -> set[tuple[str, str]]:
    """Operator and what stands there afterwards."""
    return {(point.operator, point.text) for point in points(source)}


def of(body: str) -> set[tuple[str, str]]:
    """The same of the body of a function."""
    return changes("def f(a, b, query, db):\n" + textwrap.indent(textwrap.dedent(body), "    "))


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("return a < b", {"a <= b", "a >= b"}),
        ("return a >= b", {"a > b", "a < b"}),
        ("return a == b", {"a != b"}),
        ("return a is not None", {"a is None"}),
        ("return a not in b", {"a in b"}),
        ("return 1 < a < b", {"1 <= a < b", "1 >= a < b", "1 < a <= b", "1 < a >= b"}),
    ],
)
def test_comparisons(body: str, expected: set[str]) -> None:
    assert of(body) == {("comparison", text) for text in expected}


def test_boolean_operators() -> None:
    assert of("return a and b and db") == {
        ("boolean", text) for text in ("a or b or db", "b and db", "a and db", "a and b")
    }
    assert of("return not a") == {("boolean", "a")}
    assert of("return f(deep=True)") == {("boolean", "False")}


def test_clauses_and_methods_of_a_query() -> None:
    assert of("return query.where(a, b)") == {
        ("clause", "query"),
        ("clause", "query.where(b)"),
        ("clause", "query.where(a)"),
    }
    assert of("return db.name.desc()") == {("method", "db.name.asc()")}
    assert of("return db.id.in_(a)") == {("method", "db.id.not_in(a)")}
    assert of("return any(a)") == {("method", "all(a)")}
    assert ("clause", "[db.id.asc()]") in of("return [db.name.desc(), db.id.asc()]")


def test_what_a_module_is_called_with_is_no_clause() -> None:
    assert changes("import sa\ndef f(a):\n    return sa.distinct(a)") == set()
    assert changes("sa = lazy_import('sqlalchemy')\ndef f(a):\n    return sa.distinct(a)") == set()


def test_statements() -> None:
    assert of("a.append(b)\nreturn a") == {("statement", "pass")}
    assert of("if a:\n    return b\nreturn db") == {("statement", "pass")}
    assert of("raise ValueError(a)") == {("statement", "pass")}
    assert of("a += 1\na.b = db\nquery = query.having(1)") == {("statement", "pass"), ("clause", "query")}
    # The first value of a name, what is only told, and what ends a function.
    assert of("a = f(b)\nlogger.info(a)\n'text'\nreturn a") == set()


def test_status_codes() -> None:
    assert of("raise HTTPException(status_code=status.HTTP_404_NOT_FOUND)") == {
        ("status", "400"),
        ("statement", "pass"),
    }
    assert of("b.status_code = status.HTTP_201_CREATED") == {("status", "200"), ("statement", "pass")}
    assert changes("@router.post('/', status_code=201)\ndef f(): ...") == {("status", "200")}


def test_what_runs_at_import_is_left_alone() -> None:
    source = """
        LIMIT = 1 < 2
        class Model:
            size: bool = not LIMIT
            @validator(pre=True)
            def f(self, a: "x < 1" = 1 < 2, *, b=not 1) -> "y < 2":
                c: "z < 3" = a
                return c
    """
    assert changes(source) == set()


def test_every_operator_is_described() -> None:
    source = "@r.get(status_code=201)\ndef f(q):\n    q.x()\n    return not q.limit(1).asc() < 2"
    assert {point.operator for point in points(source)} == set(OPERATORS)


SOURCE = '''
"""A module with what real ones have."""
import asyncio
from functools import cache

def choose(rows, low=None, high=None, names=()):
    """Rows within bounds."""
    found = []
    for row in rows:
        if low is not None and row["size"] < low:
            continue
        if high is not None and not row["size"] <= high:
            continue
        if names and row["name"] not in names:
            continue
        found.append(row)
    found.sort(key=lambda row: (row["size"], row["name"].lower()))
    return [row["name"] for row in found if row["size"] > 0 or row["name"].startswith("é")]

class Store:
    def __init__(self):
        self.rows = {}
        self.count = 0

    async def put(self, name, size, replace=False):
        if not name:
            raise ValueError("no name")
        if name in self.rows and not replace:
            return "known"
        self.rows[name] = size
        self.count += 1
        await asyncio.sleep(0)
        return f"{'big' if size >= 10 else 'small'} {name == 'b'}"

    def each(self):
        yield from (name for name, size in self.rows.items() if size > 1)

    def told(self):
        match self.count:
            case 0 if not self.rows:
                return "none"
            case 1 | 2:
                return "few"
            case _:
                return "many"

def used():
    rows = [{"name": n, "size": s} for n, s in (("a", 1), ("B", 3), ("c", 3), ("é", 0), ("d", -1))]
    store = Store()
    async def work():
        return [await store.put(*arguments) for arguments in (("a", 1), ("b", 10), ("a", 3), ("b", 2, True))]
    return [choose(rows), choose(rows, 1, 3), choose(rows, names=("a", "é")), store.told(), asyncio.run(work()),
            list(store.each()), store.told(), store.rows, refused(store)]

def refused(store):
    try:
        asyncio.run(store.put("", 1))
    except ValueError as error:
        return str(error)
'''


def outcome(use: Callable[[], Any]) -> str:
    try:
        return repr(use())
    except Exception as error:  # noqa: BLE001 - whatever it is, both have to raise it
        return repr(error)


def test_the_switched_mutant_does_what_its_diff_does() -> None:
    made = instrument(SOURCE)
    asked: set[int] = set()
    chosen: list[int] = []

    def ask(number: int) -> bool:
        asked.add(number)
        return number in chosen

    changed: dict[str, Any] = {ASK: ask}
    exec(compile(made.tree, "changed", "exec"), changed)
    plain: dict[str, Any] = {}
    exec(SOURCE, plain)
    honest = outcome(plain["used"])
    assert outcome(changed["used"]) == honest
    assert asked == {point.number for point in made.points}

    different = 0
    for point in made.points:
        written: dict[str, Any] = {}
        exec(replaced(SOURCE, point), written)
        chosen[:] = [point.number]
        told = outcome(changed["used"])
        assert told == outcome(written["used"]), point
        different += told != honest
    assert different > 0.8 * len(made.points)


def test_numbers_follow_the_source_alone() -> None:
    assert instrument(SOURCE).points == instrument(SOURCE).points
    assert [point.number for point in instrument(SOURCE).points] == list(range(len(instrument(SOURCE).points)))


def test_a_sample_has_something_of_each_group_and_a_greater_one_has_it_too() -> None:
    sizes = dict(zip(GROUPS, (900, 60, 2400, 1900), strict=True))
    point = Point(0, "boolean", "f", 1, 0, 1, 1, "x")
    all_ = {
        f"{group}:{number}": Mutant(f"{group}:{number}", group, Path("x"), point)
        for group, size in sizes.items()
        for number in range(size)
    }
    small, large = sampled(all_, 60, 1), sampled(all_, 300, 1)
    assert {mutant.id for mutant in small} < {mutant.id for mutant in large}
    counts = {group: sum(mutant.group == group for mutant in large) for group in GROUPS}
    assert abs(sum(counts.values()) - 300) <= 2
    assert min(counts.values()) >= 30
    assert sampled(all_, 60, 1) == small != sampled(all_, 60, 2)


# In a process, behind the switch

ROUTE = """
class router:
    get = staticmethod(lambda path, status_code: lambda endpoint: endpoint)

@router.get("/", status_code=201)
async def endpoint(size):
    return "big" if size > 1 else "small"
"""


@pytest.fixture
def changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """A module that was imported through the hook."""
    name = "mutants_tried_here"
    (tmp_path / f"{name}.py").write_text(ROUTE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv(finder.VARIABLE, name)
    before = list(sys.meta_path)
    finder.install()
    yield importlib.import_module(name)
    sys.meta_path[:] = before
    del sys.modules[name]


def asked(app: switch.App, path: str = "/", mutant: str | None = None) -> tuple[int, bytes]:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.request", "body": b""}

    headers = [] if mutant is None else [(switch.HEADER, mutant.encode())]

    async def use() -> None:
        await app({"type": "http", "path": path, "headers": headers}, receive, send)

    asyncio.run(use())
    return sent[0]["status"], sent[1]["body"]


def test_a_mutant_is_in_force_for_the_request_that_names_it(changed: ModuleType) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope["endpoint"] = changed.endpoint
        assert not scope["headers"]
        body = (await changed.endpoint(1)).encode()
        await send({"type": "http.response.start", "status": 201, "headers": []})
        await send({"type": "http.response.body", "body": body})

    def number(text: str) -> str:
        source = Path(changed.__file__ or "").read_text()
        (point,) = (point for point in instrument(source).points if point.text == text)
        return f"{changed.__name__}:{point.number}"

    switched = switch.Switch(app)
    assert asked(switched) == (201, b"small")
    assert asked(switched, switch.TAKE) == (200, b"[]")
    assert asked(switched, mutant="none") == (201, b"small")
    assert asked(switched, mutant=number("size >= 1")) == (201, b"big")
    assert asked(switched, mutant=number("200")) == (200, b"small")
    assert asked(switched, mutant="another:0") == (201, b"small")
    assert asked(switched) == (201, b"small")
    _, body = asked(switched, switch.TAKE)
    reached = set(ast.literal_eval(body.decode()))
    assert reached == {number(text) for text in ("size >= 1", "size <= 1", "200")}
    assert asked(switched, switch.TAKE) == (200, b"[]")


def test_what_a_request_leaves_running_goes_on_without_the_mutant(changed: ModuleType) -> None:
    found: list[str] = []

    async def later() -> None:
        found.append(await changed.endpoint(1))
        await asyncio.sleep(0.01)
        found.append(await changed.endpoint(1))

    async def app(scope: Any, receive: Any, send: Any) -> None:
        task = asyncio.create_task(later())
        await asyncio.sleep(0)
        scope["state"] = task

    async def use() -> None:
        scope = {"type": "http", "path": "/", "headers": [(switch.HEADER, f"{changed.__name__}:1".encode())]}
        tasks = asyncio.all_tasks()
        await switch.Switch(app)(scope, None, None)  # type: ignore[arg-type]
        await asyncio.gather(*(asyncio.all_tasks() - tasks))

    asyncio.run(use())
    assert found == ["big", "small"]
