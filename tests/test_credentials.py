"""A run on a server that asks for credentials and CSRF tokens; what it writes, and what everybody can see of it."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from conftest import verdicts

from conformance.target import Guarded, embedded

pytestmark = pytest.mark.server

PASSWORD = "s3same/open+conformance"
CREDENTIALS = f"conformance:{PASSWORD}"
EXTRA = "another-s3cret-of-a-gateway"


@pytest.fixture(scope="module")
def guarded() -> Iterator[str]:
    server = embedded.spawn_guarded(embedded.newest(), CREDENTIALS, print)
    try:
        Guarded(url=server.url, credentials=CREDENTIALS, basic_auth=True).wait(180)
        yield server.url
    finally:
        server.stop()


def run(url: str, folder: Path, environment: dict[str, str], *more: str) -> tuple[int, str, set[str]]:
    """Exit code, all output, and the command lines of the run's processes while it ran (Linux only)."""
    script = Path(sys.executable).with_name("prefect-conformance")
    selected = ["--select", "verbs.get-by-id", "--select", "security.credentials-*", "--select", "security.csrf-token"]
    selected += ["--select", "routes.snake-case"]
    command = [str(script), "run", "--url", url, "--workers", "2", *selected, *more]
    lines = set()
    process = subprocess.Popen(
        command,
        cwd=folder,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    output = []
    for line in process.stdout:
        output.append(line)
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                if os.getsid(int(path.parent.name)) == process.pid:
                    lines.add(path.read_bytes().decode(errors="replace"))
            except (OSError, ValueError):
                continue
    return process.wait(60), "".join(output), lines


def test_no_secret_shows_anywhere(guarded: str, tmp_path: Path) -> None:
    (tmp_path / "key").write_text(f"{EXTRA}\n")
    options = ("--auth-env", "MY_AUTH", "--header-file", f"X-Gateway-Key: {tmp_path / 'key'}")
    code, output, lines = run(guarded, tmp_path, {"MY_AUTH": CREDENTIALS}, *options)
    assert code in (0, 1), output
    found = verdicts(tmp_path)
    assert {verdict for (requirement, _), (verdict, _) in found.items() if requirement == "verbs.get-by-id"} <= {
        "passed",
        "not-applicable",
    }
    # The target itself is what asks: nothing else was started.
    assert found["security.csrf-token", "GET /csrf-token"][0] == "passed"
    forms = set()
    for secret in (CREDENTIALS, PASSWORD, EXTRA):
        encoded = base64.b64encode(secret.encode()).decode().rstrip("=")
        forms |= {secret, quote(secret, safe=""), encoded, quote(encoded, safe="")}
    files = [path for path in (tmp_path / "reports").rglob("*") if path.is_file()]
    assert len(files) > 100
    for form in forms:
        assert form not in output
        assert all(form not in line for line in lines)
        assert [path for path in files if form.encode() in path.read_bytes()] == []
    assert sys.platform != "linux" or len(lines) >= 2


@pytest.mark.parametrize("given", [{}, {"MY_AUTH": "conformance:wrong-password"}])
def test_wrong_credentials_end_it_at_once(given: dict[str, str], guarded: str, tmp_path: Path) -> None:
    code, output, _ = run(guarded, tmp_path, given, *(("--auth-env", "MY_AUTH") if given else ()))
    assert code == 2
    assert len(output.strip().splitlines()) <= 2, output
    assert "401" in output
    assert "wrong-password" not in output
