"""Every check can fail: each fault in front of a real server is caught by the requirement that has to catch it."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path

import httpx
import pytest
from conftest import cli, silent, verdicts

from conformance import catalogue
from conformance.faults import FAULTS, Fault, Proxy, Response
from conformance.run import run_directly
from conformance.run.proof import Laboratory
from conformance.suite.check import ABSENT, functions
from conformance.verdicts.model import Verdict


@pytest.mark.server
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault.requirement}: {fault.id}")
def test_fault_is_caught(fault: Fault, lab: Laboratory) -> None:
    _, proxy = lab.place(fault.requirement)
    proxy.troubles.clear()
    trial = lab.prove(fault)

    assert trial.before is Verdict.PASSED, f"without the fault: {trial.before}"
    assert trial.found is Verdict.FAILED, f"with the fault: {trial.found} {trial.summary}"
    assert proxy.troubles == []


# What they do to the server can be done again as it was.
_ASKING = ("filter", "composition", "paging", "aggregates", "sort", "refusals")
_SHOWN = [
    next(fault for fault in FAULTS if fault.requirement.startswith(f"{chapter}.") and fault.honest is None)
    for chapter in _ASKING
]


@pytest.mark.server
@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl to run the printed commands with")
@pytest.mark.parametrize("fault", _SHOWN, ids=lambda fault: f"{fault.requirement}: {fault.id}")
def test_the_printed_commands_show_what_failed(fault: Fault, lab: Laboratory) -> None:
    with lab.faulty(fault) as judge:
        _, _, commands = judge(fault.requirement, fault.subject).details.partition("replay:\n")
        assert commands.count("curl ") > 0
        bent = answered(commands)
    # Before the server itself, the same commands show what it should have been.
    assert answered(commands.replace(lab.proxy.url, lab.url)) != bent


def answered(commands: str) -> str:
    """What a shell prints for the commands of a replay; each of them has to succeed."""
    done = subprocess.run(["bash", "-euc", commands], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_requirement_has_the_fault_that_the_catalogue_names() -> None:
    named = {(requirement, catalogue.load()[requirement].fault) for requirement in catalogue.load()}
    assert named - {(fault.requirement, fault.title) for fault in FAULTS} == set()


def test_every_fault_names_a_requirement() -> None:
    assert {fault.requirement for fault in FAULTS} - set(catalogue.load()) == set()
    assert len({fault.id for fault in FAULTS}) == len(FAULTS)


@pytest.mark.server
def test_rule_without_a_subject_is_not_applicable(lab: Laboratory) -> None:
    assert run_directly(lab.workbench, functions()["verbs.put-idempotent"], ABSENT).verdict is Verdict.NOT_APPLICABLE


@pytest.mark.server
def test_only_a_check_on_a_known_subject_can_be_run(lab: Laboratory) -> None:
    with pytest.raises(TypeError, match="not a check"):
        run_directly(lab.workbench, silent, ABSENT)
    with pytest.raises(KeyError):
        run_directly(lab.workbench, functions()["paging.limit"], "POST /nowhere")


@pytest.mark.server
def test_defect_of_a_fault_is_no_answer_of_the_server(lab: Laboratory) -> None:
    async def broken(_: object, __: object) -> Response:
        raise ZeroDivisionError

    with Proxy(lab.url) as proxy, proxy.bent(Fault("broken", "paging.limit", "POST /flows/filter", "broken", broken)):
        assert httpx.get(f"{proxy.url}/health").status_code == 502
        assert "ZeroDivisionError" in proxy.troubles[0]


@pytest.mark.server
def test_a_refused_body_that_leaves_something_is_told_where_others_create_too(lab: Laboratory, tmp_path: Path) -> None:
    """With two workers on one server a refused body has to leave something three times running, and it does."""
    fault = next(fault for fault in FAULTS if fault.id == "refused-is-created")
    with Proxy(lab.url) as proxy, proxy.bent(fault):
        two = ("--url", proxy.url, "--exclusive", "--workers", "2")
        done = cli("run", *two, "--select", f"{fault.requirement} {fault.subject}", cwd=tmp_path)
        assert proxy.troubles == []
    assert done.returncode == 1, done.stderr
    assert verdicts(tmp_path)[fault.requirement, fault.subject][0] == "failed"


@pytest.mark.server
@pytest.mark.parametrize(
    ("id_", "requirement", "subject", "says"),
    [
        ("answer-is-a-page", "filter.any", "flows.id.any_", "POST /flows/filter answers 200 with what is no JSON"),
        (
            "field-is-missing",
            "lifecycles.read-alike",
            "flows",
            "the target answers what this check can't read, or the check is wrong: KeyError: 'name'",
        ),
    ],
)
def test_what_a_check_can_not_read_is_said(
    id_: str, requirement: str, subject: str, says: str, lab: Laboratory
) -> None:
    """It is no verdict, for others judge the shape of answers; nor is it put down to a failure of the suite."""
    fault = next(fault for fault in FAULTS if fault.id == id_)
    with lab.faulty(fault) as judge:
        found = judge(requirement, subject)
    assert (found.verdict, found.summary) == (Verdict.COULD_NOT_RUN, says)


def test_proxy_says_that_the_server_is_gone() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with Proxy(f"http://127.0.0.1:{unused.getsockname()[1]}/api") as proxy:
            assert httpx.get(f"{proxy.url}/health").status_code == 502
            assert "ConnectError" in proxy.troubles[0]
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{proxy.url}/health")


def exchanged(url: str, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> tuple[object, ...]:
    """Status, headers and body as they come over the wire; of the date, only that there is one."""
    with httpx.stream(method, url + path, content=body, headers=dict(headers)) as response:
        raw = b"".join(response.iter_raw())
    shown = [(name, b"" if name == b"date" else value) for name, value in response.headers.raw]
    return response.status_code, shown, raw


@pytest.mark.server
@pytest.mark.parametrize(
    ("method", "path", "body", "headers"),
    [
        ("GET", "/health", b"", {}),
        ("HEAD", "/health", b"", {}),
        ("GET", "/openapi.json", b"", {}),
        ("GET", "/admin/settings", b"", {"accept-encoding": "gzip"}),
        ("GET", "/flows/00000000-0000-4000-8000-000000000000", b"", {}),
        ("GET", "/flows/name/a%2Fb%20%C3%A9?x=%5B1%5D&x=", b"", {}),
        ("GET", "/nowhere//at/all?why?", b"", {}),
        ("POST", "/flows/", b'{"name": "' + 300_000 * b"x" + b'%"}', {"content-type": "application/json"}),
        ("DELETE", "/flows/00000000-0000-4000-8000-000000000000", b"", {}),
        ("PUT", "/flows/", b"{}", {"content-type": "application/json"}),
        ("POST", "/flows/filter", b'{"limit": 3, "sort": "NAME_ASC"}', {"content-type": "application/json"}),
        ("POST", "/flows/filter", b'{"limit": -1}', {"content-type": "application/json"}),
        ("POST", "/flows/filter", b"\xff{", {"content-type": "application/json"}),
        ("POST", "/flows/filter", b"{}", {"content-type": "text/plain", "origin": "http://elsewhere.example"}),
        ("GET", "/../version", b"", {}),
    ],
)
def test_proxy_without_fault_is_transparent(
    method: str, path: str, body: bytes, headers: Mapping[str, str], lab: Laboratory
) -> None:
    assert exchanged(lab.proxy.url, method, path, body, headers) == exchanged(lab.url, method, path, body, headers)
    assert lab.proxy.troubles == []
