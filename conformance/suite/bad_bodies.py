"""Bodies that a query must refuse, made from what its document says of a legal one. Nothing is sent here.

Each differs from a legal body in one place, so that what refuses it can only be meant for that. Which are tried hangs
on names, not on the order in which a document has them: the same contract gets the same checks.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, TypeVar

from conformance.contract import Contract, Criterion, Filter, Query
from conformance.suite.check import Subjects
from conformance.suite.operands import NOBODY

Body = dict[str, Any]
Place = TypeVar("Place")

UNKNOWN = "no_such_key"
"""A key that no document has."""

WHOLE = ("body",)
"""The place of what is wrong with a body as a whole."""


@dataclass(frozen=True)
class Bad:
    """A body that must be refused, as it goes over the wire. `places` has to be named by who says where it is wrong.

    `shown` is the body as a failure shows it. `risky`: a server may well answer 500, and drop the connection.
    """

    shown: Any
    places: tuple[str, ...]
    content: bytes
    media: str = "application/json"
    risky: bool = False


@dataclass(frozen=True)
class Trial:
    """A query, a body that it takes, and some that it must not take."""

    query: Query
    legal: Body
    bad: tuple[Bad, ...]


Maker = Callable[[Contract, Query], Iterable[Bad]]

_FEW = 2
"""Bodies of one kind that a query is tried with which is not a collection's list."""

_READING = frozenset({"filter", "count", "counts", "count-by", "paginate", "history", "lateness"})
"""What the last fixed segment of a query is called that writes nothing: a body it takes by mistake does no harm."""

_HOUR = {"after_": "2031-05-01T12:00:00Z", "before_": "2031-05-01T13:00:00Z"}

_REQUIRED: Mapping[str, Any] = {
    "filter": {},
    "history_end": _HOUR["before_"],
    "history_interval": 600,
    "history_interval_seconds": 600,
    "history_start": _HOUR["after_"],
    "prefix": "conformance",
    # The one query that requires this key wants to know since when it is to count.
    "task_runs": {"start_time": _HOUR},
}
"""A legal value for each key that some query requires."""


def reading(contract: Contract) -> Mapping[str, Query]:
    """Every query that writes nothing, by its label."""
    return {label: query for label, query in contract.queries.items() if _fixed(query)[-1] in _READING}


def legal_body(contract: Contract, query: Query) -> Body:
    """A body that the query takes: what it requires, and a small page. Raises LookupError for a key without a value."""
    schema = contract.resolve(query.operation.body or {})
    body = {key: _REQUIRED[key] for key in schema.get("required", ())}
    if "history_interval" in body:
        # The document of 3.0 names this key, its server asks for another: which of them is wrong is no matter here.
        body["history_interval_seconds"] = _REQUIRED["history_interval_seconds"]
    return {**body, "limit": 1} if "limit" in query.properties else body


def with_bad(*makers: Maker) -> Subjects:
    """The reading queries that `makers` have bad bodies for, each with all of them."""

    def of(contract: Contract) -> Mapping[str, Trial]:
        trials = {
            label: Trial(
                query, legal_body(contract, query), tuple(bad for make in makers for bad in make(contract, query))
            )
            for label, query in reading(contract).items()
        }
        return {label: trial for label, trial in trials.items() if trial.bad}

    return of


def merged(one: Any, other: Any) -> Any:
    """`other` laid over `one`: objects key by key, anything else in its place."""
    if not isinstance(one, dict) or not isinstance(other, dict):
        return other
    return {**one, **{key: merged(one.get(key), value) for key, value in other.items()}}


# What is unknown


def unknown_sorts(contract: Contract, query: Query) -> Iterator[Bad]:
    """Sort keys that the enumeration lacks."""
    if query.sorts:
        sorts: tuple[Any, ...] = ("NO_SUCH_SORT_ASC", query.sorts[0].swapcase(), "", [query.sorts[0]])
        for sort in sorts:
            yield _json(contract, query, {"sort": sort}, "sort")


def unknown_criteria(contract: Contract, query: Query) -> Iterator[Bad]:
    """A criterion that no filter has, in each filter of which the document says that it has no others."""
    for _, filter_ in sorted(query.filters.items()):
        if closed(contract, filter_):
            yield _json(contract, query, _placed(filter_, {UNKNOWN: {"any_": [NOBODY]}}), UNKNOWN)


