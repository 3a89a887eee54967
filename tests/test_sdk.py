"""Prefect's own SDK: which release's it is, what it is told, how what it meets is judged, and that it always ends."""

import asyncio
import json
import os
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest
import trustme
from conftest import cli, silent, verdicts
from packaging.version import Version
from test_access import CONTRACT

from conformance.contract import Contract, frozen
from conformance.faults import Fault, Proxy, Response
from conformance.faults.bends import instead, on
from conformance.faults.fault import Bend
from conformance.faults.security import CREDENTIALS
from conformance.run import Run, Workbench, run_directly
from conformance.settings import Settings
from conformance.suite.check import functions
from conformance.suite.journeys import Journeys
from conformance.suite.outcome import CouldNotRun, NotApplicable, Violation
from conformance.target import Access, Client, Guarded, Journal, embedded
from conformance.target.access import basic
from conformance.target.embedded.releases import supported
from conformance.target.sdk import Use, credentials, environment, release_for, travel
from conformance.verdicts.model import Verdict


def operations(version: str) -> list[str]:
    return list(Contract.parse(frozen.path(version).read_bytes()).operations)


@pytest.mark.parametrize("version", [release.version for release in supported()])
def test_a_supported_release_has_its_own_sdk(version: str) -> None:
    assert release_for(version, []).version == version


@pytest.mark.parametrize(
    ("said", "found"), [("2.21.0", "2.20.27"), ("3.9.1+12.gabc", "3.9.1"), ("99.0", None), ("1.0", "2.0.0")]
)
def test_another_release_has_the_sdk_of_the_one_before_it(said: str, found: str | None) -> None:
    assert release_for(said, []).version == (found or supported()[-1].version)


@pytest.mark.parametrize("version", ["2.0.0", "2.20.27", "3.0.0", "3.9.1"])
def test_a_target_that_does_not_say_its_release_has_the_sdk_of_the_one_that_it_is_like(version: str) -> None:
    hidden = [label for label in operations(version) if "/admin/" not in label]
    assert release_for("unknown", hidden).version == version


def test_credentials_become_settings_of_the_sdk() -> None:
    assert credentials({}) == {}
    assert credentials({"authorization": "Bearer abcdef"}) == {"PREFECT_API_KEY": "abcdef"}
    assert credentials({"Authorization": basic("admin:pass")}) == {"PREFECT_API_AUTH_STRING": "admin:pass"}
    others = {"X-Tenant": "a", "Authorization": "Digest b", "Prefect-Csrf-Token": "c"}
    told = credentials(others)
    assert list(told) == ["PREFECT_CLIENT_CUSTOM_HEADERS"]
    assert json.loads(told["PREFECT_CLIENT_CUSTOM_HEADERS"]) == {"X-Tenant": "a", "Authorization": "Digest b"}


def test_a_private_authority_is_the_sdks_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/of/the/user.pem")

    def told(use: Use) -> str:
        return environment(Path("/bin/python"), Path("/home"), use, Path("report"))["SSL_CERT_FILE"]

    url = "https://prefect.example/api"
    assert told(Use(url, {}, "x")) == "/of/the/user.pem"
    # The SDK works in a folder of its own.
    assert told(Use(url, {}, "x", authority=Path("ca.pem"))) == str(Path("ca.pem").absolute())


def test_a_target_of_the_shape_of_cloud_is_told_to_be_one() -> None:
    def cloud(url: str) -> tuple[str | None, str | None]:
        told = environment(Path("/bin/python"), Path("/home"), Use(url, {}, "x"), Path("report"))
        return told.get("PREFECT_CLOUD_API_URL"), told.get("PREFECT_CLOUD_URL")

    of = "/accounts/5a1f/workspaces/b2c3"
    assert cloud(f"https://prefect.example/api{of}") == ("https://prefect.example/api",) * 2
    assert cloud("https://prefect.example/api") == (None, None)


def test_a_client_certificate_is_more_than_the_sdk_can_show(tmp_path: Path) -> None:
    access = Access().model_copy(update={"certificate": tmp_path / "client.pem"})
    with Client("http://127.0.0.1:9/api", Access(), CONTRACT, Journal()) as client:
        client.access = access
        found = Journeys(client, None, "3.9.1", tmp_path / "report.jsonl")  # type: ignore[arg-type]
        with pytest.raises(NotApplicable, match="certificate"):
            found.part("tasks")


REFUSED = "prefect.exceptions.PrefectHTTPStatusError", "httpx.HTTPStatusError", "httpx.HTTPError"
UNREACHED = "httpx.ConnectError", "httpx.TransportError", "httpx.RequestError"


