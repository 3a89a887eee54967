"""Secrets stay out of everything that is written: reports, logs, errors, printed commands."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Mapping
from urllib.parse import quote, quote_plus, urlsplit, urlunsplit

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
    """Replaces the secrets of a run in any text: as they are, URL-encoded, inside JSON, and in Base64."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._forms: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        for secret in secrets:
            self.learn(secret)

    def learn(self, secret: str) -> None:
        """One more that has come up, such as a token that the target gave out."""
        before = len(self._forms)
        # What follows a scheme (`Bearer …`) is the secret proper.
        for part in (secret, secret.rpartition(" ")[2]):
            if len(part) >= _SHORTEST:
                self._forms |= _forms(part)
        if len(self._forms) > before:
            longest_first = sorted(self._forms, key=lambda form: (-len(form), form))
            self._pattern = re.compile("|".join(map(re.escape, longest_first)))

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


def _forms(secret: str) -> set[str]:
    """A secret as it may come up in a text."""
    encoded = {quote(secret, safe=""), quote(secret), quote_plus(secret)}
    bytes_ = secret.encode()
    based = {encode(bytes_).decode().rstrip("=") for encode in (base64.b64encode, base64.urlsafe_b64encode)}
    quoted = {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}
    lower = {re.sub("%[0-9A-F]{2}", lambda found: found[0].lower(), form) for form in encoded}
    return {secret} | encoded | lower | based | quoted | {quote(form, safe="") for form in based}
