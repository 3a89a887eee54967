"""A reports folder over time: broken off, used again, used twice at once, left by another version of the suite."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
from certificate_samples import ISSUED, PRODUCT, small_sets
from certificate_samples import run as certified_run
from certificate_samples import written as certified_folder
from conftest import cli
from lxml import etree
from page_samples import conformant
from verdict_samples import CATALOGUE, MUST, judged, ledger

from conformance import cli as commands
from conformance.run import folder, reports, shards
from conformance.run.timings import Timings
from conformance.settings import Settings
from conformance.target import embedded
from conformance.verdicts import document
from conformance.verdicts.certificate import certify, verify
from conformance.verdicts.certificate.statement import dump
from conformance.verdicts.model import Verdict

BEGUN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class Told(NamedTuple):
    """What a command said, and its exit code."""

    code: int
    out: str
    err: str


Command = Callable[..., Told]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs a command in this process, as the console script does."""

    def told(*arguments: object) -> Told:
        monkeypatch.setattr(sys, "argv", ["prefect-conformance", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            commands.main()
        said = capsys.readouterr()
        code = ended.value.code
        assert code is None or isinstance(code, int)
        return Told(code or 0, said.out, said.err)

    return told


def judgement(at: Path, *subjects: str) -> Any:
    """A run of a few checks whose reports go to a folder."""
    made = ledger(*(judged(MUST, subject, Verdict.FAILED) for subject in subjects))
    made.close()
    return SimpleNamespace(
        contract=None,
        settings=Settings(url="http://127.0.0.1:4200/api", reports=at, allure=False),
        catalogue=CATALOGUE,
        ledger=made,
        target=document.Target(url="http://127.0.0.1:4200/api"),
        started=BEGUN,
        seconds=1.0,
        lost=None,
        timings=Timings(),
        progress=lambda _: None,
    )


def earlier(at: Path) -> Path:
    """What an earlier run, which was certified, has left."""
    at.mkdir()
    (at / "allure-report").mkdir()
    (at / "allure-results").mkdir()
    names = ("index.html", "catalogue.html", "coverage.html", "api-coverage.html", "junit.xml", "contract.json")
    for name in (*names, "badge.json", "badge.svg", "allure-report/index.html", "allure-results/x-result.json"):
        (at / name).write_text(f"the earlier {name}", "utf-8")
    (at / "allure-history.jsonl").write_text("", "utf-8")
    (at / "own.txt").write_text("the user's", "utf-8")
    with small_sets():
        certified_folder(at, certified_run())
        (at / "certificate.json").write_bytes(certify(at, PRODUCT, ISSUED))
    return at


def contents(at: Path) -> dict[str, bytes]:
    """All files there but the lock."""
    found = (path for path in at.rglob("*") if path.is_file() and ".under-way" not in path.parts)
    return {str(path.relative_to(at)): path.read_bytes() for path in found}


def said_once(told: Told, *parts: str) -> None:
    """One line on standard error, exit code 2, and nothing else."""
    assert (told.code, told.out) == (2, "")
    assert told.err.count("\n") == 1
    for part in parts:
        assert part in told.err


# One after the other


def test_a_run_that_can_not_begin_changes_nothing(tmp_path: Path) -> None:
    at = earlier(tmp_path / "reports")
    before = contents(at)
    done = cli("run", "--url", "http://127.0.0.1:9/api", cwd=tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert contents(at) == before
    folder.require_whole(at)


def test_nothing_of_an_earlier_run_is_taken_for_this_ones_and_its_certificate_is_kept(tmp_path: Path) -> None:
    at = earlier(tmp_path / "reports")
    before = contents(at)
    aside = folder.put_certified_aside(at)
    assert aside is not None
    assert aside.parent == at / "earlier"
    reports.write(judgement(at, "POST /flows/filter"))
    now = contents(at)
    kept = {name for name in before if name not in ("allure-history.jsonl", "own.txt")}
    assert {name: now[f"earlier/{aside.name}/{name}"] for name in kept} == {name: before[name] for name in kept}
    here = {name for name in now if not name.startswith("earlier/")}
    pages = {"index.html", "catalogue.html", "coverage.html", "api-coverage.html"}
    assert here == {"verdicts.json", "junit.xml", "allure-history.jsonl", "own.txt", *pages}
    assert not [name for name in here if b"the earlier" in now[name]]
    with small_sets():
        verify((aside / "certificate.json").read_bytes(), today=date(2026, 1, 3), folder=aside)


def test_another_certificate_of_the_same_second_has_another_folder(tmp_path: Path) -> None:
    found = []
    for number in range(3):
        (tmp_path / "certificate.json").write_text(str(number), "utf-8")
        os.utime(tmp_path / "certificate.json", (1_800_000_000, 1_800_000_000))
        found.append(folder.put_certified_aside(tmp_path))
    assert [path and (path / "certificate.json").read_text() for path in found] == ["0", "1", "2"]
    assert folder.put_certified_aside(tmp_path) is None


def test_without_a_certificate_an_earlier_run_is_replaced(tmp_path: Path) -> None:
    at = earlier(tmp_path / "reports")
    (at / "certificate.json").unlink()
    assert folder.put_certified_aside(at) is None
    claim = folder.Claim(at)
    (folder.unfinished_results(at) / "new-result.json").write_text("{}", "utf-8")
    written = reports.write(judgement(at, "POST /flows/filter"))
    claim.release(whole=True)
    assert not (at / "badge.svg").exists()
    assert not (at / "allure-report" / "index.html").exists()
    assert "x-result.json" not in {path.name for path in (at / "allure-results").iterdir()}
    assert (at / "allure-results" / "new-result.json").is_file()
    assert [line.partition(":")[0] for line in written.missing] == ["allure-report"]


def test_pages_rendered_into_the_folder_of_another_run_are_not_mixed_with_its_reports(
    tmp_path: Path, command: Command
) -> None:
    at = earlier(tmp_path / "reports")
    document.write(conformant(), tmp_path / "other" / "verdicts.json")
    assert command("report", tmp_path / "other", "--output", at).code == 0
    assert not {"junit.xml", "contract.json", "badge.svg", "certificate.json"} & contents(at).keys()
    assert document.load(at / "verdicts.json") == conformant()
    assert [path.name for path in at.glob("earlier/*/certificate.json")] == ["certificate.json"]


def test_a_merge_leaves_nothing_of_an_earlier_run(tmp_path: Path) -> None:
    from test_shards import written

    at = earlier(tmp_path / "reports")
    (at / shards.FILE).write_text("of an earlier shard", "utf-8")
    parts = [written(tmp_path / str(number), number, 2) for number in (1, 2)]
    (parts[0] / "allure-results").mkdir()
    (parts[0] / "allure-results" / "part-result.json").write_text("{", "utf-8")
    shards.merge(parts, at, lambda _: None)
    names = {name for name in contents(at) if not name.startswith("earlier/")}
    assert not {shards.FILE, "certificate.json", "badge.svg", "allure-results/x-result.json"} & names
    assert "allure-results/part-result.json" in names
    folder.require_whole(at)


# A report that can't be written


def test_a_report_that_can_not_be_written_takes_no_other_with_it(tmp_path: Path) -> None:
    for name in ("junit.xml", "index.html", "contract.json"):
        (tmp_path / name).mkdir()
    written = reports.write(judgement(tmp_path, "POST /flows/filter"))
    assert document.load(tmp_path / "verdicts.json").counts[Verdict.FAILED] == 1
    told = "\n".join(written.missing)
    assert [line.partition(": not written: ")[0] for line in written.missing] == [
        *("junit.xml", "index.html", "contract.json")
    ], told
    assert told.count("Is a directory") == 3


# Broken off


def killed(at: Path) -> Path:
    """A folder in which a run began and was killed, with what an earlier one had left."""
    claim = folder.Claim(earlier(at))
    claim.begin(BEGUN)
    (folder.unfinished_results(at) / "half-result.json").write_text("{", "utf-8")
    claim.release(whole=False)
    return at


READING = [
    ("report", "{}"),
    ("summary", "{}"),
    ("summary", "{}", "--format", "annotations"),
    ("diff", "{}", "{}"),
    ("waivers", "propose", "{}"),
    ("merge", "{}"),
    ("certificate", "{}", "--vendor", "A", "--product", "B", "--product-version", "1"),
]


@pytest.mark.parametrize("arguments", READING, ids=lambda of: " ".join(of[:2]))
def test_what_lies_where_a_run_was_killed_is_not_read_as_its_own(
    arguments: tuple[str, ...], tmp_path: Path, command: Command
) -> None:
    at = killed(tmp_path / "reports")
    before = contents(at)
    said_once(
        command(*(part.format(at) for part in arguments)), "begun there at 2026-01-02T03:04:05", "killed", str(at)
    )
    assert contents(at) == before


def test_by_its_name_a_document_is_read_all_the_same(tmp_path: Path, command: Command) -> None:
    at = killed(tmp_path / "reports")
    assert command("summary", at / "verdicts.json").code == 0


def test_the_next_run_is_whole_again(tmp_path: Path) -> None:
    at = killed(tmp_path / "reports")
    claim = folder.Claim(at)
    claim.begin(BEGUN)
    reports.write(judgement(at, "POST /flows/filter"))
    claim.release(whole=True)
    folder.require_whole(at)
    assert "allure-results/half-result.json" not in contents(at)


# Two at once


def test_a_second_run_into_the_folder_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    at = earlier(tmp_path / "reports")
    claim = folder.Claim(at)
    claim.begin(BEGUN)
    (folder.unfinished_results(at) / "half-result.json").write_text("{", "utf-8")
    before = contents(at)
    done = cli("run", "--url", "http://127.0.0.1:9/api", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert "another run is under way" in done.stderr
    assert contents(at) == before
    assert (folder.unfinished_results(at) / "half-result.json").is_file()
    claim.release(whole=True)


@pytest.mark.parametrize("arguments", READING, ids=lambda of: " ".join(of[:2]))
def test_who_reads_it_meanwhile_is_told(arguments: tuple[str, ...], tmp_path: Path, command: Command) -> None:
    at = earlier(tmp_path / "reports")
    claim = folder.Claim(at)
    claim.begin(BEGUN)
    said_once(command(*(part.format(at) for part in arguments)), "a run is under way there", "wait")
    claim.release(whole=True)


def test_shards_are_not_joined_into_the_folder_of_a_run_that_is_under_way(tmp_path: Path, command: Command) -> None:
    from test_shards import written

    claim = folder.Claim(tmp_path / "reports")
    part = written(tmp_path / "1", 1, 1)
    said_once(command("merge", part, "--reports", tmp_path / "reports"), "another run is under way")
    claim.release(whole=True)


# Of another version of the suite


def _older(content: dict[str, Any]) -> None:
    content["schema"] = "urn:prefect-conformance:verdicts:0"


def _newer(content: dict[str, Any]) -> None:
    content["schema"] = "urn:prefect-conformance:verdicts:2"


def _without(content: dict[str, Any]) -> None:
    del content["operations"]


def _more(content: dict[str, Any]) -> None:
    content["verdicts"][0]["mood"] = "good"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (_older, "schema 'urn:prefect-conformance:verdicts:0'"),
        (_newer, "schema 'urn:prefect-conformance:verdicts:2'"),
        (_without, "'operations' is a required property"),
        (_more, "mood"),
    ],
)
@pytest.mark.parametrize("arguments", [each for each in READING if each[0] != "merge"], ids=lambda of: " ".join(of[:2]))
def test_a_document_of_another_suite_is_one_line(
    arguments: tuple[str, ...], change: Callable[[Any], None], says: str, tmp_path: Path, command: Command
) -> None:
    at = earlier(tmp_path / "reports")
    content = json.loads((at / "verdicts.json").read_text("utf-8"))
    change(content)
    (at / "verdicts.json").write_text(json.dumps(content), "utf-8")
    before = contents(at)
    said_once(command(*(part.format(at) for part in arguments)), str(at / "verdicts.json"), says)
    assert contents(at) == before


@pytest.mark.parametrize("arguments", [("verify", "{}"), ("badge", "{}")], ids=lambda of: of[0])
def test_a_certificate_of_another_suite_is_rejected_by_its_form(
    arguments: tuple[str, ...], tmp_path: Path, command: Command
) -> None:
    at = earlier(tmp_path / "reports")
    statement = json.loads((at / "certificate.json").read_text("utf-8"))
    statement["predicateType"] = "https://in-toto.io/attestation/test-result/v9"
    (at / "certificate.json").write_bytes(dump(statement))
    before = contents(at)
    told = command(*(part.format(at / "certificate.json") for part in arguments))
    assert (told.code, told.err) == (1, "")
    assert told.out.count("\n") == 1
    assert "rejected: " in told.out
    assert "predicateType" in told.out
    assert contents(at) == before


def test_a_shard_of_another_suite_is_one_line(tmp_path: Path, command: Command) -> None:
    from test_shards import written

    part = written(tmp_path / "1", 1, 1)
    content = json.loads((part / shards.FILE).read_text("utf-8"))
    (part / shards.FILE).write_text(json.dumps(content | {"since": 2}), "utf-8")
    said_once(command("merge", part, "--reports", tmp_path / "all"), shards.FILE, "run the shard again")
    assert not (tmp_path / "all").exists()


def test_a_run_replaces_what_an_older_suite_has_left(tmp_path: Path) -> None:
    at = earlier(tmp_path / "reports")
    (at / "verdicts.json").write_text('{"version": 0}', "utf-8")
    (at / "certificate.json").write_text("old", "utf-8")
    aside = folder.put_certified_aside(at)
    reports.write(judgement(at, "POST /flows/filter"))
    assert document.load(at / "verdicts.json").counts[Verdict.FAILED] == 1
    assert aside is not None
    assert (aside / "verdicts.json").read_text("utf-8") == '{"version": 0}'


# An interrupt, on a real server


@pytest.mark.server
@pytest.mark.wide
def test_a_run_that_is_stopped_keeps_its_verdicts_in_every_report(
    server: embedded.EmbeddedServer, tmp_path: Path
) -> None:
    at = earlier(tmp_path / "reports")
    script = Path(sys.executable).with_name("prefect-conformance")
    chosen = ("--select", "verbs.*", "--select", "contract.*", "--no-allure")
    with subprocess.Popen(
        [str(script), "run", "--url", server.url, "--exclusive", *chosen],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as run:
        assert run.stdout is not None
        output = ""
        for line in run.stdout:
            output += line
            if "checking: " in line and "Contract" not in line:
                break
        assert (at / "index.html").read_text("utf-8") == "the earlier index.html"
        # What a CI system or a container sends; Ctrl-C has its own test.
        run.send_signal(signal.SIGTERM)
        output += run.communicate(timeout=120)[0]
    assert run.returncode == 3, output
    assert "Traceback" not in output
    found = document.load(at / "verdicts.json")
    assert found.result == "incomplete"
    assert "the run was interrupted: it was told to end, by Ctrl-C or SIGTERM" in found.reasons
    ran = [entry for entry in found.verdicts if entry.verdict is not Verdict.COULD_NOT_RUN]
    assert 0 < len(ran) < len(found.verdicts)
    cases = etree.parse(at / "junit.xml").findall(".//testcase")
    assert len(cases) == len(found.verdicts)
    assert len(list((at / "allure-results").glob("*-result.json"))) >= len(ran)
    assert not (at / "allure-results" / "x-result.json").exists()
    page = (at / "index.html").read_text("utf-8")
    assert "<title>Incomplete: " in page
    assert "it was told to end, by Ctrl-C or SIGTERM" in page
    assert found.operations
    assert found.api_coverage is not None
    for name in ("coverage.html", "api-coverage.html", "catalogue.html"):
        assert (at / name).read_text("utf-8").startswith("<!doctype html>")
    assert json.loads((at / "contract.json").read_text("utf-8"))["paths"]
    assert not (at / "certificate.json").exists()
    assert len(list(at.glob("earlier/*/certificate.json"))) == 1
    folder.require_whole(at)
