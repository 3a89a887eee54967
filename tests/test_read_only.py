"""A run that only reads: nothing else is sent, and what would need it is not applicable."""

import json
from pathlib import Path
from typing import Any

import pytest
from conftest import cli

from conformance.target import Access, Client, Journal, WouldWrite, discover, only_reads


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/flows/1"),
        ("HEAD", "/api/health"),
        ("POST", "/api/flows/filter"),
        ("POST", "/api/work_pools/a%20pool/queues/filter"),
        ("POST", "/api/flow_runs/count"),
        ("POST", "/api/deployments/paginate"),
        ("POST", "/api/events/count-by/day"),
        ("POST", "/api/ui/task_runs/dashboard/counts"),
    ],
)
def test_what_reads(method: str, path: str) -> None:
    assert only_reads(method, path)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/flows/"),
        ("PUT", "/api/flows/filter"),
        ("DELETE", "/api/flows/filter"),
        ("PATCH", "/api/flows/1"),
        ("POST", "/api/flows/filter/"),
        ("POST", "/api/filter/flows"),
        ("POST", "/api/flow_runs/bulk_delete"),
        ("POST", "/api/deployments/get_scheduled_flow_runs"),
        ("POST", "/api/events"),
        ("POST", "/api/events/count-by/day/more"),
        ("POST", "/api/xcount"),
        ("post", "/api/flows/"),
    ],
)
def test_what_may_write(method: str, path: str) -> None:
    assert not only_reads(method, path)


def test_it_needs_a_url(tmp_path: Path) -> None:
    done = cli("run", "--read-only", cwd=tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "--read-only needs --url" in done.stderr


@pytest.mark.server
def test_the_client_sends_nothing_else(server: Any) -> None:
    journal = Journal()
    with Client(server.url, Access(), discover(server.url, Access()).contract, journal, read_only=True) as client:
        with pytest.raises(WouldWrite):
            client.request("POST", "/variables/", {"name": "never", "value": 1})
        with pytest.raises(WouldWrite):
            client.send_once("DELETE", f"{server.url}/variables/name/never", b"", {})
        assert client.request("POST", "/variables/count", {}).is_success
    assert len(journal.exchanges) == 1


@pytest.mark.server
@pytest.mark.wide
def test_a_run_judges_what_it_can(server: Any, tmp_path: Path) -> None:
    selected = [a for p in ("routes.*", "verbs.*", "filter.any flows.*", "refusals.* *flows*") for a in ("--select", p)]
    done = cli("run", "--url", server.url, "--read-only", *selected, cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    content = json.loads((tmp_path / "reports" / "verdicts.json").read_text())
    assert content["run"]["read_only"] is True
    assert content["counts"]["could-not-run"] == content["counts"]["failed"] == 0
    chapters = {entry["requirement"].partition(".")[0] for entry in content["verdicts"] if entry["verdict"] == "passed"}
    assert {"routes", "refusals"} <= chapters
    told = {entry["summary"] for entry in content["verdicts"] if entry["requirement"] == "verbs.patch-partial"}
    assert any("told to change nothing" in summary for summary in told)
    called = (name.split(" ") for name, operation in content["operations"].items() if operation["calls"])
    assert all(only_reads(method, path) for method, path in called)
