"""How checks are spread over workers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xdist.scheduler import LoadScopeScheduling

if TYPE_CHECKING:
    import pytest

_TOGETHER = ("test_fuzz.py", "test_hostile.py", "test_stateful.py")
"""The modules in which several checks judge the same requests."""

_ALL_TOGETHER = ("test_client.py",)
"""The module in which all checks do."""


class SubjectScheduling(LoadScopeScheduling):
    """What is sent once for several checks stays together; all others go one by one. In the order of the catalogue.

    By itself the scheduler begins with the largest groups, which would be the fuzz: what that leaves on a server is
    not to be there before the rest has been judged.
    """

    def __init__(self, config: pytest.Config, log: object) -> None:
        config.option.loadscopereorder = False
        super().__init__(config, log)

    def _split_scope(self, nodeid: str) -> str:
        path, _, subject = nodeid.partition("[")
        module = path.partition("::")[0]
        if module.endswith(_ALL_TOGETHER):
            return module
        return f"{module} {subject}" if module.endswith(_TOGETHER) else nodeid
