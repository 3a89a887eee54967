"""Secrets stay out of everything that is written: reports, logs, errors, printed commands."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping
from urllib.parse import quote, urlsplit, urlunsplit

MASK = "[redacted]"

_SECRET_HEADERS = re.compile(
    r"authorization|cookie|api[-_]?key|token|secret|password|credential", re.IGNORECASE | re.ASCII
)

_SHORTEST = 4
"""A value shorter than this would blot out unrelated text, and protects nothing."""


def is_secret_header(name: str) -> bool:
    """Whether a header of this name carries a secret by convention."""
    return _SECRET_HEADERS.search(name) is not None


class Redactor:
    """Replaces the secrets of a run in any text: as they are, percent-encoded, and in Base64."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        forms: set[str] = set()
        for secret in secrets:
            for part in (secret, secret.rpartition(" ")[2]):
                if len(part) >= _SHORTEST:
                    forms |= {part, quote(part, safe=""), base64.b64encode(part.encode()).decode().rstrip("=")}
        longest_first = sorted(forms, key=lambda form: (-len(form), form))
        self._pattern = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def text(self, text: str) -> str:
        """`text` with each secret masked."""
        return self._pattern.sub(MASK, text) if self._pattern else text

    def headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        """`headers` with the values of secret ones masked, and known secrets in any other."""
        return {name: MASK if is_secret_header(name) else self.text(value) for name, value in headers.items()}

    def url(self, url: str) -> str:
        """`url` without the user's password, and with known secrets masked."""
        parts = urlsplit(url)
        if parts.password is not None or parts.username is not None:
            host = parts.netloc.rpartition("@")[2]
            url = urlunsplit(parts._replace(netloc=f"{MASK}@{host}"))
        return self.text(url)
