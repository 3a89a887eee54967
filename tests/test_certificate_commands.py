"""The commands about certificates, on what is really published: certify, certificate, verify and badge."""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from certificate_samples import (
    CERTIFICATE,
    EVERY,
    HOSTILE,
    IN_TOTO,
    ISSUED,
    KEY,
    PLURAL_NAME,
    PRODUCT,
    PUT_NAME,
    certified,
    pem,
    public_pem,
    run,
    written,
)

from conformance import cli as commands
from conformance.catalogue import sets
from conformance.settings import Settings
from conformance.verdicts.certificate import certify, key_id, verify
from conformance.verdicts.certificate.statement import EXTENSION, dump
from conformance.verdicts.model import Verdict

F, W, C = Verdict.FAILED, Verdict.WAIVED, Verdict.COULD_NOT_RUN

pytestmark = pytest.mark.usefixtures("small_sets")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The reports of a run of 2.0.0 in which all passed but one check of a SHOULD, which is waived."""
    folder = tmp_path_factory.mktemp("whole")
    by = sets.load("prefect-2.0.0/1")
    changes = {"routes.nesting GET /flows/{id}": (W, "known")}
    served = {"version": "2.0.0", "compared_with": "2.0.0"}
    written(folder / "reports", run(changes, by=by, target=served))
    (folder / "key.pem").write_bytes(pem(KEY))
    (folder / "key.pub").write_bytes(public_pem(KEY))
    return folder


TARGET = ("--url", "http://127.0.0.1:1/api")
NAMED = ("--vendor", "Acme", "--product", "Flower", "--product-version", "1.2")


@pytest.fixture
def _published(small_sets: None) -> Iterator[None]:
    """The commands run in processes of their own, where the small sets are not; what is made here is made as there."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("published", "load", "for_release"):
            patch.setattr(sets, name, ORIGINAL[name])
        yield


ORIGINAL = {name: getattr(sets, name) for name in ("published", "load", "for_release")}


@dataclass
class Ended:
    """What a command ended with, and said."""

    code: object
    out: str
    err: str


