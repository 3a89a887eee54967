"""What makes a server fail is found by few requests, told in the same words for any value of a kind, and left out."""

from collections.abc import Callable
from typing import Any

import pytest

from conformance.contract import Contract
from conformance.suite.fuzz.blame import EARLIER, WHATEVER, Cause, Culprits
from conformance.suite.fuzz.kinds import kind
from conformance.suite.fuzz.parts import ABSENT, Parts, put_together, taken_apart

TEXT = {"type": "string"}
STATE = {"type": "object", "required": ["type"], "properties": {"type": {"enum": ["A", "B"]}, "data": {}, "note": TEXT}}
BODY = {
    "type": "object",
    "required": ["name"],
    "properties": {
        "name": TEXT,
        "limit": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
        "state": {"anyOf": [{"$ref": "#/components/schemas/State"}, {"type": "null"}]},
        "labels": {"type": "object"},
        "rows": {"type": "array", "items": {"type": "object", "properties": {"level": {"type": "integer"}}}},
    },
}
ID = {"name": "id", "in": "path", "required": True, "schema": TEXT}
REQUEST = {"content": {"application/json": {"schema": BODY}}}
CONTRACT = Contract(
    {
        "openapi": "3.1.0",
        "info": {"title": "t", "version": "1"},
        "paths": {"/things/{id}": {"patch": {"parameters": [ID], "requestBody": REQUEST, "responses": {}}}},
        "components": {"schemas": {"State": STATE}},
    }
)
CHANGE = CONTRACT.operations["PATCH /things/{id}"]
Server = Callable[[Parts], bool]


class Trials:
    """A server that fails on what `broken` says, and the search for it."""

    def __init__(self, broken: Server) -> None:
        self.broken = broken
        self.sent = 0
        self.failed = 0
        self.made = 0
        self.culprits = Culprits(CONTRACT, CHANGE, self.legal)

    def legal(self) -> Parts:
        self.made += 1
        return Parts({"id": "real"}, {}, {"name": f"new-{self.made}"})

    def fails(self, parts: Parts) -> bool:
        self.sent += 1
        failed = self.broken(parts)
        self.failed += failed
        return failed

    def causes(self, body: Any, path: str = "real") -> list[str]:
        parts = Parts({"id": path}, {}, body)
        return list(map(str, self.culprits.found_by(self.fails, parts, aimed=path == "real")))


def field(*names: str) -> Callable[[Parts], Any]:
    def read(parts: Parts) -> Any:
        value = parts.body
        for name in names:
            value = value.get(name, ABSENT) if isinstance(value, dict) else ABSENT
        return value

    return read


@pytest.mark.parametrize(
    ("broken", "body", "expected"),
    [
        (lambda p: field("limit")(p) is None, {"name": "x", "limit": None, "labels": {}}, ["body.limit null"]),
        (
            lambda p: field("state", "data")(p) is not ABSENT,
            {"name": "x", "limit": 1, "state": {"type": "A", "note": "n", "data": [1]}},
            ["body.state.data array"],
        ),
        (
            lambda p: any(r.get("level", 0) > 2**63 for r in p.body.get("rows", ())),
            {"name": "x", "rows": [{"level": 1}, {"level": 2**70}]},
            ["body.rows[].level huge number"],
        ),
        (
            lambda p: isinstance(labels := field("labels")(p), dict) and None in labels.values(),
            {"name": "x", "labels": {"random": 1, "other": None}},
            ["body.labels.* null"],
        ),
        (
            lambda p: field("state", "type")(p) == "B",
            {"name": "x", "limit": 1, "state": {"type": "B"}},
            ["body.state.type B"],
        ),
        (lambda p: "name" not in p.body, {"limit": 1}, ["body.name missing"]),
        (lambda p: isinstance(p.body, list), [], ["body empty array"]),
        (lambda p: isinstance(p.body, bytes), b"\xff", ["body no JSON"]),
        (
            lambda p: field("limit")(p) == -1 and "labels" in p.body,
            {"name": "x", "limit": -1, "labels": {"a": 1}, "rows": []},
            ["body.limit negative integer", "body.labels object"],
        ),
    ],
)
def test_the_part_is_named(broken: Server, body: Any, expected: list[str]) -> None:
    trials = Trials(broken)
    assert trials.causes(body) == expected
    assert trials.failed <= 6


