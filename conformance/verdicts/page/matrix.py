"""The chapters by resource: the rows that the matrix of requirements begins with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from conformance.catalogue import Catalogue
from conformance.verdicts.page.faces import Face, faces
from conformance.verdicts.page.placing import Placed


@dataclass(frozen=True)
class Row:
    """A requirement, its cells by resource, and how many verdicts it has."""

    id: str
    level: str
    cells: Mapping[str, Face]
    number: int


@dataclass(frozen=True)
class Chapter:
    """A chapter, its cells by resource, and how many verdicts it has.

    Its requirements are built when it is opened; `rows` are for whoever has no JavaScript to do that.
    """

    id: str
    title: str
    cells: Mapping[str, Face]
    number: int
    rows: Sequence[Row]


def shape(placed: Iterable[Placed], catalogue: Catalogue) -> list[Chapter]:
    """The chapters that were checked, in the order of the catalogue; what it lacks comes last."""
    chapters: dict[str, list[Placed]] = {chapter: [] for chapter in catalogue.chapters}
    for one in placed:
        chapters.setdefault(one.entry.requirement.partition(".")[0], []).append(one)
    return [
        Chapter(chapter, catalogue.chapters.get(chapter, chapter), faces(members), len(members), _rows(members))
        for chapter, members in chapters.items()
        if members
    ]


def _rows(members: Iterable[Placed]) -> list[Row]:
    requirements: dict[str, list[Placed]] = {}
    for one in members:
        requirements.setdefault(one.entry.requirement, []).append(one)
    return [Row(id_, of[0].entry.level, faces(of), len(of)) for id_, of in requirements.items()]
