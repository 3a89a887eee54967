"""Which Prefect releases can be provisioned, and with which dependencies."""

from __future__ import annotations

import contextlib
import functools
import re
import tomllib
from datetime import date, timedelta
from typing import Annotated

from packaging.version import InvalidVersion, Version
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from conformance.cache_folder import root
from conformance.data import fixtures
from conformance.errors import ProvisioningError
from conformance.target.embedded import index

_SPEC = re.compile(r"(?:prefect\s*==\s*)?(?P<version>[^\s=]+)")


class Release(BaseModel):
    """One Prefect release and what its environment is resolved with: an entry of `fixtures/servers/releases.toml`.

    `basic_auth`: whether its server can be told to ask for credentials.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Annotated[str, Field(pattern=r"^\d+\.\d+\.\d+$")]
    exclude_newer: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")]
    overrides: tuple[str, ...] = ()
    python: Annotated[str, Field(pattern=r"^3\.\d+$")]
    app: str = "prefect.server.api.server:create_app"
    basic_auth: bool = False


class _ReleaseFile(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    release: Annotated[tuple[Release, ...], Field(min_length=1)]


@functools.cache
def supported() -> tuple[Release, ...]:
    """Every release that the suite knows, oldest first.

    Raises `ProvisioningError` where the data file can't be read.
    """
    path = fixtures() / "servers" / "releases.toml"
    try:
        listed = _ReleaseFile.model_validate(tomllib.loads(path.read_text(encoding="utf-8"))).release
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise ProvisioningError(f"can't read {path}: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise ProvisioningError(f"{path} is malformed: {where}: {first['msg']}") from error
    return tuple(sorted(listed, key=lambda release: Version(release.version)))


def newest() -> Release:
    """The newest release that can be provisioned."""
    return supported()[-1]


@functools.cache
def release(spec: str) -> Release:
    """The release that `spec` names: `prefect==3.9.1` or just `3.9.1`.

    One that is not among the supported ones is provisioned like its neighbours, with the dependencies of its own day,
    which the package index knows. Raises `ProvisioningError`, with one line, for anything else.
    """
    match = _SPEC.fullmatch(spec.strip())
    for candidate in supported():
        if match and candidate.version == match["version"]:
            return candidate
    known = ", ".join(candidate.version for candidate in supported())
    try:
        wanted = Version(match["version"] if match else "")
    except InvalidVersion:
        raise ProvisioningError(
            f"no server {spec!r}: write prefect==VERSION, with one of the versions {known} or any other release"
        ) from None
    if wanted.is_prerelease or wanted.local is not None or wanted.is_postrelease:
        raise ProvisioningError(
            f"prefect {wanted} is no final release, and only those are provisioned, such as {known}"
        )
    if len(wanted.release) != _PARTS or wanted < Version(supported()[0].version):
        raise ProvisioningError(
            f"there is no prefect {wanted} to test: the API began with 2.0.0; write a release in full, such as {known}"
        )
    try:
        return _derived(wanted)
    except ProvisioningError as error:
        raise ProvisioningError(f"{error}; without an index there are {known}") from error


_PARTS = 3
"""Numbers in the version of a release."""

_ORION_ENDS = Version("2.8.0")
"""From here on the server has its present name. That release answers to the old one too, later ones do not."""

_SETTLED = timedelta(days=4)
"""After its release: dependencies that were mended for it are there by then, later ones are not."""


def _derived(wanted: Version) -> Release:
    """A release between the supported ones: what they have in common with it is taken from the older one beside it."""
    older = [known for known in supported() if Version(known.version) < wanted]
    beside = [*older[-1:], *[known for known in supported() if Version(known.version) > wanted][:1]]
    day = _day_of_upload(wanted)
    return Release(
        version=str(wanted),
        # Not before its neighbour's day: what that one waited for (wheels for its Python) is wanted here too.
        exclude_newer=max(str(day + _SETTLED), older[-1].exclude_newer),
        overrides=tuple(dict.fromkeys(override for known in beside for override in known.overrides)),
        python=older[-1].python,
        app=older[-1].app if wanted < _ORION_ENDS else Release.model_fields["app"].default,
        basic_auth=older[-1].basic_auth,
    )


def _day_of_upload(wanted: Version) -> date:
    """It never changes, so that it is asked for once a machine."""
    note = root() / "uploads" / f"prefect-{wanted}"
    with contextlib.suppress(OSError, ValueError):
        return date.fromisoformat(note.read_text("ascii"))
    day = index.uploaded("prefect", wanted)
    with contextlib.suppress(OSError):  # a cache that can't be written is said where more depends on it
        note.parent.mkdir(parents=True, exist_ok=True)
        note.write_text(day.isoformat(), "ascii")
    return day
