"""Requirement by fault, caught or not, and by whom: as JSON, and as a page in Markdown."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from conformance.catalogue import Catalogue
from conformance.errors import ConformanceError
from conformance.faults import FAULTS, Fault
from conformance.run.proof import Proof, Trial
from conformance.verdicts.markdown import literal

JSON: Final = "kill-matrix.json"
PAGE: Final = "kill-matrix.md"

_TITLES: Final = {fault.id: fault.title for fault in FAULTS}


def uncovered(faults: Iterable[Fault], catalogue: Catalogue) -> list[str]:
    """The requirements that no fault is there for."""
    return sorted(set(catalogue) - {fault.requirement for fault in faults})


def write(proofs: Sequence[Proof], catalogue: Catalogue, folder: Path) -> None:
    """Write both to a folder. Raises ConformanceError where that can't be done."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / JSON).write_text(json.dumps([_row(proof) for proof in proofs], indent=1) + "\n", "utf-8")
        (folder / PAGE).write_text(page(proofs, catalogue), "utf-8")
    except OSError as error:
        raise ConformanceError(f"{folder}: can't write the kill matrix: {error.strerror or error}") from error


def page(proofs: Sequence[Proof], catalogue: Catalogue) -> str:
    """The page: what it comes to, and a table a chapter, a fault a line."""
    lines = ["# The kill matrix", "", *_summary(proofs), ""]
    ranks = {requirement: rank for rank, requirement in enumerate(catalogue)}
    ordered = sorted(proofs, key=lambda proof: (ranks[proof.own.requirement], proof.fault))
    columns = ["fault", "has to be caught by", "is", *(["also by"] if _shown_to_others(proofs) else [])]
    for chapter, found in groupby(ordered, key=lambda proof: catalogue[proof.own.requirement].chapter):
        lines += [
            f"## {literal(catalogue.chapters[chapter])}",
            "",
            f"| {' | '.join(columns)} |",
            "|---" * len(columns) + "|",
        ]
        lines += [*(f"| {' | '.join(_cells(proof)[: len(columns)])} |" for proof in found), ""]
    return "\n".join(lines)


def _shown_to_others(proofs: Sequence[Proof]) -> bool:
    """Whether the faults were also shown to requirements that do not have to catch them."""
    return any(proof.others is not None for proof in proofs)


def _summary(proofs: Sequence[Proof]) -> Iterable[str]:
    caught = sum(proof.own.caught for proof in proofs)
    yield (
        f"{caught} of {len(proofs)} faults are caught by the requirement that has to catch them; "
        f"{len({proof.own.requirement for proof in proofs})} requirements have one."
    )
    if not _shown_to_others(proofs):
        yield ""
        yield "Each was shown to that requirement alone; `prove --complete` also tells which others would catch it."
    else:
        others = [proof.others for proof in proofs if proof.others is not None]
        trials = [trial for found in others for trial in found.trials]
        verdicts = Counter(trial.found.value for trial in trials)
        also = sum(any(trial.caught for trial in found.trials) for found in others)
        unmoved = sum(len(found.unmoved) for found in others)
        yield ""
        yield (
            f"Each was also held against every other requirement that is judged on the same subject or resource, "
            f"once: {len(trials) + unmoved:,} pairs. In {unmoved:,} of them the fault bends nothing of what the check "
            f"sends or gets. The others were tried: "
            f"{', '.join(f'{number:,} {name}' for name, number in verdicts.most_common())}. "
            f"{also} faults are caught by others too."
        )


def _cells(proof: Proof) -> tuple[str, str, str, str]:
    also = [f"`{trial.requirement}`" for trial in _tried(proof) if trial.caught]
    own = f"`{proof.own.requirement}` on {literal(proof.own.subject)}"
    return literal(_TITLES[proof.fault]), own, _said(proof), ", ".join(also) or "–"


def _said(proof: Proof) -> str:
    if proof.own.caught:
        return "caught"
    return f"{proof.own.before} without it, {proof.own.found} with it"


def _row(proof: Proof) -> dict[str, Any]:
    own = asdict(proof.own) | {"caught": proof.own.caught}
    others = [asdict(trial) | {"caught": trial.caught} for trial in _tried(proof)]
    row = {"fault": proof.fault, "title": _TITLES[proof.fault], "own": own, "others": others}
    return row if proof.others is None else row | {"unmoved": len(proof.others.unmoved)}


def _tried(proof: Proof) -> tuple[Trial, ...]:
    return proof.others.trials if proof.others else ()
