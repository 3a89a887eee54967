"""Waivers: accepted failures of one requirement on one subject each, read from TOML files."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from conformance import data
from conformance.errors import WaiverError
from conformance.settings import Dialect
from conformance.verdicts.model import one_line

_Said = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
_Line = Annotated[_Said, StringConstraints(pattern=r"^[^\r\n]+$")]
_Version = Annotated[str, StringConstraints(pattern=r"^\d+(\.\d+)+\S*$")]


class Waiver(BaseModel):
    """One accepted failure, as it stands in a file.

    `reason` says why the deviation is accepted, `replay` is the `curl` that shows it. `versions` are the releases
    that it was seen on (`3.9.1`): on any other the waiver is not there at all; one that names none holds for all.
    `since` is the day by which it was accepted; a file may say it once for its entries. `databases` say likewise
    what the server is on (`sqlite`, `postgresql`). After the day `expires` the waiver is an error. `findings` are
    the fingerprints that it accepts, where a check tells several findings apart: one more is a failure still.
    Without them it accepts whatever the check finds. `depends_on` names what beside these decides whether the
    deviation shows (a version of the database, say): where it does not, the waiver is not stale.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    requirement: _Line
    subject: _Line
    versions: Annotated[tuple[_Version, ...], Field(strict=False)] = ()
    databases: Annotated[tuple[Annotated[Dialect, Field(strict=False)], ...], Field(strict=False)] = ()
    reason: _Said
    replay: Annotated[_Said, StringConstraints(pattern=r"\bcurl\s")]
    link: Annotated[_Line, StringConstraints(pattern=r"^https?://")] | None = None
    since: date | None = None
    expires: date | None = None
    findings: Annotated[tuple[_Line, ...], Field(strict=False)] = ()
    depends_on: _Line | None = None

    def holds_for(self, version: str, database: Dialect | None = None) -> bool:
        """Whether it speaks of this release on this database; where nobody knows the database, it may."""
        if self.databases and database is not None and database not in self.databases:
            return False
        return not self.versions or version in self.versions

    def overlaps(self, other: Waiver) -> bool:
        """Whether there is a release on a database for which both accept the same."""
        if (self.requirement, self.subject) != (other.requirement, other.subject):
            return False
        return _meet(self.versions, other.versions) and _meet(self.databases, other.databases)

    def joined(self, other: Waiver) -> Waiver:
        """One that accepts what either does: of two that hold for a database each, where nobody knows which it is."""
        findings = (*self.findings, *other.findings) if self.findings and other.findings else ()
        reason = f"{self.reason} Or: {other.reason}"
        return self.model_copy(update={"reason": reason, "findings": findings})

    def unnamed(self, findings: Sequence[str]) -> tuple[str, ...]:
        """Those of `findings` that the waiver does not name; none where it names none."""
        return tuple(finding for finding in findings if self.findings and finding not in self.findings)


def _meet(one: Sequence[str], other: Sequence[str]) -> bool:
    """Whether something is in both; nothing stands for all."""
    return not one or not other or not set(one).isdisjoint(other)


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    since: Annotated[date | None, Field(strict=True)] = None
    waiver: tuple[dict[str, Any], ...] = Field(default=())


class Waivers:
    """All waivers of a run, by requirement and subject.

    Both match exactly: a waiver never covers more than it names.
    """

    def __init__(
        self,
        entries: Sequence[tuple[Waiver, str]] = (),
        database: Dialect | None = None,
        elsewhere: Sequence[Waiver] = (),
    ) -> None:
        """Take pairs of a waiver and the name of the file it is from. `database`: what the server is on, if known.

        `elsewhere` hold for the same release on another database: they waive nothing here, and tell what differs.
        Of a requirement and subject there may be two where the database is not known, and one where it is.
        """
        self._database = database
        self.elsewhere = tuple(elsewhere)
        self.bound = tuple(waiver for waiver in (*(waiver for waiver, _ in entries), *elsewhere) if waiver.databases)
        """What is known to be a deviation on one database and none on another, of this release."""
        self._entries: dict[tuple[str, str], tuple[Waiver, str]] = {}
        for waiver, file in entries:
            key = waiver.requirement, waiver.subject
            first = self._entries.get(key)
            self._entries[key] = (first[0].joined(waiver), first[1]) if first else (waiver, file)

    def get(self, requirement: str, subject: str) -> Waiver | None:
        """The waiver of exactly this requirement on exactly this subject."""
        entry = self._entries.get((requirement, subject))
        return entry[0] if entry else None

    def file(self, waiver: Waiver) -> str:
        """The name of the file that `waiver` is from."""
        return self._entries[waiver.requirement, waiver.subject][1]

    def demanded(self, waiver: Waiver) -> bool:
        """Whether a check that passes proves that `waiver` is no longer needed.

        Not where the deviation depends on more than the release, and that is not known: a server at a URL tells
        nobody what database it is on (its settings have the connection's URL masked, where it shows them at all).
        One that holds for a database is accepted there, and not demanded.
        """
        return waiver.depends_on is None and (not waiver.databases or self._database is not None)

    def __iter__(self) -> Iterator[Waiver]:
        return (waiver for waiver, _ in self._entries.values())

    def __len__(self) -> int:
        return len(self._entries)


