"""Which part of a request makes the server fail: found by exchanging one part of an accepted request after the other.

A request that passes takes the server a hundredth of a second, one that it fails on fifty times that. So a single
cause is supposed first: each part of the failing request by itself in an accepted one, until one fails.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from conformance.contract import Contract, Operation
from conformance.contract.schemas import Schema
from conformance.suite.fuzz.kinds import fitting, kind, lowest, options
from conformance.suite.fuzz.parts import ABSENT, Parts

_MOST_FAILURES = 6
"""Failing trials after which what is known by then is what is told."""

_MOST_TRIALS = 80

_MOST_KNOWN = 8
"""Causes that are looked for in one operation: what fails beyond them is told as one."""

_MOST_ITEMS = 16
"""Items of a list, and keys of an object without documented ones, that are tried singly."""

ANY_KEY = "*"
ANY_ITEM = "[]"


@dataclass(frozen=True)
class Cause:
    """A place in a request (`("body", "state", "data")`) and the kind of value there that makes the server fail.

    `*` stands for a key that no document names and `[]` for an item of a list, so that it is the same in any run.
    """

    where: tuple[str, ...]
    kind: str

    def __str__(self) -> str:
        return f"{'.'.join(self.where).replace(f'.{ANY_ITEM}', ANY_ITEM)} {self.kind}"


Causes = tuple[Cause, ...]
"""What makes the server fail when it comes together."""

WHATEVER: Causes = (Cause(("request",), "whatever is sent"),)
EARLIER: Causes = (Cause(("request",), "after others"),)
MORE: Causes = (Cause(("request",), "and more"),)
WHOLE: Causes = (Cause(("request",), "as a whole"),)

Put = Callable[[Any], bool]
"""Sends a request with that value in one place; whether the server failed."""


class Search:
    """One search for what makes `operation` fail.

    `fails` sends a request and says whether the server failed on it. `legal` makes an accepted request, with new
    names and a member of its own each time.
    """

    def __init__(
        self, contract: Contract, operation: Operation, fails: Callable[[Parts], bool], legal: Callable[[], Parts]
    ) -> None:
        self._contract = contract
        self._operation = operation
        self._ask = fails
        self._legal = legal
        self._failures = 0
        self._trials = 0

    def causes(self, parts: Parts, aimed: bool) -> Causes:
        """What it is in `parts`, a request that failed. `aimed`: its path names a member that exists."""
        if self._fails(self._legal()):
            return WHATEVER
        found = (() if aimed else self._in_path(parts)) or self._in_query(parts) or self._in_body(parts)
        return found or (WHOLE if self._fails(parts) else EARLIER)

    def _in_path(self, parts: Parts) -> Causes:
        names = [name for name in self._operation.placeholders if name in parts.path]
        for name in names:
            if self._fails(_with_path(self._legal(), {name: parts.path[name]})):
                return (Cause(("path", name), kind(parts.path[name])),)
        if len(names) > 1 and self._fails(_with_path(self._legal(), parts.path)):
            return tuple(Cause(("path", name), kind(parts.path[name])) for name in names)
        return ()

    def _in_query(self, parts: Parts) -> Causes:
        for name, values in parts.query.items():
            legal = self._legal()
            if legal.query.get(name) == values:
                continue
            if self._fails(replace(legal, query={**legal.query, name: values})):
                known = any(p.where == "query" and p.name == name for p in self._operation.parameters)
                return (Cause(("query", name if known else ANY_KEY), kind(values[0])),)
        return ()

    def _in_body(self, parts: Parts) -> Causes:
        def put(value: Any) -> bool:
            return self._fails(replace(self._legal(), body=value))

        return self._narrowed(("body",), parts.body, self._operation.body or {}, lambda: self._legal().body, put)

    def _narrowed(
        self, where: tuple[str, ...], value: Any, schema: Schema, legal: Callable[[], Any], put: Put
    ) -> Causes:
        """What it is in `value`, which stands at `where`. Nothing if the server does not fail on it there.

        `legal` makes what may stand there instead, ABSENT where nothing needs to.
        """
        option = fitting(self._contract, schema, value) if isinstance(value, dict | list) else {}
        if isinstance(value, dict) and value:
            return self._in_object(where, value, option, legal, put)
        if isinstance(value, list) and value:
            return self._in_list(where, value, option, legal, put)
        if len(where) > 1 or put(value):
            return (Cause(where, self._kind(value, schema)),)
        return ()

    def _kind(self, value: Any, schema: Schema) -> str:
        """The kind of a value; of a closed set of texts, which of them it is."""
        listed = (option.get("enum", ()) for option in options(self._contract, schema))
        return value if isinstance(value, str) and any(value in texts for texts in listed) else kind(value)

    def _in_object(
        self, where: tuple[str, ...], value: Mapping[str, Any], option: Schema, legal: Callable[[], Any], put: Put
    ) -> Causes:
        properties = option.get("properties", {})

        def rest() -> dict[str, Any]:
            known = legal()
            return known if isinstance(known, dict) else lowest(self._contract, option)

        if not isinstance(legal(), dict) and put(rest()):
            return (Cause(where, "object"),)
        named = [name for name in value if name in properties]
        others = [name for name in value if name not in properties][:_MOST_ITEMS]
        for name in (*named, *others):
            if put({**rest(), name: value[name]}):
                step = name if name in properties else ANY_KEY
                return self._narrowed((*where, step), value[name], properties.get(name, {}), *_within(name, rest, put))
        for name in rest():
            if name not in value and put({key: inner for key, inner in rest().items() if key != name}):
                return (Cause((*where, name), kind(ABSENT)),)
        return self._together(where, value, properties, rest, put)

    def _in_list(
        self, where: tuple[str, ...], value: Sequence[Any], option: Schema, legal: Callable[[], Any], put: Put
    ) -> Causes:
        if put([]):
            return (Cause(where, "array"),)

        def item() -> Any:
            known = legal()
            return known[0] if isinstance(known, list) and known else ABSENT

        schema = option.get("items", {})
        for one in value[:_MOST_ITEMS]:
            if put([one]):
                return self._narrowed((*where, ANY_ITEM), one, schema, item, lambda inner: put([inner]))
        return (Cause(where, "array"),) if len(where) > 1 or put(value) else ()

    def _together(
        self,
        where: tuple[str, ...],
        value: Mapping[str, Any],
        properties: Mapping[str, Schema],
        rest: Callable[[], dict[str, Any]],
        put: Put,
    ) -> Causes:
        """The properties that make the server fail only when they come together."""
        # A name that the failing request has used up would make a conflict of this one.
        known = rest()
        kept = {name: inner for name, inner in value.items() if not kind(known.get(name)) == kind(inner) == "text"}
        if not put({**rest(), **kept}):
            # Where a part of it failed before, what that part has in it could not be told from all of it.
            return (Cause(where, "object"),) if len(where) > 1 else ()
        for name in list(kept):
            fewer = {key: inner for key, inner in kept.items() if key != name}
            if fewer and put({**rest(), **fewer}):
                kept = fewer
        return tuple(
            Cause((*where, name if name in properties else ANY_KEY), self._kind(inner, properties.get(name, {})))
            for name, inner in kept.items()
        )

    def _fails(self, parts: Parts) -> bool:
        if self._failures >= _MOST_FAILURES or self._trials >= _MOST_TRIALS:
            return False
        self._trials += 1
        failed = self._ask(parts)
        self._failures += failed
        return failed


def _within(name: str, rest: Callable[[], dict[str, Any]], put: Put) -> tuple[Callable[[], Any], Put]:
    """What may stand in the property `name` of an object instead, and what puts something there."""
    return lambda: rest().get(name, ABSENT), lambda inner: put({**rest(), name: inner})


def _with_path(parts: Parts, values: Mapping[str, str]) -> Parts:
    return replace(parts, path={**parts.path, **values})


# What is known


class Culprits:
    """What is known to make one operation fail. `legal` makes an accepted request."""

    def __init__(self, contract: Contract, operation: Operation, legal: Callable[[], Parts]) -> None:
        self._contract = contract
        self.operation = operation
        self._legal = legal
        self._known: list[Causes] = []

    def found_by(self, fails: Callable[[Parts], bool], parts: Parts, aimed: bool) -> Causes:
        """What makes `parts` fail, to be left out from now on. `fails` sends a request."""
        if len(self._known) >= _MOST_KNOWN:
            return MORE
        causes = Search(self._contract, self.operation, fails, self._legal).causes(parts, aimed)
        self._known.append(causes)
        return causes

    def left_out(self, parts: Parts) -> Parts:
        """`parts` without what is known to fail; `parts` itself where nothing of it is."""
        for causes in self._known:
            if occur(parts, causes):
                parts = without(parts, causes, self._legal())
        return parts


def occur(parts: Parts, causes: Causes) -> bool:
    """Whether all of `causes` are in a request."""
    return all(_occurs(parts, cause) for cause in causes)


def without(parts: Parts, causes: Causes, legal: Parts) -> Parts:
    """`parts` with something accepted in place of the first of `causes`."""
    first = causes[0]
    match first.where[0]:
        case "path":
            return _with_path(parts, {name: legal.path[name] for name in first.where[1:] if name in legal.path})
        case "query":
            kept = {name: v for name, v in parts.query.items() if not _named(first.where[1], name, v[0], first.kind)}
            return replace(parts, query={**kept, **legal.query})
        case "body":
            body = _exchanged(parts.body, first.where[1:], first.kind, legal.body)
            return replace(parts, body=body)
    return parts


def _occurs(parts: Parts, cause: Cause) -> bool:
    match cause.where[0]:
        case "path":
            return any(kind(parts.path.get(name, ABSENT)) == cause.kind for name in cause.where[1:])
        case "query":
            return any(_named(cause.where[1], name, values[0], cause.kind) for name, values in parts.query.items())
        case "body":
            return any(_matches(found, cause.kind) for found in _at(parts.body, cause.where[1:]))
    return False


def _named(wanted: str, name: str, value: Any, kind_: str) -> bool:
    return wanted in (name, ANY_KEY) and kind(value) == kind_


def _matches(value: Any, kind_: str) -> bool:
    """Whether a value is of that kind; an empty list is a list as well."""
    if isinstance(value, str) and value == kind_:
        return True
    return kind(value).removeprefix("empty ") == kind_.removeprefix("empty ") if kind_ else False


def _at(value: Any, where: Sequence[str]) -> Iterator[Any]:
    """The values at a place, of which there may be several."""
    if not where:
        yield value
    elif where[0] == ANY_ITEM:
        for item in value if isinstance(value, list) else ():
            yield from _at(item, where[1:])
    elif isinstance(value, dict):
        for name in value if where[0] == ANY_KEY else where[:1]:
            yield from _at(value.get(name, ABSENT), where[1:])


def _exchanged(value: Any, where: Sequence[str], kind_: str, legal: Any) -> Any:
    """`value` with `legal`, or nothing, in each place of that kind at `where`."""
    if not where:
        return legal if _matches(value, kind_) else value
    if where[0] == ANY_ITEM and isinstance(value, list):
        item = legal[0] if isinstance(legal, list) and legal else ABSENT
        changed = [_exchanged(inner, where[1:], kind_, item) for inner in value]
        return [inner for inner in changed if inner is not ABSENT]
    if isinstance(value, dict):
        known = legal if isinstance(legal, dict) else {}
        names = list(value) if where[0] == ANY_KEY else [where[0]]
        changed_ = {
            **value,
            **{name: _exchanged(value.get(name, ABSENT), where[1:], kind_, known.get(name, ABSENT)) for name in names},
        }
        return {name: inner for name, inner in changed_.items() if inner is not ABSENT}
    return value
