"""Waivers proposed from a run: what a person has left to do, and nothing that holds before that."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from conftest import cli
from verdict_samples import CATALOGUE, MUST, OTHER, build, judged, ledger, waived

from conformance.errors import WaiverError
from conformance.verdicts import document, proposal, waivers
from conformance.verdicts.model import Verdict

DETAILS = """expected: one
observed: 'two' and "three"
replay:
curl -sS http://127.0.0.1:4321/api/flows/1
curl -sS 'http://127.0.0.1:4322/api/flows/?a=b&c=d'
curl -sS -X POST http://127.0.0.1:4321/api/flows/ -H 'content-type: application/json' --data-raw '{"name": "http://a/api/b"}'"""

REPLAY = """curl -sS "$PREFECT_API_URL"/flows/1
curl -sS "$PREFECT_API_URL"'/flows/?a=b&c=d'
curl -sS -X POST "$PREFECT_API_URL"/flows/ -H 'content-type: application/json' --data-raw '{"name": "http://a/api/b"}'"""


def proposed(run: document.Document) -> list[dict[str, object]]:
    found = tomllib.loads(proposal.render(proposal.propose(run)))["waiver"]
    assert isinstance(found, list)
    return found


def test_what_failed_and_is_not_waived() -> None:
    failed = judged(MUST, "a", Verdict.FAILED, summary="so", details=DETAILS, findings=("404", "409"))
    known = judged(OTHER, "y", Verdict.FAILED)
    run = build(ledger(failed, judged(OTHER, "z"), known, waivers=waived((OTHER, "y"))))
    (entry,) = proposed(run)
    assert (entry["requirement"], entry["subject"]) == (MUST, "a")
    assert entry["versions"] == [run.target.version]
    assert entry["findings"] == ["404", "409"]
    assert str(entry["replay"]).strip() == REPLAY


@pytest.mark.parametrize(
    "text", ["curl a '", "curl '''", 'curl \\ "', "curl \x00\x7f", "curl it's", "curl\n'x'", "curl"]
)
def test_any_replay_comes_back_as_it_was(text: str) -> None:
    failed = judged(MUST, "a", Verdict.FAILED, summary="so", details=f"x\nreplay:\n{text}")
    (entry,) = proposed(build(ledger(failed)))
    assert str(entry["replay"]).strip() == text


def test_it_is_refused_until_a_reason_is_given(tmp_path: Path) -> None:
    file = tmp_path / "waivers.toml"
    failed = judged(MUST, "a", Verdict.FAILED, summary="so", details=DETAILS)
    text = proposal.render(proposal.propose(build(ledger(failed))))
    file.write_text(text)
    with pytest.raises(WaiverError, match="'reason' is empty"):
        waivers.load([file], CATALOGUE, "3.9.1")
    file.write_text(text.replace('reason = ""', 'reason = "known"'))
    assert [waiver.replay.strip() for waiver in waivers.load([file], CATALOGUE, "3.9.1")] == [REPLAY]


def test_the_command(tmp_path: Path) -> None:
    failed = judged(MUST, "a", Verdict.FAILED, summary="so", details=DETAILS)
    document.write(build(ledger(failed)), tmp_path / "verdicts.json")
    printed = cli("waivers", "propose", str(tmp_path), cwd=tmp_path)
    assert printed.returncode == 0
    assert cli("waivers", "propose", str(tmp_path), "--output", str(tmp_path / "out.toml"), cwd=tmp_path).stdout == ""
    assert (tmp_path / "out.toml").read_text() == printed.stdout
    nowhere = cli("waivers", "propose", str(tmp_path), "--output", str(tmp_path / "no" / "out.toml"), cwd=tmp_path)
    assert nowhere.returncode == 2
    assert nowhere.stderr.count("\n") == 1
    assert cli("waivers", "propose", str(tmp_path / "none"), cwd=tmp_path).returncode == 2