def unknown_operators(contract: Contract, query: Query) -> Iterator[Bad]:
    """An operator that no criterion has, in criteria of which the document says that they have no others."""
    name = "no_such_operator_"
    for filter_, criterion in _criteria(query):
        if criterion.path and closed(contract, filter_, criterion.path):
            difference = _placed(filter_, _within(criterion.path, {name: [NOBODY]}))
            yield _json(contract, query, difference, name)


def unknown_joins(contract: Contract, query: Query) -> Iterator[Bad]:
    """A word other than `and_` and `or_` wherever criteria or operators can be joined."""
    for filter_ in _main_first(query):
        places = sorted(filter_.combinable)
        for place in places if filter_ is main(query) and _lists(query) else places[:1]:
            for word in ("xor_", "AND_") if filter_ is main(query) and not place else ("xor_",):
                yield _json(contract, query, _placed(filter_, _within(place, {"operator": word})), "operator")


def unknown_keys(contract: Contract, query: Query) -> Iterator[Bad]:
    """Keys that the body lacks: a made-up one, and two of its own a letter off. In filters that are open, one too."""
    names = sorted(query.properties, key=lambda name: (name not in query.filters, name))
    near = (name.removesuffix("s") if name.endswith("s") else f"{name}s" for name in names)
    for key in (UNKNOWN, *islice(near, 2)):
        if key not in query.properties:
            yield _json(contract, query, {key: {"id": {"any_": [NOBODY]}}}, key)
    for _, filter_ in sorted(query.filters.items()):
        if not closed(contract, filter_):
            yield _json(contract, query, _placed(filter_, {UNKNOWN: [NOBODY]}), UNKNOWN)


# What has another type


def _placed(filter_: Filter, node: Body) -> Body:
    """A filter in a body: under its key, or as part of the body itself."""
    return {filter_.name: node} if filter_.name else node


def not_objects(contract: Contract, query: Query) -> Iterator[Bad]:
    """Something else where a filter is to stand, or a criterion."""
    return _in_place_of_objects(contract, query, ("id", ["id"], 1, True))


def empty_objects(contract: Contract, query: Query) -> Iterator[Bad]:
    """Something else that is empty where a filter is to stand, or a criterion."""
    return _in_place_of_objects(contract, query, ([], ""))


def _in_place_of_objects(contract: Contract, query: Query, values: Sequence[Any]) -> Iterator[Bad]:
    if (filter_ := main(query)) is None:
        return
    for value in _some(query, values) if filter_.name else ():
        yield _json(contract, query, {filter_.name: value}, filter_.name)
    placed = ((f, criterion) for f, criterion in _criteria(query) if criterion.path and f is main(query))
    for (_, criterion), some in _thinned(query, placed, values):
        for value in some:
            if isinstance(value, list) and criterion.path in filter_.repeatable:
                continue  # a list of such objects may stand there
            difference = _placed(filter_, _within(criterion.path, value))
            yield _json(contract, query, difference, criterion.path.rpartition(".")[2])


def not_lists(contract: Contract, query: Query) -> Iterator[Bad]:
    """One value, or an object, where a list of values is taken."""
    far: tuple[Any, ...] = (None, {}, {"red": 1}, 1, True)
    for (filter_, criterion, operator), others in _thinned(query, _cells(query, many=True), far):
        kind = criterion.operators[operator]
        one = {"uuid": NOBODY, "enum": kind.options[0] if kind.options else ""}.get(kind.kind, "red")
        # What is nearest to right comes first.
        for value in (one, *others[1:]):
            yield _at(contract, query, filter_, criterion, operator, value)


def of_kind(*kinds: str) -> Maker:
    """Values that are of another kind than the operators of these kinds take, one by one or in their lists."""

    def make(contract: Contract, query: Query) -> Iterator[Bad]:
        for number, (filter_, criterion, operator) in enumerate(_cells(query, kinds=kinds)):
            takes = criterion.operators[operator]
            values = wrong_values(takes.kind, takes.options)
            for value in values[:1] if number else _some(query, values):
                yield _at(contract, query, filter_, criterion, operator, [value] if takes.many else value)

    return make


