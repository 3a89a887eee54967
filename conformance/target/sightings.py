"""What a process has seen of the contract's surface in its own exchanges.

It is asked about every exchange of a run, tens of thousands of them: what has been seen once is not looked for again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

from conformance.contract import Contract
from conformance.contract.formats import FORMATS
from conformance.contract.media import is_json, media_type
from conformance.contract.places import Place
from conformance.contract.surface import Face, face
from conformance.target.journal import Exchange

_LARGEST: Final = 1 << 20
"""Bytes of a body that is still read: a larger one tells nothing that smaller ones don't."""

_KEPT: Final = 4096
"""Bodies of which is remembered that they have been read; servers give the same small answers over and over."""


class Sightings:
    """Which items of the surface have been seen. One of each process; `take` hands over what is new since last asked.

    A parameter is seen when a request names it, whatever the answer; a field of an answer when it comes with a value:
    servers that send every field every time, with null for none, would have shown all of them with the first answer.
    """

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self._open: dict[str, _Open] = {}
        self._new: dict[str, list[int]] = {}

    def observe(self, exchange: Exchange) -> None:
        """Take in one exchange. What is no operation of the contract says nothing of its surface."""
        label = exchange.operation
        if label is None or label not in self._contract.operations:
            return
        if label not in self._open:
            self._open[label] = _Open(face(self._contract, label))
        if seen := self._open[label].see(exchange):
            self._new.setdefault(label, []).extend(seen)

    def take(self) -> dict[str, list[int]]:
        """Operation -> numbers of the items that were first seen since the last time, fit for JSON."""
        taken = {label: sorted(numbers) for label, numbers in self._new.items()}
        self._new.clear()
        return taken


class _Node:
    """A place of a body that is still looked for, or has some below it. What was seen is taken out of it."""

    __slots__ = ("extra", "fields", "formats", "items", "named", "number", "values")

    def __init__(self, place: Place) -> None:
        self.number = place.number
        self.named = frozenset(place.fields)
        self.fields = {name: node for name, below in place.fields.items() if not (node := _Node(below)).done}
        self.items = _open(place.items)
        self.extra = _open(place.extra)
        numbers = iter(place.numbers)
        self.values = list(zip(place.values, numbers, strict=False))
        self.formats = list(zip(place.formats, numbers, strict=False))

    @property
    def done(self) -> bool:
        """Whether nothing is looked for here any more."""
        here = self.number is not None or self.values or self.formats
        return not (here or self.fields or self.items is not None or self.extra is not None)

    def look(self, value: Any, seen: list[int], *, nulls: bool) -> None:
        """Enter in `seen` what `value` shows. `nulls`: a null counts as a value."""
        if value is None and not nulls:
            return
        if self.number is not None:
            seen.append(self.number)
            self.number = None
        if isinstance(value, dict):
            self._look_into(value, seen, nulls=nulls)
        elif isinstance(value, list):
            for inner in value:
                if self.items is None:
                    break
                self.items.look(inner, seen, nulls=nulls)
                if self.items.done:
                    self.items = None
        else:
            self.look_at(value, seen)

    def _look_into(self, value: Mapping[str, Any], seen: list[int], *, nulls: bool) -> None:
        # What is found is taken out of `fields` on the way.
        for name in [name for name in self.fields if name in value]:
            node = self.fields[name]
            node.look(value[name], seen, nulls=nulls)
            if node.done:
                del self.fields[name]
        if self.extra is not None:
            for name, inner in value.items():
                if name not in self.named:
                    self.extra.look(inner, seen, nulls=nulls)
            if self.extra.done:
                self.extra = None

    def look_at(self, value: Any, seen: list[int]) -> None:
        """Enter which of the place's values and formats this one is."""
        if self.values:
            for known in self.values:
                # True is 1 to Python, and not to JSON.
                if known[0] == value and isinstance(known[0], bool) is isinstance(value, bool):
                    seen.append(known[1])
                    self.values.remove(known)
                    break
        if self.formats and isinstance(value, str):
            for kind, number in [known for known in self.formats if FORMATS[known[0]](value)]:
                seen.append(number)
                self.formats.remove((kind, number))

    def look_at_text(self, text: str, seen: list[int]) -> None:
        """The same for a value that stands in a URL or a header, where all is text."""
        if self.number is not None:
            seen.append(self.number)
            self.number = None
        for node in (self, self.items):
            if node is not None:
                node.look_at(text, seen)
                for value, _ in [known for known in node.values if not isinstance(known[0], str)]:
                    if json.dumps(value) == text:
                        node.look_at(value, seen)


