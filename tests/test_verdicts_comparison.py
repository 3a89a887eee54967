"""Two runs against each other."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import cli
from verdict_samples import MUST, OTHER, build, judged, ledger, waived

from conformance.verdicts.comparison import Change, compare
from conformance.verdicts.document import Document, write
from conformance.verdicts.model import Verdict

P, F, W, N, C = Verdict.PASSED, Verdict.FAILED, Verdict.WAIVED, Verdict.NOT_APPLICABLE, Verdict.COULD_NOT_RUN


def run(verdict: Verdict | None, summary: str = "so") -> Document:
    """A run in which `a` has this verdict, or was not checked; something else passes in every one."""
    entries = [judged(OTHER, "z")]
    waivers = None
    if verdict is W:
        entries.append(judged(MUST, "a", F, summary=summary))
        waivers = waived((MUST, "a"))
    elif verdict is P:
        entries.append(judged(MUST, "a"))
    elif verdict is not None:
        entries.append(judged(MUST, "a", verdict, summary=summary))
    return build(ledger(*entries, waivers=waivers))


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [
        (P, F, Change.REGRESSED),
        (P, C, Change.REGRESSED),
        (W, F, Change.REGRESSED),
        (F, P, Change.FIXED),
        (C, P, Change.FIXED),
        (W, P, Change.FIXED),
        (P, W, Change.WAIVED),
        (F, W, Change.WAIVED),
        (F, C, Change.OTHERWISE),
        (None, F, Change.NEW),
        (N, P, Change.NEW),
        (P, None, Change.GONE),
        (F, N, Change.GONE),
        (P, P, None),
        (F, F, None),
        (W, W, None),
        (N, None, None),
    ],
)
def test_what_became_of_a_check(before: Verdict | None, after: Verdict | None, change: Change | None) -> None:
    found = compare(run(before), run(after))
    assert [changed.change for changed in found] == ([] if change is None else [change])
    for changed in found:
        assert (changed.requirement, changed.subject) == (MUST, "a")
        assert (changed.before is None, changed.after is None) == (before is None, after is None)


def test_a_failure_that_says_something_else_is_told() -> None:
    assert [changed.change for changed in compare(run(F, "one row too many"), run(F, "500"))] == [Change.OTHERWISE]


def test_regressions_come_first() -> None:
    before = build(ledger(judged(MUST, "a", F), judged(MUST, "b"), judged(OTHER, "a")))
    after = build(ledger(judged(MUST, "a"), judged(MUST, "b", F), judged(MUST, "c")))
    found = compare(before, after)
    assert [(changed.change, changed.subject) for changed in found] == [
        (Change.REGRESSED, "b"),
        (Change.FIXED, "a"),
        (Change.NEW, "c"),
        (Change.GONE, "a"),
    ]


def test_the_command_tells_a_regression_by_its_exit_code(tmp_path: Path) -> None:
    (tmp_path / "reports").mkdir()
    write(run(P), tmp_path / "reports" / "verdicts.json")
    write(run(F, "one row too many"), tmp_path / "later.json")
    worse = cli("diff", "reports", "later.json", cwd=tmp_path)
    assert worse.returncode == 1, worse.stderr
    assert f"regressed (1):\n  {MUST} on a: passed, then failed: one row too many" in worse.stdout
    assert cli("diff", "later.json", "reports", cwd=tmp_path).returncode == 0
    missing = cli("diff", "reports", "none.json", cwd=tmp_path)
    assert (missing.returncode, missing.stderr.count("\n")) == (2, 1)
    assert "none.json: can't read the verdicts" in missing.stderr
