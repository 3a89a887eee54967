"""Every mutant of a release's source: where it is, and what it changes."""

from __future__ import annotations

import difflib
import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from conformance.mutants.inside.schemata import Point, instrument, replaced

GROUPS: Final[Mapping[str, Sequence[str]]] = {
    "filters": ("schemas/filters.py", "events/filters.py"),
    "sorting": ("schemas/sorting.py",),
    "models": ("models/*.py", "events/models/*.py", "events/storage/*.py"),
    "api": ("api/*.py",),
}
"""The groups of modules that mutants are made of: files of `prefect/server`."""

PATTERN: Final = (
    r"prefect\.server\.(schemas\.(filters|sorting)|events\.(filters|models\.\w+|storage\.\w+)|models\.\w+|api\.\w+)"
)
"""The same modules by their names, as a regular expression."""

_FLOOR = 0.1
"""The share of a sample that each group has at least: sorting is one file of sixty mutants among five thousand."""


@dataclass(frozen=True)
class Mutant:
    """One change of one file. `id` is `module:number`, as the server's switch takes it."""

    id: str
    group: str
    file: Path
    point: Point

    @property
    def words(self) -> frozenset[str]:
        """The names in the lines that it changes, in lower case."""
        lines = self.file.read_text("utf-8").splitlines()[self.point.line - 1 : self.point.end_line]
        return frozenset(re.findall(r"[a-z_]\w+", " ".join(lines).lower()))

    @property
    def diff(self) -> str:
        """What it changes, as a unified diff with paths relative to the package `prefect`."""
        source = self.file.read_text("utf-8")
        name = str(self.file)[str(self.file).rindex("prefect/server") :]
        lines = difflib.unified_diff(
            source.splitlines(), replaced(source, self.point).splitlines(), name, name, lineterm="", n=2
        )
        return "\n".join(lines)


def mutants(python: Path) -> dict[str, Mutant]:
    """Every mutant of the release whose interpreter this is, by id, in the order of the groups and files."""
    (package,) = python.parent.parent.glob("lib/python*/site-packages/prefect")
    found: dict[str, Mutant] = {}
    for group, patterns in GROUPS.items():
        for file in (file for pattern in patterns for file in sorted((package / "server").glob(pattern))):
            module = ".".join(("prefect", *file.relative_to(package).with_suffix("").parts))
            module = module.removesuffix(".__init__")
            for point in instrument(file.read_text("utf-8")).points:
                key = f"{module}:{point.number}"
                found[key] = Mutant(key, group, file, point)
    return found


def sampled(all_: Mapping[str, Mutant], number: int, seed: int) -> list[Mutant]:
    """That many of them, drawn at random from each group by its size, and a tenth of the sample from each at least.

    The same seed draws the same ones; the sample of a greater number contains that of a smaller one, group by group.
    """
    groups = {group: [mutant for mutant in all_.values() if mutant.group == group] for group in GROUPS}
    least = {group: min(len(members), round(number * _FLOOR)) for group, members in groups.items()}
    left = max(0, number - sum(least.values()))
    total = sum(map(len, groups.values()))
    drawn: list[Mutant] = []
    for group, members in groups.items():
        shuffled = random.Random(f"{seed}/{group}").sample(members, len(members))  # noqa: S311 - no secret is made of it
        drawn += shuffled[: least[group] + round(left * len(members) / total)]
    return drawn
