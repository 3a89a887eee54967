"""Of many coverage cases a few are taken that are about as many places as possible, nested ones included."""

from conformance.contract import Contract
from conformance.suite.fuzz.generation import Generator
from conformance.suite.fuzz.spread import place, spread

TEXT = {"type": "string"}
STATE = {"type": "object", "properties": {**{f"s{n}": {"type": "integer"} for n in range(9)}, "data": {}}}
BODY = {"type": "object", "properties": {**{f"p{n}": TEXT for n in range(20)}, "state": STATE}}
CREATE = {"requestBody": {"content": {"application/json": {"schema": BODY}}}, "responses": {}}


def test_each_place_comes_once_before_any_comes_twice_and_outer_ones_first() -> None:
    items = [(("a",), 1), (("a",), 2), (("c", "d"), 4), (("c", "d"), 5), (("b",), 3), ((), 6), ((), 7)]
    assert spread(items, 4) == [6, 1, 3, 4]
    assert spread(items, 9) == [6, 1, 3, 4, 7, 2, 5]


def test_the_last_places_have_the_same_chance_as_the_first() -> None:
    taken = spread((((str(number),), number) for number in range(100)), 10)
    assert taken == list(range(0, 100, 10))


def test_cases_of_a_large_body_reach_what_is_nested() -> None:
    contract = Contract({"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "paths": {"/a": {"post": CREATE}}})
    operation = contract.operations["POST /a"]
    cases = Generator(contract, 1).covering(operation)
    assert cases
    places = {place(case)[:2] for case, keeps_schema in cases if keeps_schema}
    assert ("state", "data") in places
    assert len(places) > 15
    assert 4 <= sum(not keeps_schema for _, keeps_schema in cases) <= 10
    assert len(cases) <= 46
