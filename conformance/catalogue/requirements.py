"""The catalogue: every rule of the API that the suite judges, loaded from the TOML chapters beside this file."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from conformance.catalogue.conditions import load_conditions
from conformance.errors import ConformanceError

HIDDEN = "hidden"
"""A condition of every requirement, which no chapter repeats."""


class Level(StrEnum):
    """How binding a rule is, in the words of RFC 2119."""

    MUST = "MUST"
    SHOULD = "SHOULD"
    MAY = "MAY"


class Profile(StrEnum):
    """A named part of the catalogue that can be certified alone."""

    GUIDELINES = "guidelines"
    CORE = "core"
    EXTENDED = "extended"
    ROBUSTNESS = "robustness"
    SECURITY = "security"
    CLIENT = "client"


class Requirement(BaseModel):
    """One rule of the API.

    `text` states the rule, `rationale` how the wording of its source was read where that leaves room.
    `source` names the document the rule is from. `conditions` are the only reasons for which a check of
    it may end as not-applicable: key -> sentence. The key `absent` says what it means that a contract has
    no subject for the rule at all. `fault` says in one line a defect that the rule's check catches.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Annotated[str, Field(pattern=r"^[a-z]+(\.[a-z0-9-]+)+$")]
    title: str
    level: Level
    profile: Profile
    text: str
    source: str
    fault: str
    rationale: str = ""
    conditions: Mapping[str, str] = Field(default_factory=dict)
    since: str | None = None
    until: str | None = None

    @property
    def chapter(self) -> str:
        """The part of the id before the first dot: `filter` of `filter.before-inclusive`."""
        return self.id.partition(".")[0]


class _Chapter(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str
    requirement: tuple[Requirement, ...]


class Catalogue(Mapping[str, Requirement]):
    """All requirements by id, in the order of the chapters' files."""

    def __init__(self, chapters: Mapping[str, str], requirements: Mapping[str, Requirement]) -> None:
        self.chapters = chapters
        """Chapter id -> title, in order."""
        self._requirements = requirements

    def __getitem__(self, key: str) -> Requirement:
        return self._requirements[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._requirements)

    def __len__(self) -> int:
        return len(self._requirements)


@cache
def load() -> Catalogue:
    """Read every chapter. Raises ConformanceError for a malformed chapter or an id that stands twice."""
    chapters: dict[str, str] = {}
    requirements: dict[str, Requirement] = {}
    for path in sorted(files(__package__).joinpath("chapters").iterdir(), key=lambda p: p.name):
        name = path.name.removesuffix(".toml").partition("-")[2]
        try:
            chapter = _Chapter.model_validate(tomllib.loads(path.read_text("utf-8")))
        except (tomllib.TOMLDecodeError, ValidationError) as error:
            raise ConformanceError(f"catalogue chapter {path.name}: {error}") from error
        chapters[name] = chapter.title
        for requirement in chapter.requirement:
            if requirement.chapter != name:
                raise ConformanceError(f"catalogue chapter {path.name}: {requirement.id} belongs to another chapter")
            if requirement.id in requirements:
                raise ConformanceError(f"catalogue chapter {path.name}: {requirement.id} stands twice")
            conditions = {**requirement.conditions, **load_conditions()}
            requirements[requirement.id] = requirement.model_copy(update={"conditions": conditions})
    return Catalogue(chapters, requirements)
