"""The grammar of a contract in the ledger's words: what can be asked, and what the suite can judge of it."""

from __future__ import annotations

from collections.abc import Iterator

from conformance.contract import Contract
from conformance.suite import tables
from conformance.suite.check import declarations
from conformance.verdicts.coverage import Cell, Pair, State
from conformance.verdicts.ledger import Ledger


def tell(ledger: Ledger, contract: Contract) -> None:
    """Tell the ledger what the contract's queries can be filtered by."""
    unknown = list(tables.unknown(contract))
    checked = {name for _, declared in declarations() for name in contract.derive(declared.subjects)}
    ledger.know(_cells(contract, unknown), _pairs(contract, unknown), unknown, checked)


def _cells(contract: Contract, unknown: list[str]) -> Iterator[Cell]:
    for cell in tables.cells(contract):
        criterion = cell.criterion
        state = State.DEPRECATED if criterion.deprecated else _state(cell.name, unknown)
        yield Cell(
            collection=cell.table.name,
            criterion=criterion.path,
            operator=cell.operator,
            state=state,
            nullable=not cell.table.resource.never_null(criterion.path, cell.operator),
        )


def _pairs(contract: Contract, unknown: list[str]) -> Iterator[Pair]:
    for table in tables.tables(contract).values():
        # Also those that the suite has no meaning for.
        for key in (key for key in table.query.filters if key != table.resource.key):
            yield Pair(collection=table.name, by=key, state=_state(f"{table.name} by {key}", unknown))


def _state(name: str, unknown: list[str]) -> State:
    return State.UNKNOWN if name in unknown else State.UNCOVERED
