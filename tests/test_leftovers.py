"""What a chapter leaves on the server stands in no other one's way: checks come in any order."""

from __future__ import annotations

import pytest

from conformance.run import run_directly
from conformance.run.proof import Laboratory
from conformance.suite.check import functions
from conformance.verdicts.model import Verdict

pytestmark = pytest.mark.server


@pytest.mark.parametrize("collection", ["flow_runs", "task_runs", "block_schemas", "artifacts", "deployments"])
def test_hostile_values_leave_nothing_that_breaks_a_listing(lab: Laboratory, collection: str) -> None:
    """3.9.1 answers some of them 500 and has made the row all the same, which it then can't show."""
    tried = run_directly(lab.workbench, functions()["hostile.no-server-error"], f"POST /{collection}/")
    assert tried.verdict in (Verdict.PASSED, Verdict.FAILED), tried.summary
    answer = lab.workbench.client.request("POST", f"/{collection}/filter", {"limit": 1})
    assert answer.status_code == 200, answer.text
