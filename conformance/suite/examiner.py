"""The examiner asks the server and the oracle the same question, and tells what they disagree on."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import httpx

from conformance import oracle
from conformance.resources import RESOURCES, Record, Resource
from conformance.suite.coverage import Coverage
from conformance.suite.outcome import CouldNotRun, Violation
from conformance.suite.tables import Table
from conformance.target import Client
from conformance.world import World

Body = dict[str, Any]

_FAST = 1
"""Zlib's level: rows are alike, and are a tenth of their size on any."""

_MOST_ROWS = 5
"""Rows of each kind in a failure."""

_PAGE = 200
"""The most rows that a query may be asked for."""

_AT_ONCE = 2
"""Queries that are under way at the same time: one is answered while the next is sent. More of them only wait for each
other in a server that shares this machine's cores."""

_MOST_PAGES = 10
"""Pages that are read of a query that can't be fenced, on a server that others use too."""


class Unanswered(Violation):
    """A legal query is not answered with 200. It is told, and not asked again."""


class Examiner:
    """Asks queries, and keeps the answers: several rules are judged by the same questions.

    The world's population does not change while it is judged on (or `renew` is told), so that an answer stays true; one
    that is about to be held against the server is asked for again.
    """

    def __init__(self, client: Client, world: World, coverage: Coverage, seed: int) -> None:
        self.client = client
        self.world = world
        self.coverage = coverage
        self.seed = seed
        # Packed: some thousands are kept, and decoded ones would take a hundred megabytes.
        self._answers: dict[str, bytes] = {}
        self._unanswered: set[str] = set()
        self._expected: dict[str, list[Record]] = {}

    def forget(self) -> None:
        """Drop the answers: another server stands behind the URL now (a fault in front of it, say)."""
        self._answers.clear()
        self._unanswered.clear()

    def renew(self) -> None:
        """Drop what is expected as well: the population is another one now."""
        self.forget()
        self._expected.clear()

    # What there is

    def records(self, table: Table, within: Mapping[str, str] | None = None) -> list[Record]:
        """The world's records of a table, those under the placeholders `within` where it is a nested one.

        Raises CouldNotRun where the world has none.
        """
        population = self.world.population
        scope = table.resource.scope
        found = [
            record
            for record in population.of(table.name)
            if scope is None or within is None or scope(record, population.records) == within
        ]
        if not found:
            raise CouldNotRun(f"the world has no {table.name}")
        return found

    def scopes(self, table: Table) -> list[Mapping[str, str]]:
        """The placeholders under which the world has records, most records first; `[{}]` for a plain collection."""
        scope = table.resource.scope
        if scope is None:
            return [{}]
        counts: dict[tuple[tuple[str, str], ...], int] = {}
        for record in self.records(table):
            key = tuple(scope(record, self.world.population.records).items())
            counts[key] = counts.get(key, 0) + 1
        return [dict(key) for key in sorted(counts, key=lambda key: -counts[key])]

    def values(self, table: Table, criterion: str, operator: str) -> list[Any]:
        """What the operator of the criterion reads on each of the records that questions are asked about."""
        read = table.resource.reader(criterion, operator)
        return [read(record, self.world.population.records) for record in self.records(table, self.scopes(table)[0])]

    # Asking

    def ask(self, path: str, body: Body, *, again: bool = False) -> Any:
        """POST a query and decode the answer. Raises Unanswered where a legal query is not answered with 200.

        `again`: send it even if the answer is known.
        """
        question = _question(path, body)
        if again or question not in self._answers:
            self._fetch(path, body)
        return json.loads(zlib.decompress(self._answers[question]))

    def _fetch(self, path: str, body: Body) -> None:
        response = self.client.request("POST", path, body)
        if response.status_code != httpx.codes.OK:
            raise Unanswered(
                f"a legal query is answered {response.status_code}",
                expected=200,
                observed={"body": body, "answer": response.text[:400]},
            )
        self._answers[_question(path, body)] = zlib.compress(response.content, _FAST)

    def prefetch(self, asked: Iterable[tuple[str, Body]]) -> None:
        """Ask several queries at once, path and body each: the server is not idle while an answer is judged.

        What is not answered with 200 is left for `ask` to tell of, and nothing is asked ahead after it: a server
        may take half a second for an error of its own.
        """
        new = [(path, body) for path, body in asked if _question(path, body) not in self._answers]
        unanswered = Event()

        def answer(question: tuple[str, Body]) -> None:
            if unanswered.is_set():
                return
            try:
                self._fetch(*question)
            except Violation:
                unanswered.set()

        with ThreadPoolExecutor(_AT_ONCE) as pool:
            for _ in pool.map(answer, new):
                pass

    def prefetch_filters(self, table: Table, asked: Iterable[Body]) -> None:
        """Ask a table for the world's own rows under several filters at once, where a fence keeps others' out."""
        path = table.query.operation.fill(self.scopes(table)[0])
        self.prefetch((path, self.fenced(table, filters)) for filters in asked if self.fences(table, filters))

    def rows(
        self, table: Table, body: Body, within: Mapping[str, str] | None = None, *, again: bool = False
    ) -> list[Record]:
        """The rows that `POST …/filter` answers to `body`. Raises Violation where it answers no list of objects."""
        path = table.query.operation.fill(self.scopes(table)[0] if within is None else within)
        answer = self.ask(path, {**table.resource.needs, **body}, again=again)
        listed = table.resource.listed
        found = answer if listed is None else answer.get(listed) if isinstance(answer, dict) else None
        identity = table.resource.identity
        if not isinstance(found, list) or not all(isinstance(row, dict) and identity in row for row in found):
            raise Violation(f"the answer is not a list of objects with `{identity}`", expected=[], observed=answer)
        return found

    # The fence: what others have put on the server does not count

    def fences(self, table: Table, filters: Body) -> bool:
        """Whether `fenced` can narrow the filters to the world's own records.

        A nested collection is fenced by its path. Another is not where the filters join by OR, to which the fence
        would be one more alternative, nor where they have null in the very place of the fence.
        """
        resource = table.resource
        if resource.scope is not None:
            return True
        own = (filters.get(resource.key) or {}) if resource.key else filters
        if resource.fence is None or table.own is None or own.get("operator") == "or_":
            return False
        return not _is_open(own, resource.fence(self.records(table)[:1]))

    def fenced(self, table: Table, filters: Body, within: Mapping[str, str] | None = None) -> Body:
        """`filters`, narrowed to the world's own records; as they are where no filter narrows them."""
        resource = table.resource
        if resource.scope is not None or resource.fence is None or not self.fences(table, filters):
            return filters
        fence = resource.fence(self.records(table, within or self.scopes(table)[0]))
        own = dict(filters.get(resource.key) or {}) if resource.key else filters
        return {**filters, **resource.own(_under(fence, own))}

    def own_rows(self, table: Table, body: Body, *, again: bool = False, fence: bool = True) -> list[Record]:
        """The rows for `body` that are the world's own, all of them, whether or not the server has others.

        `fence`: narrow the question to them where that is possible. Where it is not, raises CouldNotRun if there
        are too many rows to read.
        """
        if fence and self.fences(table, body):
            return self.rows(table, self.fenced(table, body), again=again)
        identity = table.resource.identity
        mine = {record[identity] for record in self.records(table, self.scopes(table)[0])}
        found: list[Record] = []
        if "offset" not in table.query.properties:
            return [row for row in self.rows(table, body, again=again) if row[identity] in mine]
        for page in range(_MOST_PAGES):
            rows = self.rows(table, {**body, "limit": _PAGE, "offset": page * _PAGE}, again=again)
            found += (row for row in rows if row[identity] in mine)
            if len(rows) < _PAGE:
                return found
        raise CouldNotRun(f"others have put more than {_PAGE * _MOST_PAGES} {table.name} on the server")

    # Judging

    def expected(self, table: Table, filters: Body, resource: Resource | None = None) -> list[Record]:
        """The rows that the oracle selects, in the world's order; `resource` reads records in another way."""
        if resource is not None:
            return self._selected(table, filters, resource)
        question = _question(table.name, filters)
        if question not in self._expected:
            self._expected[question] = self._selected(table, filters)
        return self._expected[question]

    def _selected(self, table: Table, filters: Body, resource: Resource | None = None) -> list[Record]:
        here = {**self.world.population.records, table.name: self.records(table, self.scopes(table)[0])}
        return oracle.select(table.name, filters, here, resource)

    def answers(self, table: Table, filters: Body) -> bool:
        """Whether the filters are answered at all, rightly or not. What is not is not asked again."""
        question = _question(table.name, filters)
        if question in self._unanswered:
            return False
        try:
            self.own_rows(table, filters)
        except Unanswered:
            self._unanswered.add(question)
            return False
        return True

    def sound(self, table: Table, filters: Body) -> bool:
        """Whether server and oracle agree on the filters; one that is not even answered is not sound."""
        try:
            return self.answers(table, filters) and self.disagreement(table, filters) is None
        except Violation:
            return False

    def agrees(self, table: Table, filters: Body) -> bool:
        """Whether a part of a question is answered rightly by itself, without even the fence beside it.

        One of too many rows to read on a server that others use is taken for right.
        """
        try:
            found = self.own_rows(table, filters, fence=False)
        except CouldNotRun:
            return True
        except Violation:
            return False
        identity = table.resource.identity
        wanted = sorted(str(row[identity]) for row in self.expected(table, filters))
        return sorted(str(row[identity]) for row in found) == wanted

    def disagreement(
        self, table: Table, filters: Body, resource: Resource | None = None
    ) -> tuple[list[Record], list[Record]] | None:
        """The rows that are missing and those that should not be there; None where server and oracle agree."""
        identity = table.resource.identity
        wanted = {row[identity]: row for row in self.expected(table, filters, resource)}
        for again in (False, True):
            found = self.own_rows(table, filters, again=again)
            observed = {row[identity]: row for row in found}
            if len(found) == len(observed) and observed.keys() == wanted.keys():
                return None
        if len(found) != len(observed):
            raise Violation(
                "a row comes more than once", expected=len(observed), observed={"body": filters, "rows": len(found)}
            )
        known = {row[identity]: row for row in self.records(table)}
        missing = [row for key, row in wanted.items() if key not in observed]
        return missing, [known.get(key, row) for key, row in observed.items() if key not in wanted]

    def require_rows(
        self, table: Table, filters: Body, shows: Sequence[str] = (), resource: Resource | None = None
    ) -> None:
        """Raise Violation unless the server returns just the rows that the oracle selects.

        `shows` are the criteria that matter: a failure names the rows with their values there. `resource`
        reads the records in another way than the collection's own does.
        """
        found = self.disagreement(table, filters, resource)
        if found is None:
            return
        missing, surplus = found
        wanted = len(self.expected(table, filters, resource))
        raise Violation(
            f"{len(missing)} rows are missing and {len(surplus)} should not be there",
            expected=f"{wanted} rows for {json.dumps(filters, ensure_ascii=False)}",
            observed={
                "missing": [self.named(table, row, shows) for row in missing[:_MOST_ROWS]],
                "should not be there": [self.named(table, row, shows) for row in surplus[:_MOST_ROWS]],
            },
            exchanges=self.client.journal.exchanges[-1:],  # the question was asked again just now
        )

    def named(self, table: Table, row: Record, shows: Sequence[str] = ()) -> Mapping[str, Any]:
        """A row by its name and by the fields that matter."""
        resource = RESOURCES[table.name]
        values = {show: resource.reader(show)(row, self.world.population.records) for show in shows}
        return {"name": row.get("name") or row.get(resource.identity), **values}


def _is_open(own: Body, fence: Body) -> bool:
    """Whether `own` has nothing (null, an empty criterion) where `fence` asks for something."""
    return any(
        key in own
        and (
            own[key] in (None, {})
            or (isinstance(own[key], dict) and isinstance(inner, dict) and _is_open(own[key], inner))
        )
        for key, inner in fence.items()
    )


def _question(path: str, body: Body) -> str:
    return f"{path} {json.dumps(body, sort_keys=True)}"


def _under(fence: Body, own: Body) -> Body:
    """`own` with what `fence` asks for beside it; where both use one operator, what `own` asks for."""
    merged = dict(fence)
    for key, value in own.items():
        merged[key] = _under(merged[key], value) if isinstance(merged.get(key), dict) and value else value
    return merged
