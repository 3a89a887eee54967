"""Which Prefect releases can be provisioned, and with which dependencies."""

from __future__ import annotations

import functools
import re
import tomllib
from typing import Annotated

from packaging.version import Version
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from conformance.data import fixtures
from conformance.errors import ProvisioningError

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
    """Every release that can be provisioned, oldest first.

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


def release(spec: str) -> Release:
    """The release that `spec` names: `prefect==3.9.1` or just `3.9.1`.

    Raises `ProvisioningError` for anything else, with the supported releases in its message.
    """
    match = _SPEC.fullmatch(spec.strip())
    for candidate in supported():
        if match and candidate.version == match["version"]:
            return candidate
    known = ", ".join(candidate.version for candidate in supported())
    raise ProvisioningError(f"no server {spec!r}: write prefect==VERSION with one of the versions {known}")
