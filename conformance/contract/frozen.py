"""The contracts that are kept in the repository: what each supported release promised."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from packaging.version import InvalidVersion, Version

from conformance.data import fixtures

_NAME = re.compile(r"prefect-(?P<version>\d+\.\d+\.\d+)\.json")


@cache
def versions() -> tuple[str, ...]:
    """The releases whose contract is kept, oldest first."""
    names = [_NAME.fullmatch(path.name) for path in (fixtures() / "contracts").iterdir()]
    return tuple(sorted((name["version"] for name in names if name), key=Version))


def path(version: str) -> Path:
    """The file of one of `versions`."""
    return fixtures() / "contracts" / f"prefect-{version}.json"


def beside(version: str) -> str | None:
    """The release that a server of `version` is compared with: itself, or the nearest older one of its generation.

    None where none is, or the version is none.
    """
    try:
        wanted = Version(version)
    except InvalidVersion:
        return None
    older = [known for known in versions() if Version(known) <= wanted and Version(known).major == wanted.major]
    return older[-1] if older else None
