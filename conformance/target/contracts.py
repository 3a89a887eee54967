"""Contracts that do not come from the target: a release's frozen one, a file, or an address."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from conformance.contract import Contract, DocumentError, frozen
from conformance.errors import TargetError
from conformance.target.access import Access, explain
from conformance.target.bounds import Excess

_RELEASE = re.compile(r"prefect\s*==\s*(?P<version>\S+)")


def is_release(spec: str) -> bool:
    """Whether a contract is named by a release, `prefect==3.9.1`."""
    return _RELEASE.fullmatch(spec.strip()) is not None


def load(spec: str, url: str, access: Access, *, option: str = "--contract") -> bytes:
    """The document that `--contract SPEC` names, for the target at `url`. Raises TargetError, with one line.

    Credentials are sent for it only where it lies on the host of the target. `option`: what the user has passed it by.
    """
    spec = spec.strip()
    if release := _RELEASE.fullmatch(spec):
        version = release["version"]
        if version not in frozen.versions():
            known = ", ".join(frozen.versions())
            raise TargetError(f"{option} {spec}: the suite has the contracts of the releases {known}")
        raw = frozen.path(version).read_bytes()
    elif spec.startswith(("http://", "https://")):
        raw = _fetched(spec, url, access, option)
    else:
        try:
            raw = Path(spec).read_bytes()
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else "that is no name of a file"
            raise TargetError(f"{option} {spec}: {why}; give prefect==VERSION, a file or an address") from error
    try:
        Contract.parse(raw)
    except DocumentError as error:
        raise TargetError(f"{option} {access.redactor().url(spec)}: it is no OpenAPI document: {error}") from error
    return raw


def _fetched(address: str, url: str, access: Access, option: str) -> bytes:
    parts, target = urlsplit(address), urlsplit(url)
    if parts.username is not None or parts.password is not None:
        raise TargetError(f"{option} has credentials in its address, which show in the process list; save the file")
    same = (parts.scheme, parts.netloc) == (target.scheme, target.netloc)
    reached = access if same else access.model_copy(update={"headers": {}, "own": False})
    shown = access.redactor().url(address)
    with reached.client() as http:
        try:
            response = http.get(address)
        except httpx.TransportError as error:
            raise TargetError(f"{option}: {explain(error, shown, access)}") from error
        except Excess as error:
            raise TargetError(f"{option}: {shown} {error}") from error
        except (httpx.InvalidURL, httpx.DecodingError) as error:
            raise TargetError(f"{option} {shown}: {error}") from error
    if response.status_code != httpx.codes.OK:
        to = f" and redirects to {response.headers['location']}" if response.has_redirect_location else ""
        raise TargetError(f"{option} {shown}: it answers {response.status_code}{to}")
    return response.content
