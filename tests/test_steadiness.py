"""The same server gets the same verdicts, however the suite is run."""

from pathlib import Path

import pytest
from conftest import cli, differing, plain_pytest, verdicts

from conformance.verdicts import document

pytestmark = [pytest.mark.server, pytest.mark.wide]


def counted(folder: Path) -> dict[str, tuple[int, int, int]]:
    """Questions that a cell of the grammar was judged by: those with a hit, with a miss, and on a null."""
    grammar = document.load(folder / "reports" / "verdicts.json").grammar
    return {cell.name: (cell.hit, cell.miss, cell.null) for cell in grammar.cells}


def test_one_worker_and_plain_pytest_give_the_same_verdicts(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.mkdir()
    other.mkdir()
    assert cli("run", "--workers", "1", "--no-waivers", cwd=one, timeout=1200).returncode == 1
    assert plain_pytest("-n", "2", "--conformance-no-waivers", cwd=other, timeout=1200).returncode == 1
    assert len(verdicts(one)) > 4000
    assert differing(verdicts(one), verdicts(other)) == {}
    assert counted(one) == counted(other)
