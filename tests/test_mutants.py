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
from typing import Any, cast

import pytest

from conformance.errors import ConformanceError
from conformance.mutants import outcomes
from conformance.mutants.figures import figures, weighted
from conformance.mutants.inside import finder, switch
from conformance.mutants.inside.operators import OPERATORS
from conformance.mutants.inside.schemata import ASK, Point, instrument, replaced
from conformance.mutants.judging import Judging
from conformance.mutants.killing import Killing
from conformance.mutants.outcomes import Compared, Fate, Outcome
from conformance.mutants.page import Sample, render
from conformance.mutants.points import GROUPS, Mutant, sampled
from conformance.mutants.recording import Recorded
from conformance.mutants.server import NONE
from conformance.mutants.survivors import Kind, Reason, reasons
from conformance.run.plan import Key
from conformance.verdicts.model import Judgement, Verdict


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
    asked(switched, switch.TAKE)  # what other tests of this process have reached
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


# What is made of what was found


def checked(requirement: str, subject: str, seconds: float, *reached: int, verdict: str = "passed") -> Recorded:
    return Recorded(
        requirement=requirement, subject=subject, verdict=Verdict(verdict), seconds=seconds, reached=reached
    )


class Bench:
    """Stands where the checks are run: each mutant is told by the checks that are given for it."""

    def __init__(self, telling: dict[str, set[Key]], unsteady: frozenset[Key] = frozenset()) -> None:
        self.telling = telling
        self.unsteady = unsteady
        self.ran: list[tuple[Key, str]] = []
        self.server = self

    def turn(self) -> None: ...

    def is_well(self) -> bool:
        return True

    def take(self) -> set[str]:
        return {mutant for _, mutant in self.ran}

    def judge(self, key: Key, mutant: str = NONE) -> Judgement:
        self.ran.append((key, mutant))
        fails = key in self.telling.get(mutant, ()) or (key in self.unsteady)
        verdict = Verdict.FAILED if fails else Verdict.PASSED
        return Judgement(requirement=key[0], subject=key[1], verdict=verdict, summary="told" if fails else "")


Trying = Callable[[Bench], Killing]

RECORDED = [
    checked("filter.any", "flows", 0.1, 0, 1),
    checked("filter.any", "runs", 0.01, 0, 1),
    checked("paging.limit", "flows", 0.5, 0, 1, 2),
    checked("paging.limit", "open", 0.5, 0, verdict="could-not-run"),
    checked("fuzz.no-server-error", "flows", 0.2, 0, 1, 2, 3),
    checked("fuzz.response-schema", "flows", 0.0, 0, 1, 2, 3),
]


@pytest.fixture
def killing(tmp_path: Path) -> Callable[[Bench], Killing]:
    file = tmp_path / "source.py"
    file.write_text("return a < b\nreturn Flows < b\n")
    points = [Point(number, "comparison", "f", 1, 7, 1, 12, "a <= b") for number in range(5)]
    points[1] = points[1]._replace(line=2, end_line=2)
    all_ = {f"m:{point.number}": Mutant(f"m:{point.number}", "filters", file, point) for point in points}
    return lambda bench: Killing(cast("Judging", bench), RECORDED, all_)


def test_of_each_rule_the_quickest_check_comes_first_and_what_is_sent_once_stays_together(killing: Trying) -> None:
    assert killing(Bench({})).reaching("m:0") == [
        ("filter.any", "runs"),
        ("paging.limit", "flows"),
        ("fuzz.no-server-error", "flows"),
        ("fuzz.response-schema", "flows"),
        ("filter.any", "flows"),
    ]


def test_a_subject_that_is_named_where_the_mutant_is_comes_before_a_quick_one(killing: Trying) -> None:
    keys = killing(Bench({})).reaching("m:1")
    assert [subject for requirement, subject in keys if requirement == "filter.any"] == ["flows", "runs"]