@pytest.mark.parametrize(
    ("lines", "raised"),
    [
        (
            [{"part": "x", "error": "Client error '422 Unprocessable Entity'", "of": REFUSED}, {"part": "end"}],
            Violation,
        ),
        ([{"part": "x", "error": "Server error '500 Internal Server Error'", "of": REFUSED}], Violation),
        ([{"part": "x", "error": "Server error '503 Service Unavailable'", "of": REFUSED}], CouldNotRun),
        ([{"part": "x", "error": "All attempts failed", "of": UNREACHED}], CouldNotRun),
        ([{"part": "x", "error": "KeyError: 1", "of": ["builtins.KeyError"]}], CouldNotRun),
        ([{"part": "sdk", "lacking": []}], CouldNotRun),
        ([{"part": "trouble", "error": "no way"}], CouldNotRun),
        ([{"part": "sdk", "lacking": []}, {"part": "end"}], NotApplicable),
        ([{"part": "sdk", "lacking": ["PREFECT_API_AUTH_STRING"]}], NotApplicable),
    ],
)
def test_what_keeps_a_part_from_its_end(
    lines: list[dict[str, object]], raised: type[Exception], tmp_path: Path
) -> None:
    report = tmp_path / "report.jsonl"
    report.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    with Client("http://127.0.0.1:9/api", Access(), CONTRACT, Journal()) as client, pytest.raises(raised):
        Journeys(client, None, "3.9.1", report).part("x")  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def proxy() -> Iterator[Proxy]:
    server = embedded.start(embedded.newest(), silent)
    try:
        with Proxy(server.url) as proxy:
            yield proxy
    finally:
        server.stop()


@pytest.fixture
def workbench(proxy: Proxy, tmp_path: Path) -> Iterator[Workbench]:
    """A run that has not asked the SDK for anything yet."""
    run = Run(Settings(url=proxy.url, exclusive=True, reports=tmp_path / "reports"), silent).open()
    assert run.workbench is not None
    yield run.workbench
    run.close(begun=False)


_REFUSAL = Response.of(500, {"exception_message": "Internal Server Error"})


@pytest.mark.server
@pytest.mark.wide
@pytest.mark.parametrize(
    ("requirement", "subject", "bend"),
    [
        ("client.ended", "tasks", on("POST /flow_runs/", instead(_REFUSAL))),
    ],
)
def test_a_server_that_fails_the_client_at_its_work_is_found_out(
    requirement: str, subject: str, bend: Bend, workbench: Workbench, proxy: Proxy
) -> None:
    with proxy.bent(Fault("at-work", requirement, subject, "at work", bend)):
        found = run_directly(workbench, functions()[requirement], subject)
    assert found.verdict is Verdict.FAILED, found.summary


_KEPT_BY_RUNS = ("flows", "flow_runs", "task_runs", "deployments", "variables", "artifacts", "block_documents")
_KEPT_BESIDE = ("block_types", "v2/concurrency_limits", "work_queues", "work_pools")


@contextmanager
def tls(port: int, authority: trustme.CA) -> Iterator[int]:
    """A port where whatever listens at `port` is reached by TLS, with a certificate of that authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)

    async def carry(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while part := await source.read(65536):
                sink.write(part)
                await sink.drain()
        sink.close()

    async def serve(outer: asyncio.StreamReader, answers: asyncio.StreamWriter) -> None:
        inner, requests = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(carry(outer, requests), carry(inner, answers))

    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    starting = asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    listening = asyncio.run_coroutine_threadsafe(starting, loop).result()
    yield listening.sockets[0].getsockname()[1]
    loop.call_soon_threadsafe(loop.stop)
    thread.join()


@pytest.mark.server
@pytest.mark.wide
def test_the_sdk_is_let_in_and_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = embedded.spawn_guarded(embedded.newest(), CREDENTIALS, silent)
    told = Guarded(url=server.url, credentials=CREDENTIALS, basic_auth=True)
    try:
        told.wait(180)
        asked = f"{server.url}/csrf-token?client=tests"
        token = httpx.get(asked, headers=dict(told.headers), timeout=60).json()
        headers = {**told.headers, "Prefect-Csrf-Client": "tests", "Prefect-Csrf-Token": token["token"]}

        def inventory() -> dict[str, set[str]]:
            with httpx.Client(base_url=server.url, headers=headers, timeout=60) as client:
                return {
                    collection: {row["id"] for row in client.post(f"/{collection}/filter", json={}).json()}
                    for collection in (*_KEPT_BY_RUNS, *_KEPT_BESIDE)
                }

        before = inventory()
        monkeypatch.setenv("MY_AUTH", CREDENTIALS)
        authority = trustme.CA()
        authority.cert_pem.write_to_path(tmp_path / "ca.pem")
        with tls(int(server.url.rpartition(":")[2].partition("/")[0]), authority) as port:
            url = f"https://127.0.0.1:{port}/api"
            options = ("--ca", "ca.pem", "--auth-env", "MY_AUTH", "--select", "client.*")
            done = cli("run", "--url", url, *options, cwd=tmp_path)
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr
        assert "passed" in {verdict for verdict, _ in verdicts(tmp_path).values()}
        assert inventory() == before
    finally:
        server.stop()


@pytest.mark.server
def test_the_sdk_ends_with_whoever_waits_for_it(server: embedded.EmbeddedServer, tmp_path: Path) -> None:
    class EnoughError(Exception):
        pass

    def look() -> None:
        raise EnoughError

    report = tmp_path / "report.jsonl"
    began = time.monotonic()
    with pytest.raises(EnoughError):
        travel(embedded.newest(), Use(server.url, {}, "conformance-ended"), report, look, 60)
    assert time.monotonic() < began + 30
    assert not [process for process in Path("/proc").glob("[0-9]*/environ") if mentions(process, str(report))]


def mentions(file: Path, text: str) -> bool:
    try:
        return int(file.parent.name) != os.getpid() and text.encode() in file.read_bytes()
    except OSError:
        return False


def test_the_oldest_release_is_what_is_left_for_an_older_one() -> None:
    assert release_for("0.1", []).version == min((one.version for one in supported()), key=Version)
