"""Clean-up: what the run created is removed, and nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

import httpx

from conformance.contract import Contract
from conformance.errors import TargetTrouble
from conformance.resources import RESOURCES, Record
from conformance.resources.base import filled, placeholders
from conformance.target import Client
from conformance.world.inventory import Inventory, Listing, listing
from conformance.world.ledger import Created, CreatedLedger
from conformance.world.removal import NOT_THERE, removal, remove

_ROUNDS: Final = 4
"""Times that what is left is looked for: a removal may fail for something that goes later."""

_SERVER_MADE: Final = {"work_pools": frozenset({"default-agent-pool"})}
"""What a server makes by itself for the first object of another collection: collection -> names."""

_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)

_PLACE: Final = {name: number for number, name in enumerate(RESOURCES)}


@dataclass
class Swept:
    """What came of a clean-up.

    `left`: a line for each object of the run that is still there; `stuck` has those of them that the target fails to
    remove, by a 5xx of its own. `appeared`: collection -> how many objects have appeared that nothing links to the run,
    and `gone`: how many have disappeared that the run did not make; others who use the target did that. `partial`:
    collections with too many members to look at all. `unknown`: those in which a create that was not answered, or with
    a 5xx, may have made something that nothing can find.
    """

    removed: int = 0
    left: list[str] = field(default_factory=list)
    stuck: set[str] = field(default_factory=set)
    appeared: dict[str, int] = field(default_factory=dict)
    gone: dict[str, int] = field(default_factory=dict)
    partial: frozenset[str] = frozenset()
    unknown: frozenset[str] = frozenset()

    def note(self, line: str, status: int) -> None:
        """One object that is still there, and the status of its DELETE; 0 where none was sent."""
        self.left.append(line)
        if status >= httpx.codes.INTERNAL_SERVER_ERROR:
            self.stuck.add(line)


def sweep(
    client: Client, contract: Contract, ledger: CreatedLedger, prefix: str, before: Inventory | None = None
) -> Swept:
    """Remove everything that the run of that prefix made: what the ledger names, and what its names or links tell of.

    `before` is what was on the target when the run began: nothing of that is touched, whatever the ledger says, and
    what has come since is shown to be the run's or another's. Without it, only the ledger's own objects are removed.
    Stops at the first request that gets no answer; what has not been removed then is in `left`.
    """
    swept = Swept()
    try:
        _sweep(client, contract, ledger, prefix, before, swept)
    except TargetTrouble as trouble:
        swept.left.append(f"{trouble}; nothing after it was tried")
    return swept


def _sweep(
    client: Client, contract: Contract, ledger: CreatedLedger, prefix: str, before: Inventory | None, swept: Swept
) -> None:
    if before is None:
        swept.unknown = _unknown(ledger)
        for created, status in _remove(client, contract, ledger.newest_first(), swept).items():
            swept.note(f"DELETE {created.path} answered {status}", status)
        return
    made = [created for created in ledger.newest_first() if not _foreign(before, created)]
    mine = _Mine(prefix, made, before)
    left: Iterable[Created] = made
    refused: dict[Created, int] = {}
    for _ in range(_ROUNDS):
        found, swept.partial = listing(client, contract)
        unlisted = _unlisted(left, found, swept.partial)
        # What hangs on another goes with it: only what is shown to be there needs a request.
        listed = sorted(mine.of(found, contract) - {*unlisted}, key=lambda created: created.path)
        todo = [*unlisted, *listed]
        if not todo:
            break
        left = refused = _remove(client, contract, todo, swept)
    else:
        found, swept.partial = listing(client, contract)
    there = mine.of(found, contract)
    for created in sorted(there, key=lambda created: (created.collection, created.path)):
        status = refused.get(created, 0)
        swept.note(f"{created.path} is still there" + (f": DELETE answered {status}" if status else ""), status)
    for created in _unlisted(refused.keys() - there, found, swept.partial):
        swept.note(f"DELETE {created.path} answered {refused[created]}", refused[created])
    swept.unknown = _unknown(ledger) - (found.keys() - swept.partial)
    _tell_of_others(swept, mine, before, found)


def _unlisted(some: Iterable[Created], found: Listing, partial: frozenset[str]) -> list[Created]:
    """Those that no listing would show if they were there."""
    return [created for created in some if created.collection not in found or created.collection in partial]


def _tell_of_others(swept: Swept, mine: _Mine, before: Inventory, found: Listing) -> None:
    for collection, row in before.new(found):
        if not mine.owns(collection, row, found):
            swept.appeared[collection] = swept.appeared.get(collection, 0) + 1
    for collection, _ in before.gone(found):
        if collection not in swept.partial:
            swept.gone[collection] = swept.gone.get(collection, 0) + 1


class _Mine:
    """Tells the run's objects from others'."""

    def __init__(self, prefix: str, made: Iterable[Created], before: Inventory) -> None:
        self._before = before
        # Where no dash is allowed, names have none, or another character.
        self._prefix = re.compile("[-_]?".join(map(re.escape, prefix.split("-"))))
        self._made = frozenset(made)
        # Of what fills a path, only what no other object has by chance; a name with the run's prefix tells by itself.
        self._ids = {
            value.lower() for created in self._made for value in _filled(created).values() if _UUID.fullmatch(value)
        }

    def of(self, found: Listing, contract: Contract) -> frozenset[Created]:
        """The run's objects among those that are listed."""
        rows = [(collection, row) for collection, row in self._before.new(found)]
        mine: dict[str, tuple[str, Record]] = {}
        # What the run's objects caused is its own too: a run of a deployment of its own, a queue in its pool.
        while more := {row["id"]: (c, row) for c, row in rows if row["id"] not in mine and self.owns(c, row, found)}:
            mine |= more
            self._ids |= {id_.lower() for id_ in more}
        removals = (removal(contract, RESOURCES[collection], row) for collection, row in mine.values())
        return frozenset(created for created in removals if created is not None)

    def owns(self, collection: str, row: Record, found: Listing) -> bool:
        """Whether an object that has come since the run began is the run's, by its id, its names or its links."""
        if row.get("name") in _SERVER_MADE.get(collection, ()):
            return self._serves_nobody_else(row, found)
        text = json.dumps(row, ensure_ascii=False)
        # An id may also stand within a name: a deployment's own limit is called `deployment:<its id>`, and stays on the
        # server where the deployment has let go of it.
        ids = (match[0].lower() for match in _UUID.finditer(text))
        return self._prefix.search(text) is not None or any(id_ in self._ids for id_ in ids)

    def _serves_nobody_else(self, pool: Record, found: Listing) -> bool:
        """Whether nothing of others is in a pool that the server has made."""
        queues = [q for q in found.get("work_queues", {}).values() if q.get("work_pool_id") == pool["id"]]
        others = [q for q in queues if q.get("name") != "default" and not self.owns("work_queues", q, found)]
        using = [
            row
            for collection in ("deployments", "flow_runs")
            for row in found.get(collection, {}).values()
            if row.get("work_pool_name") == pool["name"] and not self.owns(collection, row, found)
        ]
        return not others and not using


def _foreign(before: Inventory, created: Created) -> bool:
    """Whether the ledger names what was there before the run: a create may answer with an object that exists."""
    return before.addresses(created.operation.partition(" ")[2], _filled(created))


def _unknown(ledger: CreatedLedger) -> frozenset[str]:
    """Where something may have been made that the ledger can't name, and that does not go with what it stands under."""
    return frozenset(name for name in ledger.open_intents() if not placeholders(RESOURCES[name].creates or ""))


def _filled(created: Created) -> dict[str, str]:
    """What fills the placeholders of the path."""
    return filled(created.operation.partition(" ")[2], created.path)


def _remove(client: Client, contract: Contract, todo: Iterable[Created], swept: Swept) -> dict[Created, int]:
    """Delete these, children before their parents; gone already is as good. Returns what was refused, and how."""
    refused: dict[Created, int] = {}
    for created in sorted(todo, key=lambda created: -_PLACE[created.collection]):
        status = remove(client, contract, created)
        if httpx.codes.is_success(status):
            swept.removed += 1
        elif status not in NOT_THERE:
            refused[created] = status
    return refused
