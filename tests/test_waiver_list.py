"""The list of waivers: which are shown, and how old they are."""

from __future__ import annotations

import io
from datetime import date
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner
from verdict_samples import CATALOGUE, MUST, OTHER

from conformance import catalogue
from conformance.cli import app
from conformance.errors import WaiverError
from conformance.verdicts import waiver_list, waivers

TODAY = date(2026, 6, 15)

FILE = f"""
since = 2026-06-05

[[waiver]]
requirement = "{OTHER}"
subject = "b"
versions = ["3.9.1"]
databases = ["sqlite"]
reason = "Known."
replay = "curl x"

[[waiver]]
requirement = "{MUST}"
subject = "a"
reason = "Known."
replay = "curl x"
since = 2026-06-01
expires = 2026-06-30
"""


def shown(text: str, folder: Path) -> list[list[str]]:
    """The cells of the lines that are printed for a file of this text."""
    path = folder / "w.toml"
    path.write_text(text, "utf-8")
    console = Console(file=io.StringIO(), width=200)
    waiver_list.show(console, [waiver for waiver, _ in waivers.read([path], CATALOGUE, TODAY)], TODAY)
    assert isinstance(console.file, io.StringIO)
    return [line.split() for line in console.file.getvalue().splitlines()]


def test_the_oldest_comes_first_with_its_age(tmp_path: Path) -> None:
    assert shown(FILE, tmp_path)[1:] == [
        [MUST, "a", "every", "release", "2026-06-01", "14", "2026-06-30"],
        [OTHER, "b", "3.9.1", "on", "sqlite", "2026-06-05", "10", "never"],
        ["2", "waivers,", "1", "of", "which", "expires"],
    ]


def test_where_more_is_told_of_one(tmp_path: Path) -> None:
    linked = FILE.replace('requirement = "verbs.must"', 'requirement = "verbs.must"\nlink = "https://example.org/1"')
    heads, first, second, _ = shown(linked, tmp_path)
    assert heads[-1] == "link"
    assert (first[-1], second[-1]) == ("https://example.org/1", "never")


def test_where_no_day_is_known(tmp_path: Path) -> None:
    assert shown(FILE.replace("since = 2026-06-05", ""), tmp_path)[1][-2:] == ["unknown", "never"]
    assert shown("", tmp_path) == [["no", "waiver"]]


def test_a_terminal_sequence_is_shown_and_not_obeyed(tmp_path: Path) -> None:
    [line] = [line for line in shown(FILE.replace('"a"', '"a\\u001b[2Jb"'), tmp_path) if "14" in line]
    assert line[1] == "ab"


@pytest.mark.parametrize("value", ['"2026-06-05"', "1", "true", "2026-06-05T00:00:00Z"])
def test_since_is_a_date(tmp_path: Path, value: str) -> None:
    for text in (f"since = {value}", FILE.replace("since = 2026-06-01", f"since = {value}")):
        with pytest.raises(WaiverError, match=r"w\.toml: .*'since'"):
            shown(text, tmp_path)


def test_the_command_filters() -> None:
    def lines(*arguments: str) -> list[str]:
        done = CliRunner().invoke(app, ["waivers", *arguments])
        assert done.exit_code == 0, done.output
        return done.stdout.splitlines()

    every = waivers.read(waivers.shipped(), catalogue.load())
    assert lines()[-1].startswith(f"{len(every)} waivers")
    of_newest = [waiver for waiver, _ in every if waiver.holds_for("3.9.1")]
    assert len(of_newest) < len(every)
    assert lines("--server", "prefect==3.9.1")[-1].startswith(f"{len(of_newest)} waivers")
    assert lines("--server", "prefect==9.9.9") == ["no waiver"]
    paging = [waiver for waiver in of_newest if waiver.requirement.startswith("paging.")]
    assert lines("--server", "3.9.1", "--select", "paging.*")[-1].startswith(f"{len(paging)} waiver")
    assert "write prefect==VERSION" in str(CliRunner().invoke(app, ["waivers", "--server", "orion"]).exception)


def test_every_shipped_waiver_has_its_day() -> None:
    assert all(waiver.since is not None for waiver, _ in waivers.read(waivers.shipped(), catalogue.load()))
