"""`prove`: each fault before a real server, and the kill matrix that comes of it."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import cli

from conformance import catalogue
from conformance.errors import ConformanceError, ExitCode
from conformance.faults import FAULTS
from conformance.run import kill_matrix
from conformance.run.comparing import Comparison, Hearing, elsewhere
from conformance.run.proof import Laboratory, Others, Proof, Trial
from conformance.verdicts.model import Verdict

CAUGHT = Proof(
    "put-appends", Trial("verbs.put-idempotent", "PUT /saved_searches/", Verdict.PASSED, Verdict.FAILED, "x")
)
MISSED = Proof("put-toggles", Trial("verbs.put-idempotent", "PUT /admin/storage", Verdict.PASSED, Verdict.PASSED, ""))
UNDECIDED = Proof(
    "put-lies", Trial("verbs.put-creates", "PUT /automations/{id}", Verdict.COULD_NOT_RUN, Verdict.FAILED, "")
)
SHOWN = Proof(
    "unknown-join-is-and",
    Trial("refusals.join", "POST /flows/filter", Verdict.PASSED, Verdict.FAILED, ""),
    Others(
        (
            Trial("refusals.key", "POST /flows/filter", Verdict.PASSED, Verdict.PASSED, ""),
            Trial("composition.or", "POST /flows/filter", Verdict.PASSED, Verdict.FAILED, ""),
        ),
        unmoved=(("sort.order", "POST /flows/filter"),),
    ),
)


def test_what_is_caught_is_passed_before_and_failed_behind() -> None:
    assert [proof.own.caught for proof in (CAUGHT, MISSED, UNDECIDED)] == [True, False, False]
    assert [proof.own.decided for proof in (CAUGHT, MISSED, UNDECIDED)] == [True, True, False]


def test_the_page_has_a_line_for_each_fault(tmp_path: Path) -> None:
    rules = catalogue.load()
    kill_matrix.write([SHOWN, CAUGHT, MISSED, UNDECIDED], rules, tmp_path)
    page = (tmp_path / kill_matrix.PAGE).read_text()
    assert "2 of 4 faults are caught by the requirement that has to catch them; 3 requirements have one." in page
    assert "once: 3 pairs. In 1 of them the fault bends nothing of what the check sends or gets." in page
    assert "The others were tried: 1 passed, 1 failed. 1 faults are caught by others too." in page
    assert page.index("## Verbs") < page.index("`verbs.put-idempotent`") < page.index("`refusals.join`")
    assert "| passed without it, passed with it | – |" in page
    assert "| caught | `composition.or` |" in page
    rows = json.loads((tmp_path / kill_matrix.JSON).read_text())
    assert {row["fault"]: row["own"]["caught"] for row in rows} == {
        "put-appends": True,
        "put-toggles": False,
        "put-lies": False,
        "unknown-join-is-and": True,
    }
    assert ([other["caught"] for other in rows[0]["others"]], rows[0]["unmoved"]) == ([False, True], 1)


def test_the_kill_matrix_of_the_docs_has_known_faults_and_each_is_caught() -> None:
    rows = json.loads((Path(__file__).parent.parent / "docs" / kill_matrix.JSON).read_text())
    assert {row["fault"] for row in rows} == {fault.id for fault in FAULTS}
    assert [row["fault"] for row in rows if not row["own"]["caught"]] == []


def test_a_requirement_without_a_fault_is_named() -> None:
    rules = catalogue.load()
    assert kill_matrix.uncovered(FAULTS, rules) == []
    without = [fault for fault in FAULTS if fault.requirement != "paging.limit"]
    assert kill_matrix.uncovered(without, rules) == ["paging.limit"]


def test_where_it_can_not_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConformanceError, match="can't write the kill matrix"):
        kill_matrix.write([CAUGHT], catalogue.load(), tmp_path / "file")


def test_a_pattern_that_matches_no_fault_is_bad_input(tmp_path: Path) -> None:
    done = cli("prove", "--select", "no-such-fault", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (2, "Error: no fault matches --select 'no-such-fault'\n")


def _press_ctrl_c(process: subprocess.Popen[str]) -> None:
    os.killpg(process.pid, signal.SIGINT)  # it is for all of the group


@pytest.mark.server
@pytest.mark.parametrize("stop", [_press_ctrl_c, subprocess.Popen.terminate])
def test_what_was_proved_before_it_is_stopped_is_kept(
    stop: Callable[[subprocess.Popen[str]], None], tmp_path: Path
) -> None:
    script = Path(sys.executable).with_name("prefect-conformance")
    with subprocess.Popen(
        [script, "prove", "--select", "paging.*", "--workers", "1"],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stderr is not None
        said = []
        for line in process.stderr:
            said.append(line)
            if line.startswith("2/"):
                stop(process)
    assert process.returncode == ExitCode.INCOMPLETE, said
    assert said[-1] == "Error: interrupted\n"
    rows = json.loads((tmp_path / "reports" / kill_matrix.JSON).read_text())
    assert len(rows) in (2, 3)  # one more may have been under way
    assert all(row["own"]["caught"] for row in rows)
    assert not any("Traceback" in line for line in said), "".join(said)


@pytest.mark.server
def test_a_process_that_others_end_is_not_taken_for_one_that_is_through(tmp_path: Path) -> None:
    script = Path(sys.executable).with_name("prefect-conformance")
    command = [str(script), "prove", "--select", "paging.*", "--workers", "1"]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        said = []
        for line in process.stderr:
            said.append(line)
            if line.startswith("1/"):
                subprocess.run(["pkill", "-TERM", "-P", str(process.pid), "-f", "spawn_main"], check=True)
    assert process.returncode == ExitCode.USAGE, said
    assert said[-1] == "Error: a process of the proof was told to end before it was through\n"


@pytest.mark.server
@pytest.mark.wide
def test_a_fault_is_shown_to_its_requirement_and_to_others(tmp_path: Path) -> None:
    done = cli("prove", "--select", "put-appends", "--complete", "--output", "proof", cwd=tmp_path, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 of 1 faults are caught: proof/kill-matrix.md" in done.stdout
    assert "1/1 put-appends: caught by verbs.put-idempotent\n" in done.stderr
    [row] = json.loads((tmp_path / "proof" / kill_matrix.JSON).read_text())
    assert (row["own"]["before"], row["own"]["found"]) == ("passed", "failed")
    assert "verbs.put-replaces" in [other["requirement"] for other in row["others"]]
    # What the page says was found, the others have found too: a PUT that appends is no PUT that replaces.
    assert any(other["caught"] for other in row["others"])


SAMPLE = random.Random(20221013).sample(FAULTS, 12)


@pytest.mark.server
@pytest.mark.wide
def test_what_a_fault_is_not_shown_to_would_not_have_caught_it(lab: Laboratory) -> None:
    comparison = Comparison(lab, Hearing(SAMPLE))
    asked, missed = 0, []
    for fault in SAMPLE:
        unmoved = comparison.compare(fault).unmoved
        asked += len(unmoved)
        with lab.faulty(elsewhere(fault)) as judge:
            missed += [(fault.id, *pair) for pair in unmoved if judge(*pair).verdict is not Verdict.PASSED]
    assert asked > 100
    assert missed == []
