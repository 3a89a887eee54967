"""What a chapter leaves on the server stands in no other one's way: checks come in any order."""

from __future__ import annotations

import pytest

from conformance.resources import RESOURCES
from conformance.run import run_directly
from conformance.run.proof import Laboratory
from conformance.suite.check import declaration, functions
from conformance.suite.fuzz.courtesy import courteous
from conformance.suite.tables import tables
from conformance.verdicts.model import Verdict

pytestmark = pytest.mark.server


def test_hostile_values_leave_nothing_that_breaks_a_listing(lab: Laboratory) -> None:
    """3.9.1 answers some of them 500 and has made the row all the same, or takes them and can tell of it no more."""
    check = functions()["hostile.no-server-error"]
    declared = declaration(check)
    assert declared is not None
    contract, client = lab.workbench.contract, lab.workbench.client
    listings = [one for one in tables(contract).values() if not one.query.operation.placeholders]
    broken: dict[str, list[str]] = {}
    for subject in declared.names(contract):
        tried = run_directly(lab.workbench, check, subject)
        assert tried.verdict in (Verdict.PASSED, Verdict.FAILED), tried.summary
        for one in listings:
            if client.request("POST", one.query.operation.path, RESOURCES[one.name].needs).status_code != 200:
                broken.setdefault(subject, []).append(one.name)
    assert broken == {}


def test_what_the_server_fails_to_delete_for_its_data_is_put_right_first(lab: Laboratory) -> None:
    """3.9.1 takes text that UTF-8 has no form for as an artifact's data, and can't tell of its deletion then."""
    client, shop = lab.workbench.client, lab.workbench.world.workshop
    with shop.passing():
        path = f"/artifacts/{shop.make('artifacts').record['id']}"
        assert client.request("PATCH", path, {"data": "\ud800"}).status_code == 204
        assert client.request("DELETE", path).status_code == 500
        assert client.request("POST", "/artifacts/filter", {"limit": 200}).status_code == 500
    assert client.request("GET", path).status_code == 404
    assert client.request("POST", "/artifacts/filter", {"limit": 200}).status_code == 200


def test_a_generated_request_leaves_no_agent_which_nothing_removes(lab: Laboratory) -> None:
    """2.20 keeps a queue as long as an agent is known to have polled it."""
    contract, world = lab.workbench.contract, lab.workbench.world
    polls = contract.operations["POST /work_queues/{id}/get_runs"]
    asked = {"agent_id": "00000000-0000-4000-8000-000000000001", "limit": 1}
    assert courteous(contract, polls, asked, world) == {"limit": 1}
