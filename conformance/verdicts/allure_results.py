"""What a run adds to the results that its checks have written for Allure: its environment, and what is wrong with it.

Allure's quality gate knows results only. What is wrong with the run is one of them, so that gate and exit code agree.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from conformance.verdicts.document import Document
from conformance.verdicts.model import Result, one_line
from conformance.verdicts.printable import printable

_PREFIX: Final = "conformance-run-"


def environment(results: Path, facts: Mapping[str, str]) -> None:
    """Write what the report shows as its environment (target, version, seed) into `results`. Raises OSError."""
    results.mkdir(parents=True, exist_ok=True)
    lines = (f"{_property(key, key=True)}={_property(value)}\n" for key, value in facts.items())
    (results / "environment.properties").write_text("".join(lines), encoding="ascii")


def run_itself(results: Path, document: Document) -> None:
    """Write a broken result for each error of the run, and one for an incomplete run. Raises OSError.

    The same error always has the same file, and those of an earlier run, or of a shard, go.
    """
    for old in results.glob(f"{_PREFIX}*-result.json"):
        old.unlink()
    for name, message in _wrong(document):
        digest = hashlib.sha256(f"{name}\n{message}".encode()).hexdigest()[:32]
        text = json.dumps(_result(digest, name, message, document))
        (results / f"{_PREFIX}{digest}-result.json").write_text(text, "utf-8")


def _wrong(document: Document) -> Iterator[tuple[str, str]]:
    if document.result is Result.INCOMPLETE:
        yield "The run is incomplete", "\n".join(document.reasons)
    for error in document.errors:
        yield f"Error of the run ({error.kind}): {error.message}", error.message


def _result(digest: str, name: str, message: str, document: Document) -> dict[str, Any]:
    ended = int((document.run.started.timestamp() + document.run.seconds) * 1000)
    return {
        "uuid": digest,
        "historyId": digest,
        "testCaseId": digest,
        "name": printable(name),
        "status": "broken",
        "statusDetails": {"message": printable(message)},
        "start": ended,
        "stop": ended,
        "labels": [
            {"name": "feature", "value": "The run itself"},
            {"name": "story", "value": "Errors"},
            {"name": "severity", "value": "critical"},
        ],
    }


def _property(text: str, *, key: bool = False) -> str:
    """`text` as java.util.Properties reads it."""
    escaped = one_line(printable(text)).replace("\\", "\\\\")
    if key:
        escaped = re.sub(r"([:=# !])", r"\\\1", escaped)
    units = escaped.encode("utf-16-be")
    codes = (int.from_bytes(units[at : at + 2], "big") for at in range(0, len(units), 2))
    return "".join(chr(code) if code < 0x7F else f"\\u{code:04x}" for code in codes)
