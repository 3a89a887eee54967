"""Two runs or two contracts side by side: where they come from, how they are told, and bad input."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from contract_samples import BASE, POST, changed
from rich.console import Console
from test_access import prefect, web
from test_coverage_page import EVIL
from verdict_samples import MUST, OTHER, build, judged, ledger

from conformance.cli import main
from conformance.contract.changes import ContractChange
from conformance.errors import ConformanceError
from conformance.run import differing
from conformance.verdicts import difference
from conformance.verdicts.comparison import compare
from conformance.verdicts.difference import Differences
from conformance.verdicts.document import Document, write
from conformance.verdicts.model import Verdict

# Where they come from


def run(verdict: Verdict = Verdict.PASSED, contract: str | None = None, shard: str | None = None) -> Document:
    made = build(ledger(judged(MUST, "a", verdict), judged(OTHER, "z")))
    target = made.target.model_copy(update={"contract_sha256": contract})
    return made.model_copy(update={"target": target, "run": made.run.model_copy(update={"shard": shard})})


def reports(folder: Path, made: Document, contract: Any = None) -> Path:
    folder.mkdir()
    write(made, folder / "verdicts.json")
    if contract is not None:
        (folder / "contract.json").write_text(contract if isinstance(contract, str) else json.dumps(contract))
    return folder


def diff(one: object, other: object) -> Differences:
    return differing.differences(differing.side(str(one)), differing.side(str(other)))


def test_two_runs_that_kept_their_contracts(tmp_path: Path) -> None:
    lesser = changed((("paths", "/version"), ...))
    before, after = reports(tmp_path / "a", run(), BASE), reports(tmp_path / "b", run(Verdict.FAILED), lesser)
    for one, other in ((before, after), (before / "verdicts.json", after / "verdicts.json")):
        found = diff(one, other)
        assert found.regressed
        assert [change.what for change in found.breaking] == ["lost"]
        assert found.notes == ()
    assert (diff(after, before).regressed, diff(after, before).breaking) == (False, [])


def test_a_run_of_an_older_suite_has_no_contract(tmp_path: Path) -> None:
    before, after = reports(tmp_path / "a", run(contract="0" * 64)), reports(tmp_path / "b", run(), BASE)
    found = diff(before, after)
    assert (found.verdicts, found.contract) == ((), None)
    assert found.notes == (f"the contracts are not compared: no contract.json with {before}",)
    # The same digest is the same contract.
    same = reports(tmp_path / "c", run(contract="0" * 64))
    assert diff(before, same).contract == ()
    # What lies beside a file of another name may be another run's.
    write(run(), tmp_path / "b" / "older.json")
    assert diff(before, tmp_path / "b" / "older.json").contract is None


def test_a_run_and_a_contract_are_compared_by_their_contracts(tmp_path: Path) -> None:
    folder = reports(tmp_path / "a", run(), BASE)
    (tmp_path / "own.json").write_text(json.dumps(changed((("paths", "/version"), ...))))
    found = diff(folder, tmp_path / "own.json")
    assert (found.verdicts, len(found.breaking)) == (None, 1)
    assert found.notes == ("the verdicts are not compared: one side is a contract",)


def test_two_servers_are_compared_by_their_contracts() -> None:
    with web(prefect) as (url, _):
        found = diff("prefect==3.6.29", f"{url}/openapi.json")
        assert (len(found.breaking), len(found.contract or ())) == (1, 39)
        assert diff(f"{url}/openapi.json", f"{url}/openapi.json").contract == ()
        with pytest.raises(ConformanceError, match="answers 404.*; give the address of an OpenAPI document"):
            diff(f"{url}/nothing", f"{url}/openapi.json")


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("none", "none: can't read the verdicts: No such file"),
        ("empty", "verdicts.json: can't read the verdicts: No such file"),
        ("page.html", "page.html: not a whole JSON document"),
        ("other.json", "other.json: names no schema, so it is no verdicts document"),
        ("older.json", "older.json: is of the schema 'urn:prefect-conformance:verdicts:0'"),
        ("paths.json", "paths.json: it is no OpenAPI document: it describes no operation"),
        ("odd.json", "odd.json: it has an operation that is none"),
        ("schemas.json", "one has a schema that is none"),
        ("damaged", "contract.json: it is no OpenAPI document: it is not JSON"),
        ("prefect==3.9.2", "diff prefect==3.9.2: the suite has the contracts of the releases 2.0.0"),
        ("http://127.0.0.1:9/openapi.json", "diff: nothing answers at http://127.0.0.1:9"),
        ("http://me:hunter2@host/openapi.json", "diff has credentials in its address"),
        ("", "can't read the verdicts"),
        ("a\0b", "not a whole JSON document"),
    ],
)
def test_what_can_not_be_compared(spec: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "page.html").write_text("<html>")
    (tmp_path / "other.json").write_text("{}")
    (tmp_path / "older.json").write_text('{"schema": "urn:prefect-conformance:verdicts:0"}')
    (tmp_path / "paths.json").write_text('{"openapi": "3.1.0", "paths": {}}')
    (tmp_path / "odd.json").write_text(json.dumps(changed(((*POST, "parameters"), [{}]))))
    (tmp_path / "schemas.json").write_text(
        json.dumps(
            {
                **BASE,
                "paths": {
                    "/version": {
                        "get": {
                            "responses": {"200": {"content": {"application/json": {"schema": {"properties": [1]}}}}}
                        }
                    }
                },
            }
        )
    )
    reports(tmp_path / "damaged", run(), "{")
    for one, other in ((spec, "prefect==3.9.1"), ("prefect==3.9.1", spec)):
        with pytest.raises(ConformanceError) as caught:
            diff(one, other)
        assert says in str(caught.value)
        assert "\n" not in str(caught.value)
        assert "hunter2" not in str(caught.value)


def test_shards_are_joined_before_they_are_compared(tmp_path: Path) -> None:
    one, two = (reports(tmp_path / number, run(shard=f"{number}/2"), BASE) for number in "12")
    again, whole = reports(tmp_path / "again", run(shard="1/2"), BASE), reports(tmp_path / "all", run(), BASE)
    assert diff(one, again).verdicts == ()
    with pytest.raises(ConformanceError, match="1 is shard 1/2 and .*2 is shard 2/2: join shards with"):
        diff(one, two)
    with pytest.raises(ConformanceError, match="1 is shard 1/2 and .*all is whole: join shards with"):
        diff(one, whole)


# How they are told


Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Command:
    """Run the console script in this process; its exit code, what it printed, and what it complained of."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["prefect-conformance", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out, printed.err

    return call


