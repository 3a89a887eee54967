"""Every supported release, one after another, to its result; and one table of them all."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import cli

from conformance.target.embedded.releases import supported
from conformance.verdicts import document, matrix

pytestmark = [pytest.mark.server, pytest.mark.wide]

TABLE = Path("reports") / "matrix.md"
"""Where the table is written, from the folder that the tests are run in."""


@pytest.fixture(scope="module")
def runs() -> Iterator[list[document.Document]]:
    """What the releases were found to be; it grows, and whatever it holds in the end is in the table."""
    found: list[document.Document] = []
    yield found
    TABLE.parent.mkdir(exist_ok=True)
    TABLE.write_text(f"{matrix.table(found)}\n{matrix.LEGEND}\n", "utf-8")


@pytest.mark.parametrize("version", [release.version for release in supported()])
def test_a_release_is_conformant_with_its_waivers(version: str, runs: list[document.Document], tmp_path: Path) -> None:
    done = cli("run", "--server", f"prefect=={version}", "--workers", "2", cwd=tmp_path, timeout=3600)
    found = document.load(tmp_path / "reports" / "verdicts.json")
    runs.append(found)
    assert "Traceback" not in done.stdout + done.stderr
    assert found.counts["could-not-run"] == 0, done.stdout[-3000:]  # type: ignore[index]
    assert found.never_called == found.unanswered == ()
    assert all(operation.requirements for operation in found.operations.values() if operation.calls)
    assert found.grammar.unknown == ()
    assert [str(gap) for gap in found.grammar.uncovered] == []
    assert done.returncode == 0, done.stdout[-3000:]