def test_a_mutant_is_killed_by_the_first_check_that_fails_with_it_alone(killing: Trying) -> None:
    bench = Bench({"m:1": {("paging.limit", "flows")}}, frozenset({("filter.any", "flows")}))
    found = killing(bench).try_("m:1", 0, 100)
    assert (found.fate, found.requirement, found.subject) == (Fate.KILLED, "paging.limit", "flows")
    assert (found.ran, found.reaching, found.unsteady) == (2, 5, ("filter.any flows",))
    assert bench.ran[-1] == (("paging.limit", "flows"), NONE)


def test_one_that_nobody_sees_survives_and_can_be_gone_on_with(killing: Trying) -> None:
    bench = Bench({"m:1": {("filter.any", "runs")}})
    before = killing(bench).try_("m:1", 0, 2)
    assert (before.fate, before.ran) == (Fate.SURVIVED, 2)
    after = killing(bench).try_("m:1", before.ran, 100)
    assert (after.fate, after.ran) == (Fate.KILLED, 5)
    assert killing(bench).try_("m:4", 0, 100).fate is Fate.UNREACHED


def test_what_was_kept_is_read_without_the_line_that_was_not_finished(tmp_path: Path, killing: Trying) -> None:
    path = tmp_path / "outcomes.jsonl"
    one = killing(Bench({})).try_("m:1", 0, 100)
    outcomes.add(path, one)
    with path.open("a") as file:
        file.write('{"id": "m:2", "fa')
    assert outcomes.read(path) == {"m:1": one}
    other = killing(Bench({})).try_("m:2", 0, 100)
    outcomes.add(path, other)
    assert outcomes.read(path) == {"m:1": one, "m:2": other}


def test_figures_and_page(tmp_path: Path) -> None:
    package = tmp_path / "prefect" / "server"
    package.mkdir(parents=True)
    file = package / "filters.py"
    file.write_text("def f(a, b):\n    return a < b and a == 1\n")
    made = instrument(file.read_text()).points
    all_ = {f"m:{point.number}": Mutant(f"m:{point.number}", "filters", file, point) for point in made}
    fates = [Fate.KILLED, Fate.SURVIVED, Fate.UNREACHED, Fate.STOPPED, Fate.KILLED, Fate.SURVIVED]
    assert len(made) == len(fates)
    found = [
        Outcome(id=name, fate=fate, reaching=3, ran=2, seconds=1.0, summary="no <b>answer</b>")
        for name, fate in zip(all_, fates, strict=True)
    ]
    total = figures(found)
    assert (total.sampled, total.reached, total.killed, total.stopped, total.survived) == (6, 5, 2, 1, 2)
    assert weighted(all_, found) == pytest.approx(0.4)
    reason = Reason(id="m:1", after=made[1].text, kind=Kind.EQUIVALENT, reason="a_b is *never* read")
    compared = [Compared(id=name, fate=Fate.SURVIVED, operations=1, ran=1, calls=9, seconds=1.0) for name in all_]
    text = render(Sample("3.9.1", "tox", all_, found, compared, {"m:1": reason}, 6, 100, 20, 12))
    assert "**2 (40.0 %) are killed**" in text
    assert "| plain Schemathesis | 6 | 6 | 0 | 0.0 % | 0.0 % |" in text
    assert "*no answer of the server differs*: a_b is \\*never\\* read" in text
    assert text.count("*nobody has looked at it yet*") == 1
    assert "; 1 × a run is incomplete with it." in text
    assert "no \\<b\\>answer" in text
    assert f"+    return {made[1].text}" in text


def test_a_reason_is_of_the_mutant_that_it_was_written_for(tmp_path: Path) -> None:
    all_ = {"m:0": Mutant("m:0", "api", tmp_path, Point(0, "boolean", "f", 1, 0, 1, 1, "x or y"))}
    path = tmp_path / "survivors.toml"
    entry = '[[survivor]]\nid = "m:0"\nafter = "{}"\nkind = "equivalent"\nreason = "r"\n'
    path.write_text(entry.format("x or y"))
    assert reasons(all_, path)["m:0"].kind is Kind.EQUIVALENT
    path.write_text(entry.format("x and y"))
    with pytest.raises(ConformanceError, match="m:0 is no mutant that has"):
        reasons(all_, path)
    path.write_text("survivor = 1")
    with pytest.raises(ConformanceError, match="malformed"):
        reasons(all_, path)
