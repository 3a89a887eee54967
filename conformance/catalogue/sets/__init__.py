"""Certification sets: for each generation of the API, the checks that certify a profile, frozen.

One TOML file a set, made by `python -m conformance.run.certification_set` from the suite's plan on a contract of
`fixtures/contracts`, and never changed after it is published: `published.toml` has the digest of each, and one whose
bytes are others is refused. What the suite learns later goes into a new set of the same generation
(`prefect-3.9.1/2`), and is not scored in the old one.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache, cached_property
from importlib.resources import files
from typing import Annotated, Final

from packaging.version import InvalidVersion, Version
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from conformance.catalogue.requirements import Level, Profile
from conformance.errors import ConformanceError

PUBLISHED: Final = "published.toml"

_ID = re.compile(r"prefect-(?P<release>\d+\.\d+\.\d+)/(?P<number>[1-9]\d*)")

Line = Annotated[str, Field(pattern=r"^\S(.*\S)?$")]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Rule(_Part):
    """A requirement as a set froze it. `conditions` are the keys for which a check of it may be not applicable."""

    id: Line
    level: Level
    profile: Profile
    conditions: tuple[Line, ...] = ()


class Group(_Part):
    """Requirements that are scored on the same subjects."""

    requirements: tuple[Rule, ...]
    subjects: tuple[Line, ...]


class Unscored(_Part):
    """What is planned for the generation and scored in no profile: a requirement, on some subjects or on all (none)."""

    requirement: Line
    reason: Line
    subjects: tuple[Line, ...] = ()


class CertificationSet(_Part):
    """What certifies the profiles of one generation.

    `generation` is the release whose contract it was made from, `contract_sha256` the digest of that contract.
    `anywhere` are the conditions under which a check of any requirement may be not applicable. `circumstances` are
    those conditions, of all, that say how the run reached the target and nothing of the server: a check that is not
    applicable for one of them was not judged, and its profile is not certified.
    """

    id: Annotated[str, Field(pattern=_ID.pattern)]
    generation: Line
    contract_sha256: Digest
    anywhere: tuple[Line, ...]
    circumstances: tuple[Line, ...]
    group: tuple[Group, ...]
    unscored: tuple[Unscored, ...]

    @cached_property
    def rules(self) -> Mapping[str, Rule]:
        """The scored requirements by id."""
        return {rule.id: rule for group in self.group for rule in group.requirements}

    @cached_property
    def checks(self) -> Mapping[str, Rule]:
        """The scored checks: `requirement subject` -> its rule."""
        return {
            named(rule.id, subject): rule
            for group in self.group
            for rule in group.requirements
            for subject in group.subjects
        }

    def excuses(self, rule: Rule, condition: str) -> bool:
        """Whether a check of `rule` may be not applicable for `condition` and its profile be certified all the same."""
        return condition in (*rule.conditions, *self.anywhere) and condition not in self.circumstances


def named(requirement: str, subject: str) -> str:
    """The name of a check: what `--select` finds it by."""
    return f"{requirement} {subject}"


class Published(_Part):
    """A set as it was published: its digest is that of its file's bytes."""

    id: Annotated[str, Field(pattern=_ID.pattern)]
    sha256: Digest


class _List(_Part):
    set: tuple[Published, ...]


class _Exceptions(_Part):
    unscored: tuple[Unscored, ...]


class UnknownSetError(ConformanceError):
    """There is no such set, or none for such a release."""


def file_name(id_: str) -> str:
    """The name of a set's file."""
    return f"{id_.replace('/', '-')}.toml"


def number(id_: str) -> tuple[Version, int]:
    """The release and the number of a set's id, which sort the sets."""
    found = _ID.fullmatch(id_)
    if found is None:
        raise UnknownSetError(f"{id_!r} is no certification set: ids are like prefect-3.9.1/1")
    return Version(found["release"]), int(found["number"])


@cache
def published() -> Mapping[str, str]:
    """Id -> digest of every set that is published, oldest release first."""
    entries = _List.model_validate(tomllib.loads(_read(PUBLISHED).decode("utf-8"))).set
    return {entry.id: entry.sha256 for entry in sorted(entries, key=lambda entry: number(entry.id))}


@cache
def load(id_: str) -> CertificationSet:
    """A published set.

    Raises UnknownSetError for one that is not published, and ConformanceError for one whose file is not what was
    published.
    """
    if id_ not in published():
        raise UnknownSetError(f"there is no certification set {id_!r}; there are {', '.join(published())}")
    raw = _read(file_name(id_))
    if digest(raw) != published()[id_]:
        raise ConformanceError(f"certification set {id_}: {file_name(id_)} is not what was published; install it anew")
    return parse(raw)


def parse(raw: bytes) -> CertificationSet:
    """The set in a file's bytes, published or not. Raises ConformanceError for what is none."""
    try:
        return CertificationSet.model_validate(tomllib.loads(raw.decode("utf-8")))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, ValidationError) as error:
        raise ConformanceError(f"not a certification set: {' '.join(str(error).split())}") from error


def digest(raw: bytes) -> str:
    """SHA-256, in hexadecimal."""
    return hashlib.sha256(raw).hexdigest()


def for_release(version: str) -> str:
    """The id of the newest set of a release's generation: of itself, or of the nearest older release of its major one.

    Raises UnknownSetError where there is none.
    """
    try:
        wanted = Version(version)
    except InvalidVersion as error:
        raise UnknownSetError(f"{version!r} is no release, so that no certification set is its own") from error
    fitting = [id_ for id_ in published() if (of := number(id_)[0]) <= wanted and of.major == wanted.major]
    if not fitting:
        raise UnknownSetError(f"no certification set is for {version}; there are {', '.join(published())}")
    return max(fitting, key=number)


def exceptions() -> Sequence[Unscored]:
    """What no set that is made now scores."""
    return _Exceptions.model_validate(tomllib.loads(_read("unscored.toml").decode("utf-8"))).unscored


def _read(name: str) -> bytes:
    return files(__package__).joinpath(name).read_bytes()