def wrong_values(kind: str, options: tuple[Any, ...] = ()) -> list[Any]:
    """Values that are not of a kind of the grammar, however kindly they are read; the plainest first."""
    wrong: Mapping[str, list[Any]] = {
        "uuid": ["not-a-uuid", f"{NOBODY}0", NOBODY[:-1], NOBODY.replace("8", "g"), 1, {}],
        # No text of a date, no date of the calendar.
        "date-time": ["yesterday", "", "2023-02-30T00:00:00Z", "2023-01-01T25:00:00Z", {}],
        "boolean": ["maybe", "", 2, []],
        "enum": ["NO_SUCH_OPTION", *(option.swapcase() for option in options[:1]), {}, []],
        # Figures may be read as text.
        "string": [{}, []],
        "number": ["three", {}, []],
        "integer": ["three", {}, []],
        "array": ["red", {}, 1],
    }
    return [value for value in wrong.get(kind, []) if value not in options]


def huge_numbers(contract: Contract, query: Query) -> Iterator[Bad]:
    """Numbers that no machine word holds, where an operator takes an integer."""
    for filter_, criterion, operator in _cells(query, kinds=("integer",)):
        for value in (2**63, -(10**30)):
            yield replace(_at(contract, query, filter_, criterion, operator, value), risky=True)


def fractions(contract: Contract, query: Query) -> Iterator[Bad]:
    """A number with a fraction wherever an integer is taken."""
    for filter_, criterion, operator in _cells(query, kinds=("integer",)):
        yield _at(contract, query, filter_, criterion, operator, 1.5)
    for name, raw in sorted(contract.body_properties(query.operation.label).items()):
        if contract.resolve(raw).get("type") == "integer":
            yield _json(contract, query, {name: 1.5}, name)


def wrong_parameters(contract: Contract, query: Query) -> Iterator[Bad]:
    """Values of another type for the keys of the body that are no filters (a sort key is a rule of its own)."""
    for name, raw in sorted(contract.body_properties(query.operation.label).items()):
        schema = contract.resolve(raw)
        if name in query.filters or name == "sort":
            continue
        if "enum" in schema:
            values = wrong_values("enum", tuple(schema["enum"]))
        elif schema.get("format") in ("date-time", "uuid"):
            values = wrong_values(schema["format"])
        else:
            values = wrong_values(str(schema.get("type")))
        for value in _some(query, values):
            yield _json(contract, query, {name: value}, name)


# What is no JSON object


def not_a_body(contract: Contract, query: Query) -> Iterator[Bad]:
    """JSON, but no object."""
    for value in _some(query, [[], "flows", 1, [legal_body(contract, query)], True]):
        yield Bad(value, WHOLE, json.dumps(value).encode())


def malformed(contract: Contract, query: Query) -> Iterator[Bad]:
    """Almost JSON."""
    whole = json.dumps({"limit": 1, **legal_body(contract, query)})
    texts = (whole[:-1], f"{whole}}}", whole.replace('"', "'"), f"{whole[:-1]},}}")
    contents = (*(text.encode() for text in texts), b"\xff" + whole.encode())
    for content in _some(query, contents):
        yield Bad(content.decode("latin-1"), WHOLE, content)


def not_a_number(contract: Contract, query: Query) -> Iterator[Bad]:
    """Words for numbers that JSON lacks, and some readers of JSON know."""
    content = '{"limit": -Infinity}' if "limit" in query.properties else "NaN"
    yield Bad(content, WHOLE, content.encode(), risky=True)


_FOREIGN = ("text/plain", "application/x-www-form-urlencoded")


def foreign_media(contract: Contract, query: Query) -> Iterator[Bad]:
    """What is no JSON under labels that say so: refused for its label, or for what it is where that is read past."""
    for media in _some(query, _FOREIGN):
        yield Bad(f"{media}: {{", WHOLE, b"{", media)


def binary(contract: Contract, query: Query) -> Iterator[Bad]:
    """Bytes that are no text, labelled so."""
    yield Bad("application/octet-stream: \\xff\\xfe", WHOLE, b"\xff\xfe", "application/octet-stream", risky=True)


def one_of_each(contract: Contract, query: Query) -> Iterator[Bad]:
    """The first bad body of each kind: enough to see whether the refusals say where."""
    some: tuple[Maker, ...] = (unknown_criteria, not_objects, malformed)
    others: tuple[Maker, ...] = (
        unknown_sorts,
        unknown_operators,
        unknown_joins,
        not_lists,
        *map(of_kind, ("uuid", "date-time", "enum")),
        wrong_parameters,
        not_a_body,
    )
    for make in (*some, *others) if _lists(query) else some:
        if (first := next(iter(make(contract, query)), None)) is not None:
            yield first


# Whether an answer says where


