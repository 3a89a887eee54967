"""The table of several runs."""

from __future__ import annotations

from verdict_samples import MUST, OTHER, SHOULD, build, judged, ledger

from conformance.verdicts import matrix
from conformance.verdicts.model import Verdict


def test_a_line_a_run_and_a_cell_a_profile() -> None:
    good = build(ledger(judged(MUST, "a"), judged(OTHER, "a"), judged(SHOULD, "b", Verdict.NOT_APPLICABLE)))
    bad = build(ledger(judged(MUST, "a", Verdict.FAILED), judged(OTHER, "a"), judged(MUST, "c", Verdict.COULD_NOT_RUN)))
    odd = good.model_copy(update={"target": good.target.model_copy(update={"version": "1 | 2"})})
    heads, rule, *rows = matrix.table([good, bad, odd]).splitlines()
    first, second, third = ([cell.strip() for cell in row.strip("|").split(" | ")] for row in rows)
    columns = [cell.strip() for cell in heads.strip("|").split("|")]
    assert rule.count("---") == len(columns) == len(first)
    named, other = dict(zip(columns, first, strict=True)), dict(zip(columns, second, strict=True))
    assert (named["guidelines"], named["core"], named["result"]) == ("2", "0", "conformant")
    assert (other["guidelines"], other["result"]) == ("1 1f 1c", "non-conformant")
    assert named["server"].startswith("prefect ")
    assert third[0] == "prefect 1 &#124; 2", "a bar in what a server says of itself begins no cell"