def test_a_member_that_does_not_exist() -> None:
    trials = Trials(lambda parts: parts.path["id"] == "nobody")
    assert trials.causes({"limit": 1}, path="nobody") == ["path.id text"]


def test_whatever_is_sent() -> None:
    assert Trials(lambda _: True).causes({"limit": 1}) == [str(cause) for cause in WHATEVER]


def test_what_fails_no_more() -> None:
    assert Trials(lambda _: False).causes({"limit": 1}) == [str(cause) for cause in EARLIER]


def test_what_is_behind_a_known_cause_is_another_finding() -> None:
    trials = Trials(lambda p: field("limit")(p) is None or field("state", "data")(p) is not ABSENT)
    both = {"name": "x", "limit": None, "state": {"type": "A", "data": True}}
    assert trials.causes(both) == ["body.limit null"]
    rest = trials.culprits.left_out(Parts({"id": "real"}, {}, both))
    assert rest.body == {"name": "x", "state": {"type": "A", "data": True}}
    assert trials.causes(rest.body) == ["body.state.data boolean"]
    assert trials.culprits.left_out(Parts({"id": "real"}, {}, both)).body == {"name": "x", "state": {"type": "A"}}


def test_a_name_that_is_used_up_hides_nothing() -> None:
    used: set[str] = set()

    def broken(parts: Parts) -> bool:
        name = parts.body["name"]
        conflict, failed = name in used, {"limit", "labels"} <= parts.body.keys()
        used.add(name)
        return failed and not conflict

    body = {"name": "first", "limit": 1, "labels": {"a": 1}, "rows": []}
    assert broken(Parts({"id": "real"}, {}, body))
    assert Trials(broken).causes(body) == ["body.limit integer", "body.labels object"]


def test_a_request_without_a_known_cause_is_left_alone() -> None:
    trials = Trials(lambda p: field("limit")(p) is None)
    trials.causes({"limit": None})
    parts = Parts({"id": "real"}, {}, {"limit": 1})
    assert trials.culprits.left_out(parts) is parts


def test_few_requests_fail_however_large_the_body() -> None:
    trials = Trials(lambda p: isinstance(p.body, dict) and {"k37", "k12", "k30"} <= p.body.keys())
    trials.causes({f"k{number}": number for number in range(50)})
    assert trials.failed <= 6
    assert trials.sent <= 80


def test_causes_of_a_place_in_a_list() -> None:
    assert str(Cause(("body", "[]", "empirical_policy"), "null")) == "body[].empirical_policy null"


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (None, "null"),
        (True, "boolean"),
        (-1, "negative integer"),
        (2.0, "integer"),
        (0.5, "fraction"),
        (2**31, "huge number"),
        (-(2**63), "huge number"),
        (float("inf"), "not finite"),
        ("", "empty text"),
        ("a\0", "NUL"),
        ("\ud800", "lone surrogate"),
        ("0001-01-01T00:00:00Z", "instant at the end of the calendar"),
        ("2031-05-01T12:00:00Z", "instant"),
        ("00000000-0000-4000-8000-000000000000", "id"),
        ("\u202e", "text beyond ASCII"),
        ([], "empty array"),
        ({"a": 1}, "object"),
        (b"{", "no JSON"),
        (ABSENT, "missing"),
    ],
)
def test_kinds(value: Any, name: str) -> None:
    assert kind(value) == name


def test_parts_of_a_request() -> None:
    url = "http://host/api/things/a%2Fb%00?limit=1&limit=2&text=%C3%A4"
    parts = taken_apart(CHANGE, "http://host/api", url, b'{"name": "x"}')
    assert parts == Parts({"id": "a/b\0"}, {"limit": ("1", "2"), "text": ("ä",)}, {"name": "x"})
    assert put_together(CHANGE, "http://host/api", parts)[1:3] == (url, b'{"name": "x"}')


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"null", b"[1"])
def test_bodies_stay_what_they_are(content: bytes) -> None:
    parts = taken_apart(CHANGE, "http://host", "http://host/things/1", content)
    assert put_together(CHANGE, "http://host", parts)[2] == content