def says_where(answer: Any, bad: Bad) -> bool:
    """Whether a decoded answer names every place of `bad`; what it only repeats of the body says nothing.

    That the body as a whole is wrong may be said in several words.
    """
    repeated = [*_containers(bad.shown), bad.content.decode("latin-1")]
    told = {word for text in _texts(answer, repeated) for word in _WORD.findall(text.casefold())}
    if bad.places == WHOLE:
        return not told.isdisjoint({"body", "json", "content", "media"})
    return {place.casefold() for place in bad.places} <= told


_WORD = re.compile(r"\w+")


def _containers(value: Any) -> Iterator[Any]:
    """The objects and lists in a JSON value that are not empty, itself included."""
    if isinstance(value, dict | list) and value:
        yield value
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _containers(inner)


def _texts(answer: Any, repeated: list[Any]) -> Iterator[str]:
    """The texts and keys in an answer, without what is repeated and the key that it is repeated under."""
    if answer in repeated:
        return
    if isinstance(answer, dict):
        for key, value in answer.items():
            found = list(_texts(value, repeated))
            yield from (key, *found) if found else ()
    elif isinstance(answer, list):
        for item in answer:
            yield from _texts(item, repeated)
    elif answer is not None:
        yield str(answer)


# The parts of a query


def closed(contract: Contract, filter_: Filter, path: str = "") -> bool:
    """Whether the document says that a filter, or the criterion at `path` in it, has no keys but those it lists."""
    node: Mapping[str, Any] = contract.document["components"]["schemas"][filter_.schema]
    for step in path.split(".") if path else ():
        node = contract.resolve(node["properties"][step])
    return node.get("additionalProperties") is False


def main(query: Query) -> Filter | None:
    """The filter of the collection that is asked for; the others are of related ones."""
    named = (segment for segment in reversed(query.name.split("/")) if segment in query.filters)
    return query.filters.get(next(named, min(query.filters, default="")))


def _lists(query: Query) -> bool:
    """Whether the query is a collection's list: what else takes the same filter is tried with fewer bodies."""
    return query.verb == "filter"


def _main_first(query: Query) -> list[Filter]:
    """The main filter; of a list, each other after it."""
    filters = sorted(query.filters.values(), key=lambda filter_: (filter_ is not main(query), filter_.name))
    return filters if _lists(query) else filters[:1]


def _criteria(query: Query) -> Iterator[tuple[Filter, Criterion]]:
    """Every criterion of a list's main filter, and one of each other; of any other query, one of its main filter."""
    for filter_ in _main_first(query):
        for number, (_, criterion) in enumerate(sorted(filter_.criteria.items())):
            if number == 0 or (filter_ is main(query) and _lists(query)):
                yield filter_, criterion


def _thinned(query: Query, places: Iterable[Place], values: Sequence[Any]) -> Iterator[tuple[Place, Sequence[Any]]]:
    """All values for the first place of a list, some for that of any other query, and one for each other place."""
    for number, place in enumerate(places):
        yield place, values[:1] if number else _some(query, values)


def _some(query: Query, values: Sequence[Any]) -> Sequence[Any]:
    """The values to try: for a collection's list all of them."""
    return values if _lists(query) else values[:_FEW]


def _cells(
    query: Query, *, kinds: tuple[str, ...] | None = None, many: bool | None = None
) -> Iterator[tuple[Filter, Criterion, str]]:
    """The operators of a list's main filter that take what is asked for; of any other query, the first one."""
    filter_ = main(query)
    if filter_ is None:
        return
    found = (
        (filter_, criterion, operator)
        for _, criterion in sorted(filter_.criteria.items())
        for operator, takes in sorted(criterion.operators.items())
        if (kinds is None or takes.kind in kinds) and (many is None or takes.many is many)
    )
    yield from found if _lists(query) else islice(found, 1)


def _at(contract: Contract, query: Query, filter_: Filter, criterion: Criterion, operator: str, value: Any) -> Bad:
    last = criterion.path.rpartition(".")[2]
    places = tuple(place for place in (last, operator) if place)
    return _json(contract, query, _placed(filter_, _within(criterion.path, {operator: value})), *places)


def _within(path: str, value: Any) -> Any:
    """A filter with `value` at `path`; the value itself where the path is empty."""
    for step in reversed(path.split(".") if path else ()):
        value = {step: value}
    return value


def _json(contract: Contract, query: Query, difference: Body, *places: str) -> Bad:
    body = merged(legal_body(contract, query), difference)
    return Bad(body, places, json.dumps(body).encode())


def _fixed(query: Query) -> list[str]:
    return [segment for segment in query.operation.segments if not segment.startswith("{")]
