"""What a chapter leaves on the server stands in no other one's way: checks come in any order."""

from __future__ import annotations

import pytest

from conformance.run import run_directly
from conformance.run.proof import Laboratory
from conformance.suite.check import functions
from conformance.suite.fuzz.courtesy import courteous
from conformance.verdicts.model import Verdict

pytestmark = pytest.mark.server


@pytest.mark.parametrize("collection", ["flow_runs", "task_runs", "block_schemas", "artifacts", "deployments"])
def test_hostile_values_leave_nothing_that_breaks_a_listing(lab: Laboratory, collection: str) -> None:
    """3.9.1 answers some of them 500 and has made the row all the same, which it then can't show."""
    tried = run_directly(lab.workbench, functions()["hostile.no-server-error"], f"POST /{collection}/")
    assert tried.verdict in (Verdict.PASSED, Verdict.FAILED), tried.summary
    answer = lab.workbench.client.request("POST", f"/{collection}/filter", {"limit": 1})
    assert answer.status_code == 200, answer.text


def test_a_generated_request_leaves_no_agent_which_nothing_removes(lab: Laboratory) -> None:
    """2.20 keeps a queue as long as an agent is known to have polled it."""
    contract, world = lab.workbench.contract, lab.workbench.world
    polls = contract.operations["POST /work_queues/{id}/get_runs"]
    asked = {"agent_id": "00000000-0000-4000-8000-000000000001", "limit": 1}
    assert courteous(contract, polls, asked, world) == {"limit": 1}
