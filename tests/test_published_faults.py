"""The ten faults of a published comparison of fuzzers, and which of the suite's own stand for each.

They are those of `rest-faults`, the artificial API of "Open Problems in Fuzzing RESTful APIs: A Comparison of Tools"
(ACM Transactions on Software Engineering and Methodology, 2023, https://doi.org/10.1145/3597205). `test_faults.py` puts
each of the suite's in front of a real server, where the requirement that is named here has to catch it.
"""

from __future__ import annotations

import pytest

from conformance.faults import FAULTS

PUBLISHED = {
    "a thrown exception: 500": {"legal-request-fails": "fuzz.no-server-error"},
    "a required field of an answer is null": {"field-is-null": "fuzz.null-documented"},
    "a status that the schema does not document": {"status-is-a-teapot": "fuzz.status-documented"},
    "the maximum of a request's field is not checked": {"maximum-is-ignored": "input.bounds"},
    "the enumeration of a request's field is not checked": {
        "unknown-option-is-the-default": "input.option",  # in a body that creates
        "unknown-option-matches-nothing": "refusals.option",  # in a query
    },
    "a required field of a request's body is not checked": {"missing-limit-is-one": "input.required"},
    "the Location of a create leads to 404": {"location-leads-nowhere": "lifecycles.location"},
    "DELETE does nothing, and GET still returns the data": {"delete-lies": "verbs.delete-removes"},
    "PUT updates partially": {"put-leaves-a-field": "verbs.put-replaces"},
    "PUT is not idempotent": {"put-appends": "verbs.put-idempotent"},
}
"""Published fault -> id of a fault here -> the requirement that catches it."""


def test_all_ten_are_there() -> None:
    assert len(PUBLISHED) == 10
    ids = [id_ for faults in PUBLISHED.values() for id_ in faults]
    assert len(ids) == len(set(ids)), "one fault can't stand for two"


@pytest.mark.parametrize("published", PUBLISHED)
def test_a_published_fault_is_among_those_of_the_suite(published: str) -> None:
    known = {fault.id: fault.requirement for fault in FAULTS}
    stands_for = PUBLISHED[published]
    assert stands_for
    assert {id_: known.get(id_) for id_ in stands_for} == stands_for
