"""How checks are spread over workers."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from xdist.scheduler import LoadScopeScheduling

from conformance.run.plan import ALL_TOGETHER, TOGETHER

if TYPE_CHECKING:
    import pytest


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
        chapter = PurePosixPath(module).stem.removeprefix("test_")
        if chapter in ALL_TOGETHER:
            return module
        return f"{module} {subject}" if chapter in TOGETHER else nodeid