def load(
    paths: Sequence[Path],
    catalogue: Mapping[str, object],
    version: str,
    today: date | None = None,
    *,
    database: Dialect | None = None,
) -> Waivers:
    """Read waiver files, and keep what holds for the release `version` on `database` (None: nobody knows).

    Raises WaiverError, one line that names file and entry, for a file that can't be read or is not TOML, a
    missing or unknown field, a requirement that is not in `catalogue`, a waiver that expired before
    `today`, and one that stands twice for the same release on the same database, in one file or in two.
    """
    found = read(paths, catalogue, today)
    here = [(waiver, file) for waiver, file in found if waiver.holds_for(version, database)]
    there = [waiver for waiver, _ in found if waiver.holds_for(version) and not waiver.holds_for(version, database)]
    return Waivers(here, database, there)


def read(paths: Sequence[Path], catalogue: Mapping[str, object], today: date | None = None) -> list[tuple[Waiver, str]]:
    """All entries of waiver files, for whatever release, each with the name of its file. Raises as `load` does."""
    now = today or date.today()  # noqa: DTZ011 - the day where the user is
    entries: list[tuple[Waiver, str]] = []
    known: dict[tuple[str, str], list[tuple[Waiver, str]]] = {}
    for path in paths:
        for waiver in _read(path, catalogue, now):
            alike = known.setdefault((waiver.requirement, waiver.subject), [])
            for other, first in alike:
                if waiver.overlaps(other):
                    where = "twice" if first == str(path) else f"in {first} already"
                    raise WaiverError(
                        f"{path}: the waiver of {waiver.requirement} on {waiver.subject!r} stands {where}"
                    )
            alike.append((waiver, str(path)))
            entries.append((waiver, str(path)))
    return entries


def shipped() -> tuple[Path, ...]:
    """The waiver files that come with the suite: one a chapter, whose entries name their releases."""
    return tuple(sorted((data.fixtures() / "waivers").glob("*.toml")))


def _read(path: Path, catalogue: Mapping[str, object], today: date) -> Iterator[Waiver]:
    try:
        tables = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise WaiverError(f"{path}: can't read the waiver file: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise WaiverError(f"{path}: the waiver file is not UTF-8 text") from error
    except tomllib.TOMLDecodeError as error:
        raise WaiverError(f"{path}: the waiver file is not TOML: {one_line(str(error))}") from error
    try:
        file = _File.model_validate(tables)
    except ValidationError as error:
        raise WaiverError(
            f"{path}: {_first(error)}; a waiver file holds [[waiver]] entries, and `since` before them, only"
        ) from error
    for number, entry in enumerate(file.waiver, 1):
        at = f"{path}: waiver {number}{_names(entry)}"
        try:
            waiver = Waiver.model_validate(entry if file.since is None else {"since": file.since, **entry})
        except ValidationError as error:
            raise WaiverError(f"{at}: {_first(error)}") from error
        if waiver.requirement not in catalogue:
            raise WaiverError(f"{at}: the catalogue has no requirement {waiver.requirement!r}")
        if waiver.expires is not None and today > waiver.expires:
            raise WaiverError(f"{at}: expired on {waiver.expires}; mend the server or renew the waiver")
        yield waiver


def _names(entry: Mapping[str, Any]) -> str:
    """What an entry says it is about, as far as it does."""
    named = [
        one_line(entry[key]) for key in ("requirement", "subject") if isinstance(entry.get(key), str) and entry[key]
    ]
    return f" ({' on '.join(named)})" if named else ""


def _first(error: ValidationError) -> str:  # noqa: PLR0911 - one return a kind of problem
    """The first problem of a table, in the words of someone who edits TOML."""
    problem = error.errors()[0]
    field = ".".join(str(part) for part in problem["loc"])
    match problem["type"]:
        case "missing":
            return f"the field {field!r} is missing"
        case "extra_forbidden":
            return f"unknown field {field!r}"
        case "string_too_short":
            return f"the field {field!r} is empty"
        case "string_pattern_mismatch" if field == "replay":
            return "the field 'replay' holds no curl command"
        case "string_pattern_mismatch" if field == "link":
            return "the field 'link' is no http(s) address"
        case "string_pattern_mismatch" if field.startswith("versions"):
            return "the field 'versions' holds what is no release, such as \"3.9.1\""
        case "enum":
            return f"the field 'databases' holds what is none of {', '.join(Dialect)}"
        case "string_pattern_mismatch":
            return f"the field {field!r} is more than one line"
        case "date_type":
            return f"the field {field!r} is no date (write {field} = 2030-01-31, without quotes)"
        case _:
            return f"the field {field!r}: {problem['msg'][:1].lower()}{one_line(problem['msg'][1:])}"
