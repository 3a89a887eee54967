"""Waivers to be filled in: what a run found and no waiver names, as entries of a waiver file without their reasons."""

from __future__ import annotations

import json
import re
from datetime import date
from typing import Any, Final

from conformance.verdicts.document import Document, Entry
from conformance.verdicts.model import Verdict

_REPLAY: Final = "\nreplay:\n"
"""What a failure's commands stand behind, see `conformance.run.judge.screen`."""

_CONTROL: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""What TOML has no place for in a text that stands as it is, or what a terminal or an editor would obey."""

_NOTHING_TO_RUN: Final = "# no request shows it: write down the curl that does"


def propose(document: Document) -> list[dict[str, Any]]:
    """An entry for each failed verdict of a run, with the fields of a `Waiver` and an empty reason.

    One that a waiver covers in part lists all that was found: the entry takes the place of that waiver. An empty
    reason is refused where waivers are read, so that none comes into force before a person has judged it.
    """
    return [_entry(failed, document) for failed in document.verdicts if failed.verdict is Verdict.FAILED]


def render(entries: list[dict[str, Any]]) -> str:
    """Entries as the text of a waiver file. The replay's base URL is in `$PREFECT_API_URL`."""
    lines = ["# Candidates: each needs a reason, and a replay that works on a server that is fresh."]
    for entry in entries:
        lines += ["", "[[waiver]]", *(f"{key} = {_value(value)}" for key, value in entry.items())]
    return "\n".join(lines) + "\n"


def _entry(failed: Entry, document: Document) -> dict[str, Any]:
    found: dict[str, Any] = {"requirement": failed.requirement, "subject": failed.subject}
    if document.target.version is not None:
        found["versions"] = [document.target.version]
    if failed.findings:
        found["findings"] = list(failed.findings)
    found["since"] = document.run.started.date()
    commands = failed.details.partition(_REPLAY)[2].strip() or _NOTHING_TO_RUN
    return found | {"reason": "", "replay": _anywhere(commands, document.target.url)}


def _anywhere(commands: str, url: str | None) -> str:
    """`commands` for whatever server: several of one run may have been on servers of their own."""
    path = re.escape(re.sub(r"^https?://[^/]+", "", url or "").rstrip("/"))
    quoted = re.sub(rf"'https?://[^/\s']+{path}(?=[/'])", '"$PREFECT_API_URL"\'', commands)
    return re.sub(rf"(?<![\w\"'=])https?://[^/\s']+{path}(?=[/\s]|$)", '"$PREFECT_API_URL"', quoted)


def _value(value: object) -> str:
    """A TOML value: a text with lines or quotes in it stands as it is between quotes that it does not have."""
    if isinstance(value, date):
        return value.isoformat()
    if not isinstance(value, str) or not {"\n", '"', "'", "\\"} & set(value):
        return _quoted(value)
    if _CONTROL.search(value) or "'''" in value:
        return _quoted(value)
    # Who reads a waiver strips what is around its texts.
    if "\n" in value or value.endswith("'"):
        return f"'''\n{value}\n'''"
    return f"'''{value}'''" if "'" in value else f"'{value}'"


def _quoted(value: object) -> str:
    # JSON's strings and lists are TOML's, but for one character. Half of a surrogate pair can be in neither.
    text = json.dumps(value, ensure_ascii=False).encode("utf-8", "replace").decode("utf-8")
    return _CONTROL.sub(lambda sign: f"\\u{ord(sign[0]):04x}", text)
