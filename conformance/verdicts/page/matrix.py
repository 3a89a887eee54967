"""The matrix of requirements by resource, under a row for each chapter."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from conformance.catalogue import Catalogue, Level
from conformance.verdicts.page.faces import Face, faces
from conformance.verdicts.page.placing import Placed, by_requirement


@dataclass(frozen=True)
class Row:
    """A requirement, or a chapter with all of its own, and its cells by resource."""

    id: str
    title: str
    cells: Mapping[str, Face]
    number: int
    level: Level | None = None


@dataclass(frozen=True)
class Band:
    """A chapter and its requirements."""

    whole: Row
    rows: Sequence[Row]


def shape(placed: Iterable[Placed], catalogue: Catalogue) -> list[Band]:
    """The chapters that were checked, in the order of the catalogue; what it lacks comes last."""
    chapters: dict[str, dict[str, list[Placed]]] = {chapter: {} for chapter in catalogue.chapters}
    for requirement, members in by_requirement(placed).items():
        chapters.setdefault(requirement.partition(".")[0], {})[requirement] = members
    return [_band(chapter, found, catalogue) for chapter, found in chapters.items() if found]


def _band(chapter: str, found: Mapping[str, list[Placed]], catalogue: Catalogue) -> Band:
    every = [one for members in found.values() for one in members]
    return Band(
        Row(chapter, catalogue.chapters.get(chapter, chapter), faces(every), len(every)),
        [
            Row(
                requirement,
                rule.title if (rule := catalogue.get(requirement)) else "",
                faces(members),
                len(members),
                members[0].entry.level,
            )
            for requirement, members in found.items()
        ],
    )
