"""The files that a certificate was made from, and whether it says what they say."""

from __future__ import annotations

import hashlib
from datetime import datetime
from pathlib import Path

from conformance import __version__, catalogue
from conformance.errors import ConformanceError
from conformance.verdicts import document
from conformance.verdicts.certificate.facts import Evidence, Facts, collect
from conformance.verdicts.certificate.rejection import RejectedError

VERDICTS = "verdicts.json"


def of(folder: Path) -> tuple[Evidence, ...]:
    """The evidence in a reports folder: `verdicts.json`, which all other reports are rendered from.

    Raises DocumentUnreadableError where it is not there.
    """
    try:
        raw = (folder / VERDICTS).read_bytes()
    except OSError as error:
        why = error.strerror or error
        raise document.DocumentUnreadableError(f"{folder / VERDICTS}: can't read the verdicts: {why}") from error
    return (Evidence(name=VERDICTS, sha256=hashlib.sha256(raw).hexdigest()),)


def compare(facts: Facts, folder: Path) -> None:
    """Refuse a certificate that does not say what its evidence says.

    Raises RejectedError for that and for evidence that is not there, or is other; ConformanceError where there is no
    such folder.
    """
    if not folder.is_dir():
        raise ConformanceError(f"{folder}: no folder with the reports of a run")
    for file in facts.evidence:
        path = folder / file.name
        if not path.is_file():
            raise RejectedError(f"missing evidence: {file.name} is not in {folder}")
        found = hashlib.sha256(path.read_bytes()).hexdigest()
        if found != file.sha256:
            raise RejectedError(f"wrong digest of the evidence {file.name}: {file.sha256}, and the file has {found}")
    _agree(facts, _shown(facts, folder))


def _shown(facts: Facts, folder: Path) -> Facts:
    """The facts that the evidence shows of the run."""
    try:
        return collect(
            document.load(folder / VERDICTS),
            catalogue.load(),
            product=facts.product,
            set_id=facts.set_id,
            issued=datetime.fromisoformat(facts.issued),
            evidence=facts.evidence,
        )
    except ConformanceError as error:
        raise RejectedError(f"the evidence is none: {error}") from error


def _agree(facts: Facts, shown: Facts) -> None:
    verdicts, recorded = dict(facts.verdicts()), dict(shown.verdicts())
    for name in sorted(verdicts.keys() | recorded.keys()):
        if verdicts.get(name) is not recorded.get(name):
            says, was = verdicts.get(name, "nothing"), recorded.get(name, "nothing")
            raise RejectedError(f"edited verdict: the certificate says {says} of {name}, and the evidence {was}")
    for part in ("suite", "server", "run", "waivers"):
        if getattr(facts, part) != getattr(shown, part):
            raise RejectedError(f"what the certificate says of the {part} is not what the evidence says")
    # Another suite may word the conditions otherwise, by which the evidence tells them.
    if facts.suite.version == __version__ and facts.not_applicable != shown.not_applicable:
        raise RejectedError("why checks are not applicable is not what the evidence says")