Command = Callable[..., Ended]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs a command in a folder, in this process: to import the suite anew takes seconds each time."""

    def run_(folder: Path, *arguments: str) -> Ended:
        monkeypatch.chdir(folder)
        monkeypatch.setattr(sys, "argv", ["prefect-conformance", *arguments])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            commands.main()
        said = capsys.readouterr()
        return Ended(ended.value.code or 0, said.out, said.err)

    return run_


@pytest.mark.usefixtures("_published")
def test_a_certificate_is_made_verified_and_shown(whole: Path, command: Command) -> None:
    made = command(whole, "certificate", "reports", *NAMED, "--key", "key.pem")
    assert (made.code, made.err) == (0, "")
    content = json.loads((whole / "reports" / "certificate.json").read_bytes())
    assert list(CERTIFICATE.iter_errors(content)) == []
    assert list(CERTIFICATE.iter_errors(json.loads(base64.b64decode(content["payload"])))) == []
    assert list(IN_TOTO.iter_errors(json.loads(base64.b64decode(content["payload"])))) == []

    file = "reports/certificate.json"
    verified = command(whole, "verify", file, "--key", "key.pub", "--evidence", "reports")
    assert (verified.code, verified.err) == (0, "")
    assert "reports/certificate.json: valid" in verified.out
    assert "core        certified (of 1403 checks)" in verified.out
    assert "signed by the key" in verified.out

    unkeyed = command(whole, "verify", file)
    assert (unkeyed.code, unkeyed.out) == (2, "")
    assert "give its public key with --key" in unkeyed.err

    badge = command(whole, "badge", file, "--key", "key.pub")
    assert (badge.code, badge.err) == (0, "")
    assert json.loads((whole / "reports" / "badge.json").read_text())["message"] == "2.0.0: all profiles"
    ElementTree.fromstring((whole / "reports" / "badge.svg").read_text())


@pytest.mark.usefixtures("_published")
def test_what_verify_and_badge_end_with(whole: Path, tmp_path: Path, command: Command) -> None:
    raw = certify(whole / "reports", PRODUCT, datetime.now(UTC))
    (tmp_path / "cut.json").write_bytes(raw[:100])
    for name in ("verify", "badge"):
        cut = command(tmp_path, name, "cut.json")
        assert (cut.code, cut.err) == (1, "")
        assert cut.out.startswith("cut.json: rejected: the file is not one whole JSON document")
        none = command(tmp_path, name, "none.json")
        assert (none.code, none.out) == (2, "")
        assert none.err == "Error: none.json: can't read the certificate: No such file or directory\n"
    assert not list(tmp_path.glob("badge.*"))
    (tmp_path / "whole.json").write_bytes(raw)
    nowhere = command(tmp_path, "verify", "whole.json", "--evidence", "nowhere")
    assert (nowhere.code, nowhere.err) == (2, "Error: nowhere: no folder with the reports of a run\n")
    unsigned = command(tmp_path, "verify", "whole.json")
    assert unsigned.code == 0
    assert "not signed" in unsigned.out


@pytest.mark.usefixtures("_published")
def test_every_reason_is_on_a_line_of_its_own(whole: Path, tmp_path: Path, command: Command) -> None:
    content = json.loads(certify(whole / "reports", PRODUCT, datetime.now(UTC)))
    content["predicate"][EXTENSION]["run"] |= {"filtered": True, "result": "non-conformant"}
    (tmp_path / "edited.json").write_bytes(dump(content))
    edited_ = command(tmp_path, "verify", "edited.json")
    assert edited_.code == 1
    assert [line.partition(": rejected: ")[2][:16] for line in edited_.out.splitlines()] == [
        "the run was filt",
        "the run is calle",
    ]


def test_names_of_a_certificate_do_nothing_on_a_terminal(tmp_path: Path, command: Command) -> None:
    (tmp_path / "it.json").write_bytes(certify(written(tmp_path, run()), HOSTILE, ISSUED))
    shown = command(tmp_path, "verify", "it.json")
    assert shown.code == 0
    assert "<script>alert(1)</script>" in shown.out
    assert "\x1b" not in shown.out
    assert "\u202e" not in shown.out


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ((), "Missing option"),
        ((*NAMED, "--product-sha256", "abc", "--server", "prefect==2.0.0"), "is no SHA-256"),
        ((*NAMED[:-1], " ", "--server", "prefect==2.0.0"), "--product-version is empty"),
        ((*NAMED, "--set", "prefect-1.0.0/1", "--server", "prefect==2.0.0"), "there is no certification set"),
        ((*NAMED, "--key", "none.pem", "--server", "prefect==2.0.0"), "can't read the key"),
        (NAMED, "say what is certified: one of --url and --server"),
        ((*NAMED, "--select", "sort.*", "--server", "prefect==2.0.0"), "No such option"),
    ],
)
def test_certify_refuses_bad_input_before_it_runs(
    wrong: tuple[str, ...], why: str, tmp_path: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    running(monkeypatch, lambda _: pytest.fail("it runs"))
    told = command(tmp_path, "certify", *wrong)
    assert told.code == 2
    assert why in told.err
    assert told.err.count("\n") == 1


def running(monkeypatch: pytest.MonkeyPatch, runs: Callable[[Settings], int]) -> None:
    """Have this in the place of the run that `certify` makes."""
    monkeypatch.setattr("conformance.cli.running._run", runs)


@pytest.mark.parametrize(("changes", "code"), [({}, 0), ({PLURAL_NAME: F}, 1), ({PUT_NAME: C}, 3)])
def test_certify_writes_the_certificate_of_its_run_and_ends_as_that(
    changes: Any, code: int, tmp_path: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def runs(asked: Settings) -> int:
        assert (asked.select, asked.shard, asked.read_only, asked.fuzz, asked.exploring) == (
            (),
            None,
            False,
            True,
            False,
        )
        assert asked.url == "http://127.0.0.1:1/api"
        written(asked.reports, run(changes))
        return code

    running(monkeypatch, runs)
    (tmp_path / "key.pem").write_bytes(pem(KEY))
    ended = command(tmp_path, "certify", *NAMED, *TARGET, "--key", "key.pem")
    assert (ended.code, ended.err) == (code, "")
    raw = (tmp_path / "reports" / "certificate.json").read_bytes()
    verified = verify(raw, today=datetime.now(UTC).date(), key=KEY.public_key(), folder=tmp_path / "reports")
    assert len(certified(verified)) == len(EVERY) - bool(changes)
    assert f"signed by the key {key_id(KEY.public_key())}" in ended.out


def test_a_run_that_can_not_begin_leaves_the_certificate_of_an_earlier_one(
    tmp_path: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    reports = written(tmp_path / "reports", run())
    (reports / "certificate.json").write_bytes(certify(reports, PRODUCT, ISSUED))
    running(monkeypatch, lambda _: 2)
    before = {path: path.read_bytes() for path in reports.iterdir() if path.is_file()}
    assert command(tmp_path, "certify", *NAMED, *TARGET).code == 2
    assert {path: path.read_bytes() for path in reports.iterdir() if path.is_file()} == before


def test_a_run_that_is_none_to_certify_by_keeps_its_own_end(
    tmp_path: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(asked: Settings) -> int:
        written(asked.reports, run({PUT_NAME: C}, target={"version": None}))
        return 3

    running(monkeypatch, lost)
    ended = command(tmp_path, "certify", *NAMED, *TARGET)
    assert ended.code == 3
    assert "no certificate: the run broke off before it knew its target" in ended.out
