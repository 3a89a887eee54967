"""Every check can fail: each fault in front of a real server is caught by the requirement that has to catch it."""

from __future__ import annotations

import inspect
import itertools
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator, Mapping
from functools import cache

import httpx
import pytest

from conformance import catalogue
from conformance.contract import Contract, Reading
from conformance.faults import FAULTS, Fault, Proxy, Response
from conformance.faults.security import CREDENTIALS
from conformance.run import Run, Workbench, run_directly
from conformance.settings import Settings
from conformance.suite.check import ABSENT, POPULATED, declaration, functions
from conformance.target import Guarded, embedded
from conformance.verdicts.model import Judgement, Verdict


def silent(_: str) -> None:
    """No progress wanted."""


@pytest.fixture(scope="module")
def bare() -> Iterator[str]:
    """The API of a real server."""
    server = embedded.start(embedded.newest(), silent)
    yield server.url
    server.stop()


@pytest.fixture(scope="module")
def proxy(bare: str) -> Iterator[Proxy]:
    """The proxy before it."""
    with Proxy(bare) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def workbench(proxy: Proxy, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workbench]:
    """A run through the proxy that owns the server, with its world."""
    settings = Settings(url=proxy.url, exclusive=True, fuzz_examples=3, reports=tmp_path_factory.mktemp("reports"))
    run = Run(settings, silent).open()
    run.populate()
    assert run.workbench is not None
    assert run.workbench.world.population.trouble is None
    yield run.workbench
    # Not `run.close`, which would sweep: the server is thrown away.
    run.workbench.close()
    shutil.rmtree(run.workbench.shared.folder)


@pytest.fixture(scope="module")
def guarded() -> Iterator[tuple[Workbench, Proxy]]:
    """A run that was given credentials, through a proxy before a server that asks for them and for CSRF tokens."""
    server = embedded.spawn_guarded(embedded.newest(), CREDENTIALS, silent)
    told = Guarded(url=server.url, credentials=CREDENTIALS, basic_auth=True)
    try:
        told.wait(180)
        with Proxy(server.url) as proxy, pytest.MonkeyPatch.context() as environment:
            environment.setenv("FAULTS_AUTH", CREDENTIALS)
            run = Run(Settings(url=proxy.url, auth_env="FAULTS_AUTH", exclusive=True), silent).open()
            assert run.workbench is not None
            yield run.workbench, proxy
            run.workbench.close()
            shutil.rmtree(run.workbench.shared.folder)
    finally:
        server.stop()


@pytest.fixture(scope="module")
def place(request: pytest.FixtureRequest) -> Callable[[str], tuple[Workbench, Proxy]]:
    """Where a requirement is judged: on the server that asks for credentials, where its check needs one."""

    def of(requirement: str) -> tuple[Workbench, Proxy]:
        if "guards" in inspect.signature(functions()[requirement]).parameters:
            found: tuple[Workbench, Proxy] = request.getfixturevalue("guarded")
            return found
        return request.getfixturevalue("workbench"), request.getfixturevalue("proxy")

    return of


@pytest.fixture(scope="module")
def honest(place: Callable[[str], tuple[Workbench, Proxy]]) -> Callable[[str, str], Judgement]:
    """What a requirement's check finds on a subject where no fault is in force."""

    @cache
    def judge(requirement: str, subject: str) -> Judgement:
        workbench, _ = place(requirement)
        workbench.examiner.forget()
        return run_directly(workbench, functions()[requirement], subject)

    return judge


@cache
def contract(document: bytes, reading: Reading) -> Contract:
    """A document, parsed once however often it is served."""
    return Contract.parse(document, reading)


_NUMBERS = itertools.count()


def judged(fault: Fault, requirement: str, subject: str, workbench: Workbench, proxy: Proxy) -> Judgement:
    """What the requirement's check finds with the fault in force.

    What does more than query the world gets a workbench of its own: the document is read anew, and shared members
    and campaigns are made anew.
    """
    check = functions()[requirement]
    declared = declaration(check)
    assert declared is not None
    queries = requirement.partition(".")[0] in POPULATED and subject in declared.names(workbench.contract)
    with proxy.bent(fault):
        if queries:
            workbench.examiner.forget()
            return run_directly(workbench, check, subject)
        document = workbench.client.request("GET", "/openapi.json").content
        fresh = Workbench(
            workbench.shared, f"fault-{next(_NUMBERS)}", contract=contract(document, workbench.shared.reading)
        )
        try:
            return run_directly(fresh, check, subject)
        finally:
            fresh.close()


@pytest.mark.server
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault.requirement}: {fault.id}")
def test_fault_is_caught(
    fault: Fault, place: Callable[[str], tuple[Workbench, Proxy]], honest: Callable[[str, str], Judgement]
) -> None:
    subject = fault.subject if fault.honest is None else fault.honest
    workbench, proxy = place(fault.requirement)
    proxy.troubles.clear()
    before = (
        judged(fault.mend, fault.requirement, subject, workbench, proxy)
        if fault.mend is not None
        else honest(fault.requirement, subject)
    )
    found = judged(fault, fault.requirement, fault.subject, workbench, proxy)

    assert before.verdict is Verdict.PASSED, f"without the fault: {before.verdict} {before.summary}\n{before.details}"
    assert found.verdict is Verdict.FAILED, f"with the fault: {found.verdict} {found.summary}"
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
def test_the_printed_commands_show_what_failed(fault: Fault, bare: str, workbench: Workbench, proxy: Proxy) -> None:
    found = judged(fault, fault.requirement, fault.subject, workbench, proxy)
    _, _, commands = found.details.partition("replay:\n")
    assert commands.count("curl ") > 0
    with proxy.bent(fault):
        bent = answered(commands)
    # Before the server itself, the same commands show what it should have been.
    assert answered(commands.replace(proxy.url, bare)) != bent


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
def test_rule_without_a_subject_is_not_applicable(workbench: Workbench) -> None:
    assert run_directly(workbench, functions()["verbs.put-idempotent"], ABSENT).verdict is Verdict.NOT_APPLICABLE


@pytest.mark.server
def test_only_a_check_on_a_known_subject_can_be_run(workbench: Workbench) -> None:
    with pytest.raises(TypeError, match="not a check"):
        run_directly(workbench, silent, ABSENT)
    with pytest.raises(KeyError):
        run_directly(workbench, functions()["paging.limit"], "POST /nowhere")


@pytest.mark.server
def test_defect_of_a_fault_is_no_answer_of_the_server(bare: str) -> None:
    async def broken(_: object, __: object) -> Response:
        raise ZeroDivisionError

    with Proxy(bare) as proxy, proxy.bent(Fault("broken", "paging.limit", "POST /flows/filter", "broken", broken)):
        assert httpx.get(f"{proxy.url}/health").status_code == 502
        assert "ZeroDivisionError" in proxy.troubles[0]


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
    method: str, path: str, body: bytes, headers: Mapping[str, str], bare: str, proxy: Proxy, workbench: Workbench
) -> None:
    assert exchanged(proxy.url, method, path, body, headers) == exchanged(bare, method, path, body, headers)
    assert proxy.troubles == []