def test_the_exit_code_tells_a_regression_and_where_it_is_asked_a_breaking_change(
    command: Command, tmp_path: Path
) -> None:
    reports(tmp_path / "a", run(), BASE)
    reports(tmp_path / "b", run(), changed((("paths", "/version"), ...)))
    reports(tmp_path / "c", run(Verdict.FAILED), BASE)
    code, out, _ = command("diff", "a", "b")
    assert code == 0
    assert "breaking changes of the contract (1):\n  GET /version: lost\n" in out
    assert "contract: 1 breaking, 0 other changes" in out
    code, out, _ = command("diff", "a", "b", "--fail-on", "breaking", "--format", "json")
    assert code == 1
    assert json.loads(out)["contract"] == {
        "breaking": 1,
        "changes": [{"operation": "GET /version", "what": "lost", "breaking": True}],
    }
    for fail_on in ("regression", "breaking"):
        assert command("diff", "a", "c", "--fail-on", fail_on)[0] == 1
        assert command("diff", "c", "a", "--fail-on", fail_on, "--format", "markdown")[0] == 0
    assert command("diff", "prefect==3.9.1", "prefect==3.0.0")[0] == 0


def test_what_can_not_be_asked_of_it(command: Command, tmp_path: Path) -> None:
    reports(tmp_path / "a", run(), BASE)
    reports(tmp_path / "b", run())
    for arguments, says in [
        (("a", "b", "--fail-on", "breaking"), "the contracts are not compared: no contract.json with b"),
        (("prefect==3.9.1", "b"), "b: no contract.json there"),
        (("a", "b", "--format", "yaml"), "yaml"),
        (("a", "b", "--fail-on", "everything"), "everything"),
        (("a",), "B"),
    ]:
        code, out, err = command("diff", *arguments)
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert says in err


