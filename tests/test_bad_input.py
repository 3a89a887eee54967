"""Bad input: one clear line, the documented exit code, no traceback, and nothing left running."""

import http.server
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from conftest import cli

from conformance.cli import main
from conformance.errors import TargetError
from conformance.target import Access, discover, embedded

USAGE = 2
INCOMPLETE = 3


def refused(done: subprocess.CompletedProcess[str], *says: str) -> None:
    """The command ended with 2 and one line on standard error that says all of `says`."""
    assert done.returncode == USAGE, done.stdout + done.stderr
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    assert len(lines) == 1, done.stderr
    for word in says:
        assert word in lines[0]
    assert "Traceback" not in done.stdout + done.stderr


@contextmanager
def web(answer: Callable[[str], tuple[int, bytes]]) -> Iterator[str]:
    """A web server that is not Prefect's; `answer` maps a path to status and body."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = answer(self.path)
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as httpd:
        threading.Thread(target=httpd.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{httpd.server_port}"
        httpd.shutdown()


def healthy(**paths: tuple[int, bytes]) -> Callable[[str], tuple[int, bytes]]:
    known = {"/api/health": (200, b"true"), **{f"/{name}": value for name, value in paths.items()}}
    return lambda path: known.get(path, (404, b"nothing"))


def test_an_unreachable_host(tmp_path: Path) -> None:
    refused(cli("run", "--url", "http://127.0.0.1:9/api", cwd=tmp_path), "nothing answers", "127.0.0.1:9")


def test_a_name_that_does_not_resolve(tmp_path: Path) -> None:
    refused(cli("run", "--url", "http://nowhere.invalid/api", cwd=tmp_path), "nothing answers", "nowhere.invalid")


def test_what_is_no_url(tmp_path: Path) -> None:
    refused(cli("run", "--url", "ftp://host/api", cwd=tmp_path), "not an HTTP URL")


@pytest.mark.parametrize(
    "url",
    [
        *("ftp://me:hunter2@host/api", "me:hunter2@host/api", "http://host/api?token=hunter2"),
        *("http://host/api#hunter2", "host?hunter2", "http://me:hunter2@host/api"),
    ],
)
def test_a_secret_in_the_url_is_not_said(url: str) -> None:
    with pytest.raises(TargetError, match="--url") as caught:
        discover(url, Access())
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("url", ["host:4200", "http://", "http://host:port/api", "", "http://[::1/api"])
def test_what_else_is_no_url(url: str) -> None:
    with pytest.raises(TargetError, match="not an HTTP URL"):
        discover(url, Access())


def test_a_port_that_speaks_no_http(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def speak() -> None:
            while True:
                try:
                    peer, _ = listener.accept()
                except OSError:
                    return
                peer.sendall(b"SSH-2.0-OpenSSH_9.9\r\n")
                peer.close()

        threading.Thread(target=speak, daemon=True).start()
        port = listener.getsockname()[1]
        refused(cli("run", "--url", f"http://127.0.0.1:{port}/api", cwd=tmp_path), "does not speak HTTP")


def test_a_server_that_is_not_prefect(tmp_path: Path) -> None:
    with web(lambda path: (200, b"hello")) as url:
        refused(cli("run", "--url", f"{url}/api", cwd=tmp_path), "not the base URL of a Prefect API")


def test_a_document_that_is_another_api(tmp_path: Path) -> None:
    document = json.dumps({"openapi": "3.1.0", "paths": {"/pets": {"get": {"responses": {}}}}}).encode()
    with web(healthy(**{"api/openapi.json": (200, document)})) as url:
        refused(cli("run", "--url", f"{url}/api", cwd=tmp_path), "not a Prefect API", "POST /flows/filter")


def test_refused_credentials(tmp_path: Path) -> None:
    with web(lambda path: (401, b"no")) as url:
        refused(cli("run", "--url", f"{url}/api", cwd=tmp_path), "401", "--token-env")


def test_credentials_that_are_not_enough() -> None:
    with web(lambda path: (403, b"no")) as url, pytest.raises(TargetError, match="403"):
        discover(f"{url}/api", Access())


def test_no_document(tmp_path: Path) -> None:
    with web(healthy()) as url:
        refused(cli("run", "--url", f"{url}/api", cwd=tmp_path), "no OpenAPI document", "404")


def test_a_document_that_is_none(tmp_path: Path) -> None:
    with web(healthy(**{"api/openapi.json": (200, b"<html>")})) as url:
        refused(cli("run", "--url", f"{url}/api", cwd=tmp_path), "no OpenAPI document:")


@pytest.mark.parametrize("body", [b"[]", b'{"openapi": "3.1.0"}', b"\xff\xfe", b""])
def test_documents_that_are_none(body: bytes) -> None:
    serves = healthy(**{"api/openapi.json": (200, body)})
    with web(serves) as url, pytest.raises(TargetError, match="no OpenAPI document:"):
        discover(f"{url}/api", Access())


@pytest.mark.parametrize("spec", ["prefect==1.4.1", "prefect", "nonsense", "prefect==3.9.1rc1"])
def test_an_unknown_version(spec: str, tmp_path: Path) -> None:
    refused(cli("run", "--server", spec, cwd=tmp_path), "3.9.1")


def test_no_network_to_provision_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_CONFORMANCE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))
    for proxy in ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(proxy, "http://127.0.0.1:9")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    done = cli("run", cwd=tmp_path)
    assert done.returncode == USAGE
    assert "Traceback" not in done.stdout + done.stderr
    assert "3.9.1" in done.stderr


@pytest.mark.parametrize("header", ["nonsense", "name:", ": value", "a b: c", "x: a\nb"])
def test_a_header_that_is_none(header: str, tmp_path: Path) -> None:
    refused(cli("run", "--url", "http://127.0.0.1:9/api", "--header", header, cwd=tmp_path), "header")


WAIVER = """
[[waiver]]
requirement = "routes.plural"
subject = "GET /flows/{id}"
reason = "a reason"
replay = "curl x"
"""


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[[waiver", "not TOML"),
        ("[[waiver]]\nsubject = 'x'\nreason = 'x'\nreplay = 'curl x'", "requirement"),
        (WAIVER.replace("routes.plural", "routes.nonsense"), "routes.nonsense"),
        (f"{WAIVER}expires = 2020-01-01", "expired"),
        (f"{WAIVER}until = 2020-01-01", "until"),
        (WAIVER + WAIVER, "twice"),
    ],
)
def test_a_waiver_file_that_is_wrong(text: str, says: str, tmp_path: Path) -> None:
    path = tmp_path / "waivers.toml"
    path.write_text(text)
    refused(cli("run", "--url", "http://127.0.0.1:9/api", "--waivers", str(path), cwd=tmp_path), "waivers.toml", says)


def test_a_waiver_file_that_is_not_there(tmp_path: Path) -> None:
    refused(cli("run", "--url", "http://127.0.0.1:9/api", "--waivers", "none.toml", cwd=tmp_path), "none.toml")


def test_reports_that_can_not_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    refused(cli("run", "--reports", str(tmp_path / "file" / "reports"), cwd=tmp_path), "--reports")


def test_options_that_exclude_each_other(tmp_path: Path) -> None:
    refused(cli("run", "--url", "http://127.0.0.1:9/api", "--server", "prefect==3.9.1", cwd=tmp_path), "exclude")


@pytest.mark.parametrize(
    "arguments",
    [
        *(["--nonsense"], ["--workers", "0"], ["--workers", "x"], ["--seed", "x"], ["--fuzz-examples", "0"]),
        *(["--rate", "0"], ["--rate", "x"], ["--shard", "3/2"], ["--shard", "x"]),
    ],
)
def test_options_that_are_none(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["prefect-conformance", "run", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr()
    assert ended.value.code == USAGE
    assert said.err.count("\n") == 1
    assert arguments[0] in said.err
    assert not said.out


def test_an_unknown_requirement_is_not_explained(tmp_path: Path) -> None:
    refused(cli("catalogue", "routes.nonsense", cwd=tmp_path), "routes.nonsense")


@pytest.mark.server
def test_a_selection_that_matches_nothing(server: embedded.EmbeddedServer, tmp_path: Path) -> None:
    done = cli("run", "--url", server.url, "--select", "nonsense.*", cwd=tmp_path)
    assert done.returncode == USAGE
    assert "nonsense" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.server
def test_a_base_without_the_prefix_is_recognised_and_said(server: embedded.EmbeddedServer, tmp_path: Path) -> None:
    base = server.url.removesuffix("/api")
    done = cli("run", "--url", base, "--select", "routes.plural", "--list", cwd=tmp_path)
    assert done.returncode == 0
    assert f"using {base}/api" in done.stderr
    assert "routes.plural\tGET /flows/{id}" in done.stdout


@pytest.mark.server
@pytest.mark.parametrize("moment", ["starting", pytest.param("checking: Verbs", marks=pytest.mark.wide)])
def test_ctrl_c_keeps_what_ran_and_leaves_nothing_running(moment: str, tmp_path: Path) -> None:
    script = Path(sys.executable).with_name("prefect-conformance")
    run = subprocess.Popen(
        [str(script), "run", "--no-fuzz", "--reports", "out"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        start_new_session=True,
    )
    assert run.stdout is not None
    said = []
    for line in run.stdout:
        said.append(line)
        if moment in line:
            break
    time.sleep(1)
    os.killpg(run.pid, signal.SIGINT)
    rest, _ = run.communicate(timeout=60)
    output = "".join(said) + rest
    assert run.returncode == INCOMPLETE, output
    assert "Traceback" not in output
    verdicts = json.loads((tmp_path / "out" / "verdicts.json").read_text())
    assert verdicts["result"] == "incomplete"
    if moment != "starting":
        assert verdicts["counts"]["passed"] > 0
        assert verdicts["counts"]["could-not-run"] > 0
    # The servers of a run live in its temporary folder: none of them may be left.
    left = subprocess.run(["pgrep", "-f", str(tmp_path)], capture_output=True, text=True, check=False)
    assert not left.stdout, left.stdout
