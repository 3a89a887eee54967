"""Through a gateway that hides what Prefect Cloud hides, the verdicts are those of the server itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import differing, verdicts
from gateway import Gateway

from conformance.catalogue import HIDDEN, load

pytestmark = pytest.mark.server

TOKEN = "pnu_s3same/open+conformance"

NARROW = ("routes.prefix", "contract.operations", "verbs.get-by-id", "security.secret-hidden", "fuzz.* GET /flows/{id}")
_UNSEEN = load()["routes.plural"].conditions[HIDDEN]
_UNTOLD = load()["paging.default-limit"].conditions["unstated"]


_OWN = ("/health", "/ready", "/version", "/hello", "/csrf-token")


Verdicts = dict[tuple[str, str], tuple[str, str]]


FROZEN = "prefect==3.9.1"


def judged(url: str, contract: str, folder: Path, *arguments: str) -> Verdicts:
    folder.mkdir()
    script = Path(sys.executable).with_name("prefect-conformance")
    done = subprocess.run(
        [str(script), "run", "--url", url, "--contract", contract, "--no-waivers", *arguments],
        cwd=folder,
        env={**os.environ, "CLOUD_TOKEN": TOKEN},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    assert TOKEN not in done.stdout + done.stderr
    return verdicts(folder)


def require_alike(server: Any, contract: str, folder: Path, *arguments: str) -> None:
    direct = judged(server.url, contract, folder / "direct", *arguments)
    with Gateway(server.url, TOKEN) as gateway:
        through = judged(gateway.url, contract, folder / "gateway", "--token-env", "CLOUD_TOKEN", *arguments)
        assert gateway.troubles == []
        assert gateway.later > 0
    require_same(direct, through)
    for path in (folder / "gateway" / "reports").rglob("*"):
        if path.is_file():
            assert TOKEN.encode() not in path.read_bytes(), path
    told = json.loads((folder / "gateway" / "reports" / "verdicts.json").read_text())["target"]
    assert (told["version"], told["compared_with"]) == ("unknown", None)


def require_same(direct: Verdicts, through: Verdicts) -> None:
    """Nothing differs but what has to: what is hidden, who asks for credentials, and which document there is."""
    direct, through = (
        # The target's document is compared with the frozen one where it serves it.
        {key: found for key, found in run.items() if not key[0].startswith("contract.")}
        for run in (direct, through)
    )
    # Nobody asks for credentials but the gateway: what becomes of them is judged there alone.
    own = {key for key in through if key[0].startswith("security.credentials-")}
    hidden = {
        key
        for key, (verdict, why) in through.items()
        if verdict == "not-applicable" and why == _UNSEEN and direct[key][0] != verdict
    }
    # The settings that say how many rows come by default are administrative too.
    untold = {key for key, found in through.items() if found == ("not-applicable", _UNTOLD)}
    about = {subject for _, subject in hidden}
    assert "GET /admin/version" in about
    assert all("/admin/" in subject or subject.split()[-1] in _OWN for subject in about), about
    # What a summary says beside the verdict may hold times and names.
    said = [{key: (run[key][0], "") for key in run.keys() - hidden - untold - own} for run in (direct, through)]
    assert differing(*said) == {}
    assert {direct[key][0] for key in own} <= {"not-applicable"}
    assert {through[key][0] for key in own} <= {"passed", "not-applicable"}


@pytest.mark.wide
def test_a_part_of_the_suite_sees_no_difference(server: Any, tmp_path: Path) -> None:
    require_alike(server, FROZEN, tmp_path, *(part for pattern in NARROW for part in ("--select", pattern)))


@pytest.mark.wide
def test_the_suite_sees_no_difference(server: Any, tmp_path: Path) -> None:
    # The document stands elsewhere, as it is: a frozen one has no examples, from which some of the fuzz is made.
    require_alike(server, f"{server.url}/openapi.json", tmp_path)


def test_a_token_that_is_withdrawn_ends_the_run_at_once(server: Any, tmp_path: Path) -> None:
    script = Path(sys.executable).with_name("prefect-conformance")
    with Gateway(server.url, TOKEN) as gateway:
        command = [
            str(script),
            "run",
            "--url",
            gateway.url,
            "--contract",
            "prefect==3.9.1",
            "--token-env",
            "CLOUD_TOKEN",
        ]
        run = subprocess.Popen(
            [*command, "--select", "verbs.*"],
            cwd=tmp_path,
            env={**os.environ, "CLOUD_TOKEN": TOKEN},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert run.stdout is not None
        for line in run.stdout:
            if "checking: Verbs" in line:
                break
        gateway.token = "another"
        before = gateway.requests
        output, _ = run.communicate(timeout=60)
        assert run.returncode == 3, output
        assert gateway.requests - before < 40
    content = json.loads((tmp_path / "reports" / "verdicts.json").read_text())
    assert content["result"] == "incomplete"
    assert "401" in content["reasons"][0]
    assert content["counts"]["failed"] == 0 or not [
        entry for entry in content["verdicts"] if entry["verdict"] == "failed" and "401" in entry["summary"]
    ]
    assert content["counts"]["passed"] > 0