def sample(subject: str = "a", summary: str = "one row too many") -> Differences:
    before = build(ledger(judged(MUST, subject), judged(OTHER, "z")))
    after = build(ledger(judged(MUST, subject, Verdict.FAILED, summary=summary), judged(OTHER, "z")))
    found = [ContractChange(f"GET /{subject}", "lost", breaking=True), ContractChange("GET /b", "new", breaking=False)]
    return Differences("a", "b", compare(before, after), found, ("a note",))


def text(found: Differences, encoding: str = "utf-8") -> str:
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding=encoding)
    difference.show(Console(file=file, width=200, highlight=False, markup=False, emoji=False), found)
    file.flush()
    return raw.getvalue().decode(encoding)


def test_the_three_formats_say_the_same() -> None:
    found = sample()
    assert text(found).splitlines() == [
        "regressed (1):",
        f"  {MUST} on a: passed, then failed: one row too many",
        "result:  1 regressed, 0 fixed, 0 waived since, 0 failing otherwise, 0 new, 0 gone",
        "breaking changes of the contract (1):",
        "  GET /a: lost",
        "other changes of the contract (1):",
        "  GET /b: new",
        "contract: 1 breaking, 1 other changes",
        "a note",
    ]
    content = json.loads(difference.as_json(found))
    assert content["verdicts"]["counts"]["regressed"] == 1
    assert content["verdicts"]["changes"] == [
        {
            "change": "regressed",
            "requirement": MUST,
            "subject": "a",
            "before": "passed",
            "after": "failed",
            "summary": "one row too many",
        }
    ]
    assert content["contract"]["changes"][1] == {"operation": "GET /b", "what": "new", "breaking": False}
    assert difference.as_markdown(found).splitlines() == [
        "### From a to b",
        "",
        "Checks: 1 regressed, 0 fixed, 0 waived since, 0 failing otherwise, 0 new, 0 gone.",
        "",
        "| | requirement | subject | before | after |",
        "|---|---|---|---|---|",
        f"| regressed | {MUST} | a | passed | failed&#58; one row too many |",
        "",
        "Contract: 1 breaking, 1 other changes.",
        "",
        "- **breaking** GET /a&#58; lost",
        "- GET /b&#58; new",
        "",
        "a note",
    ]


def test_what_was_not_compared_is_left_out() -> None:
    nothing = Differences("a", "b", None, None)
    assert (text(nothing), json.loads(difference.as_json(nothing))["contract"]) == ("", None)
    assert difference.as_markdown(nothing) == "### From a to b\n"
    assert text(Differences("a", "b", None, [])) == "contract: no change\n"


def test_of_many_changes_the_first_are_named() -> None:
    many = [ContractChange(f"GET /{n}", "lost", breaking=True) for n in range(60)]
    found = Differences("a", "b", None, many)
    assert "  and 10 more: --format json has them" in text(found).splitlines()
    assert "- and 10 more" in difference.as_markdown(found).splitlines()
    assert len(json.loads(difference.as_json(found))["contract"]["changes"]) == 60


class Tags(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.found.append(tag)


HOSTILE = f"{EVIL} | cell | @someone **bold** _x_ [a](http://b) ![i](x) `c` #1 www.example.com ~~gone~~ \nnext \ud800"


@pytest.mark.parametrize("render", [text, difference.as_json, difference.as_markdown, lambda f: text(f, "ascii")])
def test_what_a_server_named_stays_text(render: Callable[[Differences], str]) -> None:
    shown = render(sample(HOSTILE, HOSTILE))
    for sequence in ("\x1b", "\u202e", "\ud800"):
        assert sequence not in shown
    shown.encode("utf-8")


def test_markdown_sees_nothing_of_a_server() -> None:
    shown = difference.as_markdown(sample(HOSTILE, HOSTILE))
    assert Tags(shown).found == []
    for mark in ("@someone", "**bold", "_x_", "[a]", "](", "`", "www.", "http:", "~~", "{{"):
        assert mark not in shown
    (row,) = [line for line in shown.splitlines() if line.startswith("| regressed")]
    assert row.count("|") == 6
    assert "&#35;1" in row
