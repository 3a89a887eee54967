"""How checks are spread over workers."""

from __future__ import annotations

from xdist.scheduler import LoadScopeScheduling


class SubjectScheduling(LoadScopeScheduling):
    """Checks of the fuzz that share a subject stay together: it is fuzzed once. All others go one by one."""

    def _split_scope(self, nodeid: str) -> str:
        module, _, subject = nodeid.partition("[")
        return f"{module.partition('::')[0]} {subject}" if "test_fuzz" in module or "test_hostile" in module else nodeid