def _open(place: Place | None) -> _Node | None:
    node = None if place is None else _Node(place)
    return None if node is None or node.done else node


class _Open:
    """What is still looked for of one operation."""

    def __init__(self, known: Face) -> None:
        self._first = True
        self._request_types = dict(known.request_types)
        self._response_types = dict(known.response_types)
        self._classes = dict(known.classes)
        self._codes = dict(known.codes)
        self._body = _open(known.body)
        self._answers = {status: node for status, place in known.answers.items() if (node := _open(place))}
        self._documented = frozenset(known.operation.answers)
        self._parameters = {key: _Node(place) for key, place in known.parameters.items()}
        names = known.operation.placeholders
        fixed = re.split(r"\{[^{}]+\}", known.operation.path)
        self._path = (names, re.compile("([^/]+)".join(map(re.escape, fixed)) + r"\Z"))
        self._read: set[tuple[str, int]] = set()

    def see(self, exchange: Exchange) -> list[int]:
        """The numbers of the items that the exchange is the first to show."""
        seen: list[int] = []
        if self._first:
            self._first = False
            seen.append(0)
        status = str(exchange.status)
        seen += _taken(self._classes, f"{status[0]}xx")
        for code in (status, f"{status[0]}XX"):
            if code in self._documented:
                seen += _taken(self._codes, code)
                break
        sent, got = (_media(headers) for headers in (exchange.request_headers, exchange.response_headers))
        if exchange.request_body:
            seen += _matching(self._request_types, sent)
            if self._body is not None and is_json(sent):
                self._look_into(self._body, "", exchange.request_body, seen)
                if self._body.done:
                    self._body = None
        if exchange.response_body:
            seen += _matching(self._response_types, got)
            if self._answers and is_json(got):
                self._see_answer(exchange, seen)
        if self._parameters:
            self._see_parameters(exchange, seen)
        return seen

    def _see_answer(self, exchange: Exchange, seen: list[int]) -> None:
        status = str(exchange.status)
        # As Operation.answer: the one that is documented for it best.
        best = next((key for key in (status, f"{status[0]}XX", "default") if key in self._documented), None)
        node = self._answers.get(best) if best is not None else None
        if best is None or node is None:
            return
        self._look_into(node, best, exchange.response_body, seen)
        if node.done:
            del self._answers[best]

    def _look_into(self, node: _Node, status: str, body: bytes, seen: list[int]) -> None:
        """Read a body: that of an answer, or without a status that of the request."""
        if len(body) > _LARGEST:
            return
        # The same bytes show the same things; a collision would only leave something unseen.
        key = (status, hash(body))
        if key in self._read:
            return
        if len(self._read) < _KEPT:
            self._read.add(key)
        try:
            value = json.loads(body)
        except (ValueError, RecursionError):
            return
        node.look(value, seen, nulls=not status)

    def _see_parameters(self, exchange: Exchange, seen: list[int]) -> None:
        parts = urlsplit(exchange.url)
        given: list[tuple[str, str, str]] = []
        names, pattern = self._path
        if names and (found := pattern.search(parts.path)):
            given += [("path", name, unquote(text)) for name, text in zip(names, found.groups(), strict=True)]
        if parts.query:
            given += [("query", name, text) for name, text in parse_qsl(parts.query, keep_blank_values=True)]
        for name, text in exchange.request_headers.items():
            given.append(("header", name.lower(), text))
            if name.lower() == "cookie":
                pairs = (pair.partition("=") for pair in text.split(";"))
                given += [("cookie", name.strip(), value.strip()) for name, _, value in pairs]
        for where, name, text in given:
            node = self._parameters.get((where, name))
            if node is not None:
                node.look_at_text(text, seen)
                if node.done:
                    del self._parameters[where, name]


def _media(headers: Mapping[str, str]) -> str:
    return media_type(headers.get("content-type") or headers.get("Content-Type") or "")


def _taken(known: dict[str, int], name: str) -> list[int]:
    return [known.pop(name)] if name in known else []


def _matching(known: dict[str, int], media: str) -> list[int]:
    """The documented media types that this one is: itself, or a range of them (`text/*`)."""
    if not known:
        return []
    return [number for name in (media, f"{media.partition('/')[0]}/*", "*/*") for number in _taken(known, name)]
