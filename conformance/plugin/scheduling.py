"""How checks are spread over workers."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from xdist.scheduler import LoadScopeScheduling

from conformance.run.plan import ALL_TOGETHER, TOGETHER

if TYPE_CHECKING:
    import pytest
    from xdist.workermanage import WorkerController


class SubjectScheduling(LoadScopeScheduling):
    """What is sent once for several checks stays together; all others go one by one. In the order of the catalogue.

    By itself the scheduler begins with the largest groups, which would be the fuzz: what that leaves on a server is
    not to be there before the rest has been judged.

    After a worker has died, the scheduler of pytest-xdist 3.8 hangs: it hands out again what had been done, as work
    with nothing in it that no worker ever ends (its issues 1323 and 1378), and gives the new worker one check, which
    that begins once it knows of another (1327). What it died of it does once more, and dies.
    """

    def __init__(self, config: pytest.Config, log: object) -> None:
        config.option.loadscopereorder = False
        super().__init__(config, log)

    def _split_scope(self, nodeid: str) -> str:
        path, _, subject = nodeid.partition("[")
        module = path.partition("::")[0]
        chapter = PurePosixPath(module).stem.removeprefix("test_")
        if chapter in ALL_TOGETHER:
            return module
        return f"{module} {subject}" if chapter in TOGETHER else nodeid

    def mark_test_complete(self, node: WorkerController, item_index: int, duration: float = 0) -> None:
        """Note that a worker has done a check. What is done as a whole is forgotten.

        All that a worker was ever given is counted at each check otherwise: of 6,400 checks, seven seconds.
        """
        nodeid = self.registered_collections[node][item_index]
        scope = self._split_scope(nodeid)
        unit = self.assigned_work[node][scope]
        unit[nodeid] = True
        if all(unit.values()):
            del self.assigned_work[node][scope]
        self._reschedule(node)

    def remove_node(self, node: WorkerController) -> str | None:
        """Take from a worker what it has not done. Returns the check that it died of, which nobody does again."""
        workload = self.assigned_work.pop(node)
        pending = [(unit, nodeid) for unit in workload.values() for nodeid, done in unit.items() if not done]
        if not pending:
            return None
        unit, crashed = pending[0]
        unit[crashed] = True
        self.workqueue.update({scope: left for scope, left in workload.items() if not all(left.values())})
        for other in self.nodes:
            self._reschedule(other)
        return str(crashed)

    def _reschedule(self, node: WorkerController) -> None:
        """Give a worker work, two checks at least as long as there are any, and its leave where there are none."""
        if node not in self.registered_collections:
            return  # it has just been started, and does not know the checks yet
        super()._reschedule(node)
        while self.workqueue and not node.shutting_down and self._pending_of(self.assigned_work[node]) < 2:
            super()._reschedule(node)
        if not self.workqueue and not node.shutting_down:
            node.shutdown()
