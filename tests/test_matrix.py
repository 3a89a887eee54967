"""Every generation, to a result: what a release deviates in is named, and nothing stops the rest."""

from pathlib import Path

import pytest
from conftest import cli, differing, plain_pytest, verdicts

from conformance.target.embedded.releases import supported
from conformance.verdicts import document

pytestmark = [pytest.mark.server, pytest.mark.wide]


@pytest.mark.parametrize("version", [release.version for release in supported()])
def test_a_release_is_run_to_a_result(version: str, tmp_path: Path) -> None:
    done = cli("run", "--server", f"prefect=={version}", "--workers", "2", cwd=tmp_path, timeout=1200)
    assert "Traceback" not in done.stdout + done.stderr
    assert done.returncode in (0, 1), done.stdout[-3000:]
    found = document.load(tmp_path / "reports" / "verdicts.json")
    assert found.counts["could-not-run"] == 0, done.stdout[-3000:]  # type: ignore[index]
    assert found.never_called == found.unanswered == ()
    assert found.grammar.unknown == ()
    print(version, found.result, dict(found.counts))


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
