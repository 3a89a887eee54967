"""What a chapter leaves on the server stands in no other one's way: checks come in any order."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from conformance.run import run_directly
from conformance.run.proof import Laboratory
from conformance.suite.check import functions

pytestmark = pytest.mark.server


def silent(_: str) -> None:
    """No progress wanted."""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laboratory]:
    """A real server, and a run that owns it."""
    with Laboratory(silent, tmp_path_factory.mktemp("reports")) as lab:
        yield lab


@pytest.mark.parametrize("collection", ["flow_runs", "task_runs", "block_schemas", "artifacts", "deployments"])
def test_hostile_values_leave_nothing_that_breaks_a_listing(lab: Laboratory, collection: str) -> None:
    """3.9.1 answers some of them 500 and has made the row all the same, which it then can't show."""
    run_directly(lab.workbench, functions()["hostile.no-server-error"], f"POST /{collection}/")
    answer = lab.workbench.client.request("POST", f"/{collection}/filter", {"limit": 1})
    assert answer.status_code == 200, answer.text
