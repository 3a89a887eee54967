"""How much of the filter grammar a run has judged: each operator of each criterion, and each related collection.

The grammar is told first (`Tally.know`), then what was counted, by any number of processes (`Tally.add`); what
comes out (`Tally.grammar`) names all that was never judged.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from conformance.verdicts.model import Line, Subject, one_line


class State(StrEnum):
    """What became of one part of the grammar.

    `left-out`: only other parts were asked for. `deprecated`: the document says so; such a part may be ignored
    by a server, and is not judged. `unknown`: the suite has no meaning for it.
    """

    COVERED = "covered"
    UNCOVERED = "uncovered"
    LEFT_OUT = "left-out"
    DEPRECATED = "deprecated"
    UNKNOWN = "unknown"


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Part(_Model):
    """Something of the grammar that can be asked of a collection."""

    collection: Subject
    state: State

    @property
    def name(self) -> str:
        """As verdicts name it."""
        raise NotImplementedError


class Cell(Part):
    """One operator of one criterion. `criterion` is empty where the filter itself has the operator.

    `hit`, `miss` and `null` are the questions that some record satisfied, that some record did not, and that met
    a record without a value there; `nullable`, whether a record can be without one.
    """

    criterion: Line
    operator: Line
    nullable: bool
    hit: int = Field(default=0, ge=0)
    miss: int = Field(default=0, ge=0)
    null: int = Field(default=0, ge=0)

    @property
    def name(self) -> str:
        """`flow_runs.start_time.before_`."""
        return ".".join(part for part in (self.collection, self.criterion, self.operator) if part)

    @property
    def lacks(self) -> tuple[str, ...]:
        """Which of hit, miss and null no question has had, where there can be one."""
        wanted = {"hit": self.hit, "miss": self.miss} | ({"null": self.null} if self.nullable else {})
        return tuple(aspect for aspect, questions in wanted.items() if not questions)


class Pair(Part):
    """A collection that can be asked by a related one; `questions` are those that name it, alone or with others."""

    by: Line
    questions: int = Field(default=0, ge=0)

    @property
    def name(self) -> str:
        """`flows by flow_runs`."""
        return one_line(f"{self.collection} by {self.by}")


class Combination(_Model):
    """Related collections that one question named together. `by` is sorted."""

    collection: Subject
    by: tuple[Line, ...] = Field(min_length=1)
    questions: int = Field(ge=1)


class Gap(_Model):
    """Something that was to be judged and was not. `lacks` is empty where that is a related collection."""

    name: Subject
    lacks: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.name} ({', '.join(self.lacks)})" if self.lacks else self.name


class Totals(_Model):
    """How many cells and how many pairs are in each state."""

    cells: Mapping[State, int]
    related: Mapping[State, int]


class Grammar(_Model):
    """The grammar of the contract and what of it was judged. `unknown` also names whole queries (`POST /x/filter`)."""

    cells: tuple[Cell, ...] = ()
    related: tuple[Pair, ...] = ()
    combinations: tuple[Combination, ...] = ()
    uncovered: tuple[Gap, ...] = ()
    unknown: tuple[Subject, ...] = ()
    totals: Totals

    @property
    def asked(self) -> bool:
        """Whether anything of it was to be judged: there is something to tell of it."""
        states = {part.state for part in (*self.cells, *self.related)}
        return bool(states & {State.COVERED, State.UNCOVERED} or (self.unknown and State.LEFT_OUT not in states))


def derive(
    cells: Sequence[Cell], related: Sequence[Pair], combinations: Sequence[Combination], unknown: Iterable[str]
) -> Grammar:
    """The grammar with all that follows from its parts: totals, and what is uncovered."""
    gaps = [Gap(name=cell.name, lacks=cell.lacks) for cell in cells if cell.state is State.UNCOVERED]
    gaps += [Gap(name=pair.name) for pair in related if pair.state is State.UNCOVERED]
    return Grammar(
        cells=tuple(cells),
        related=tuple(related),
        combinations=tuple(combinations),
        uncovered=tuple(gaps),
        unknown=tuple(unknown),
        totals=Totals(cells=_states(cells), related=_states(related)),
    )


def contradictions(grammar: Grammar) -> Iterator[str]:
    """Where one part of a grammar does not follow from another, a line each."""
    names = Counter(part.name for part in (*grammar.cells, *grammar.related))
    names.update(f"{asked.collection} by {' and '.join(asked.by)}, combined" for asked in grammar.combinations)
    yield from (f"{name} stands {number} times" for name, number in names.items() if number > 1)
    for cell in grammar.cells:
        yield from _misjudged(cell, covered=not cell.lacks)
    questions = _questions(grammar.combinations)
    for pair in grammar.related:
        yield from _misjudged(pair, covered=bool(pair.questions))
        if (told := questions.pop((pair.collection, pair.by), 0)) != pair.questions:
            yield f"{pair.name} has {pair.questions} questions, and its combinations have {told}"
    yield from (f"{collection} was asked by {by}, which the grammar lacks" for collection, by in questions)
    for combination in grammar.combinations:
        if list(combination.by) != sorted(set(combination.by)):
            yield f"{combination.collection} by {' and '.join(combination.by)} is not sorted"
    yield from (
        f"{part.name} is {part.state}, and {'' if part.name in grammar.unknown else 'not '}among the unknown"
        for part in (*grammar.cells, *grammar.related)
        if (part.state is State.UNKNOWN) is not (part.name in grammar.unknown)
    )
    due = derive(grammar.cells, grammar.related, grammar.combinations, grammar.unknown)
    if grammar.uncovered != due.uncovered:
        yield "the uncovered parts are not those of the grammar"
    if grammar.totals != due.totals:
        yield "the totals of the grammar are not those of its parts"


def _misjudged(part: Part, *, covered: bool) -> Iterator[str]:
    if part.state in ((State.UNCOVERED, State.LEFT_OUT) if covered else (State.COVERED,)):
        yield f"{part.name} is {part.state}, and its questions say otherwise"


def _states(parts: Sequence[Part]) -> dict[State, int]:
    found = Counter(part.state for part in parts)
    return {state: found[state] for state in State}


def _questions(combinations: Iterable[Combination]) -> Counter[tuple[str, str]]:
    """How many questions name each related collection, by the collection that is asked and the related one."""
    questions: Counter[tuple[str, str]] = Counter()
    for combination in combinations:
        for by in combination.by:
            questions[combination.collection, by] += combination.questions
    return questions


@dataclass
class Tally:
    """Counts what is judged of a grammar. `checked` are the subjects that a check of the suite decides by itself."""

    _cells: dict[str, Cell] = field(default_factory=dict)
    _pairs: dict[str, Pair] = field(default_factory=dict)
    _unknown: dict[str, None] = field(default_factory=dict)
    _checked: frozenset[str] = frozenset()
    _counts: dict[str, Counter[str]] = field(default_factory=dict)
    _combined: Counter[tuple[str, tuple[str, ...]]] = field(default_factory=Counter)

    def know(
        self, cells: Iterable[Cell], pairs: Iterable[Pair], unknown: Iterable[str], checked: Collection[str]
    ) -> None:
        """Take in the grammar. What has to be judged comes as uncovered."""
        # Names come from a server's document: two that only differ in what one line can't hold are one.
        self._cells = {cell.name: cell for cell in cells}
        self._pairs = {pair.name: pair for pair in pairs}
        parts: dict[str, Part] = {**self._cells, **self._pairs}
        whole = [name for name in map(one_line, unknown) if name and name not in parts]
        self._unknown = dict.fromkeys([*whole, *(name for name in parts if parts[name].state is State.UNKNOWN)])
        self._checked = frozenset(map(one_line, checked))

    def add(self, counted: Mapping[str, Any]) -> Iterator[str]:
        """Take in what a process has counted: `{"cells": {name: {"hit": n, …}}, "related": [[flows, [runs], n], …]}`.

        Yields a line for each name that the grammar does not have; such a one is not counted.
        """
        for raw, counts in counted["cells"].items():
            if (name := one_line(raw)) in self._cells:
                self._counts.setdefault(name, Counter()).update(counts)
            else:
                yield f"{name} was judged, and the grammar has no such cell"
        for collection, related, questions in counted["related"]:
            by = tuple(sorted(set(map(one_line, related))))
            if strangers := [key for key in by if one_line(f"{collection} by {key}") not in self._pairs]:
                yield f"{collection} was asked by {' and '.join(strangers)}, which the grammar has not"
            else:
                self._combined[collection, by] += questions

    def grammar(self, planned: Collection[str] | None) -> Grammar:
        """What was judged. `planned` are the subjects of the run's checks, None where it does all there are."""
        left_out = self._checked.difference(planned) if planned is not None else frozenset()
        # Leaving out the fuzz leaves the grammar whole.
        narrowed = not left_out.isdisjoint({*self._cells, *self._pairs})

        def state(part: Part, *, covered: bool) -> State:
            if part.state is not State.UNCOVERED:
                return part.state
            if covered:
                return State.COVERED
            return State.LEFT_OUT if narrowed and part.name not in (planned or ()) else State.UNCOVERED

        cells = []
        for name, cell in self._cells.items():
            counts = {aspect: self._counts.get(name, Counter())[aspect] for aspect in ("hit", "miss", "null")}
            judged = cell.model_copy(update=counts)
            cells.append(judged.model_copy(update={"state": state(judged, covered=not judged.lacks)}))
        combinations = [
            Combination(collection=collection, by=by, questions=questions)
            for (collection, by), questions in sorted(self._combined.items())
        ]
        questions = _questions(combinations)
        pairs = []
        for pair in self._pairs.values():
            asked = questions[pair.collection, pair.by]
            pairs.append(pair.model_copy(update={"questions": asked, "state": state(pair, covered=asked > 0)}))
        return derive(cells, pairs, combinations, self._unknown)
