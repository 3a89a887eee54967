"""Two runs, or two contracts, side by side: where each comes from, and what has changed between them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from conformance.contract import Contract, DocumentError
from conformance.contract.changes import ContractChange, changes
from conformance.errors import ConformanceError, TargetError
from conformance.run.folder import require_whole
from conformance.run.reports import CONTRACT, VERDICTS
from conformance.target import Access, Redactor, contracts
from conformance.verdicts import document
from conformance.verdicts.comparison import Changed, compare
from conformance.verdicts.difference import Differences
from conformance.verdicts.document import Document
from conformance.verdicts.model import one_line

_MALFORMED: Final = (AttributeError, KeyError, TypeError, ValueError, RecursionError)
"""What reading a document ends in that has something else where OpenAPI wants an object or a list."""


@dataclass(frozen=True)
class Side:
    """One of the two: a run with the contract that it kept, if it did, or a contract alone. `name`: as it was given."""

    name: str
    run: Document | None
    contract: Contract | None


def side(spec: str) -> Side:
    """What `spec` names: a release (`prefect==3.9.1`), the address or the file of an OpenAPI document, or a run.

    A run is its reports folder or its `verdicts.json`; a `contract.json` beside it is its contract's facts.
    Raises ConformanceError, with one line, for what is none of these.
    """
    if contracts.is_release(spec) or spec.startswith(("http://", "https://")):
        return Side(Redactor().url(spec), None, _named(spec))
    path = Path(spec)
    folder = path.is_dir()
    if not folder and _is_contract(path):
        return Side(spec, None, _kept(path))
    if folder:
        require_whole(path)
    run = document.load(path / VERDICTS if folder else path)
    kept = path / CONTRACT if folder else path.with_name(CONTRACT)
    # Beside a file of another name, it may be that of another run.
    belongs = folder or path.name == VERDICTS
    return Side(spec, run, _kept(kept) if belongs and kept.is_file() else None)


def differences(before: Side, after: Side) -> Differences:
    """What has changed. Verdicts are compared where both are runs, contracts where both have one.

    Raises ConformanceError for two sides that have nothing to compare, and for shards of which the others are missing.
    """
    notes = []
    verdicts: tuple[Changed, ...] | None = None
    contract: tuple[ContractChange, ...] | None = None
    if before.run is not None and after.run is not None:
        _require_same_share(before, after)
        verdicts = tuple(compare(before.run, after.run))
    lacking = [one.name for one in (before, after) if one.contract is None]
    if before.run is not None and after.run is not None and _same_contract(before.run, after.run):
        contract = ()
    elif before.contract is not None and after.contract is not None:
        contract = _changes(before, after, before.contract, after.contract)
    elif verdicts is None:
        raise ConformanceError(f"{' and '.join(lacking)}: no {CONTRACT} there, as runs of this suite keep one")
    else:
        notes.append(f"the contracts are not compared: no {CONTRACT} with {' and '.join(lacking)}")
    if verdicts is None and (before.run or after.run):
        notes.append("the verdicts are not compared: one side is a contract")
    return Differences(before.name, after.name, verdicts, contract, tuple(notes))


def _require_same_share(before: Side, after: Side) -> None:
    one, other = (share.run.run.shard for share in (before, after) if share.run is not None)
    if one != other:
        told = (f"{here.name} is {f'shard {of}' if of else 'whole'}" for here, of in ((before, one), (after, other)))
        raise ConformanceError(f"{' and '.join(told)}: join shards with `prefect-conformance merge` first")


def _same_contract(before: Document, after: Document) -> bool:
    digest = before.target.contract_sha256
    return digest is not None and digest == after.target.contract_sha256


def _changes(before: Side, after: Side, old: Contract, new: Contract) -> tuple[ContractChange, ...]:
    try:
        return tuple(changes(old, new))
    except _MALFORMED as error:
        why = f"{before.name} and {after.name}: one has a schema that is none: {type(error).__name__}: {error}"
        raise ConformanceError(one_line(why)) from error


def _named(spec: str) -> Contract:
    try:
        return Contract.parse(contracts.load(spec, "", Access(), option="diff"))
    except _MALFORMED as error:
        raise ConformanceError(f"{spec}: it has an operation that is none: {type(error).__name__}") from error
    except TargetError as error:
        if contracts.is_release(spec):
            raise
        why = f"{error}; give the address of an OpenAPI document, such as http://host:4200/api/openapi.json"
        raise TargetError(why) from error


def _is_contract(path: Path) -> bool:
    """Whether a file is an OpenAPI document; whatever else is wrong with it, the loader of verdicts says."""
    try:
        content: Any = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(content, dict) and "openapi" in content


def _kept(path: Path) -> Contract:
    try:
        return Contract.parse(path.read_bytes())
    except OSError as error:
        raise ConformanceError(f"{path}: can't read the contract: {error.strerror or error}") from error
    except DocumentError as error:
        raise ConformanceError(f"{path}: it is no OpenAPI document: {error}") from error
    except _MALFORMED as error:
        raise ConformanceError(f"{path}: it has an operation that is none: {type(error).__name__}") from error
