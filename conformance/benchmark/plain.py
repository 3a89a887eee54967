"""A plain Schemathesis run, with all its phases: which operations it reaches with a 2xx, and when."""

from __future__ import annotations

import json
import sys
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from conformance.benchmark.figures import Plain
from conformance.contract import Contract

REPORT = "plain.har"


def command(url: str, seconds: float) -> list[str]:
    """What a user types: every phase, every default, and a budget of time."""
    script = Path(sys.executable).with_name("schemathesis")
    return [
        *(str(script), "run", f"{url}/openapi.json", "--url", url),
        *("--phases", "examples,coverage,fuzzing,stateful", "--max-time", str(round(seconds))),
        *("--report", "har", "--report-har-path", REPORT),
    ]


def read(folder: Path, contract: Contract, base: str, seconds: float) -> Plain:
    """What the report in the folder tells of a run on the API at `base`, which took so many seconds."""
    prefix = urlsplit(base).path.rstrip("/")
    entries = json.loads((folder / REPORT).read_text("utf-8"))["log"]["entries"]
    ends = sorted(
        (
            datetime.fromisoformat(entry["startedDateTime"]).timestamp() + max(0.0, entry["time"]) / 1000,
            entry["request"]["method"],
            urlsplit(entry["request"]["url"]).path.removeprefix(prefix),
            entry["response"]["status"],
        )
        for entry in entries
    )
    first: dict[str, float] = {}
    called: set[str] = set()
    for at, method, path, status in ends:
        operation = contract.operation_of(method, path)
        if operation is None:
            continue
        called.add(operation.label)
        if httpx.codes.is_success(status):
            first.setdefault(operation.label, at - ends[0][0])
    return Plain(
        seconds=seconds,
        requests=len(ends),
        operations=len(contract.operations),
        called=len(called),
        reached=tuple(sorted(first.values())),
    )
