"""How the cost grows: reports with the number of verdicts, collection with the operations of a contract.

Each size is measured in a process of its own, so that the memory is that size's alone.
"""

from __future__ import annotations

import json
import multiprocessing
import re
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from conformance import catalogue
from conformance.benchmark.figures import Size
from conformance.contract import Contract, frozen
from conformance.run import plan
from conformance.settings import DEFAULT_FUZZ_EXAMPLES, DEFAULT_SEED, Settings
from conformance.suite.fuzz.generation import Generator
from conformance.verdicts import document, page

VERDICTS: Final = (5_000, 10_000, 20_000, 40_000)
OPERATIONS: Final = (188, 500, 1_000, 2_000)


def reports(verdicts: Path) -> tuple[Size, ...]:
    """Writing, checking and rendering documents of more and more verdicts, made of those of a real run."""
    return tuple(_apart(of_verdicts, verdicts, number) for number in VERDICTS)


def contracts(version: str) -> tuple[Size, ...]:
    """Reading contracts of more and more operations, made of a release's own, and planning all checks of them."""
    return tuple(_apart(of_operations, version, number) for number in OPERATIONS)


def generation(version: str) -> Size:
    """Generating all cases of the fuzz of a release's contract: what a run does that finds none kept."""
    return _apart(of_generation, version, DEFAULT_FUZZ_EXAMPLES)


def _apart(measured: Callable[[Any, int], Size], of: object, number: int) -> Size:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(measured, (of, number))


def of_verdicts(verdicts: Path, number: int) -> Size:
    """Reports of a document with so many verdicts, in this process."""
    known = document.load(verdicts)
    made = [
        entry.model_copy(update={"subject": f"{entry.subject} {turn}"} if turn else {})
        for turn in range(-(-number // len(known.verdicts)))
        for entry in known.verdicts
    ][:number]
    counts = Counter(entry.verdict for entry in made)
    large = known.model_copy(
        update={"verdicts": tuple(made), "counts": {verdict: counts[verdict] for verdict in known.counts}}
    )
    rules = catalogue.load()
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        document.write(large, Path(folder, "verdicts.json"))
        text = page.render(large, rules)
        return _size(number, time.perf_counter() - began, len(text.encode()))


def of_operations(version: str, number: int) -> Size:
    """Reading a contract with so many operations, and planning its checks, in this process."""
    known = json.loads(frozen.path(version).read_bytes())
    paths: dict[str, Any] = {}
    operations = 0
    turn = 0
    while operations < number:
        for path, item in known["paths"].items():
            # A second one of each stands under the first segment of the path, as another collection would.
            head, _, rest = path.lstrip("/").partition("/")
            paths[f"/{head}_{turn}/{rest}" if turn else path] = item
            operations += sum(method in item for method in ("get", "post", "put", "patch", "delete"))
            if operations >= number:
                break
        turn += 1
    raw = json.dumps({**known, "paths": paths}).encode()
    rules = catalogue.load()
    began = time.perf_counter()
    planned = plan.planned(Contract.parse(raw), rules, Settings())
    return _size(operations, time.perf_counter() - began, len(planned))


def of_generation(version: str, number: int) -> Size:
    """All cases of each operation, with so many drawn ones, in this process."""
    contract = Contract.parse(frozen.path(version).read_bytes())
    began = time.perf_counter()
    generator = Generator(contract, DEFAULT_SEED)
    cases = [generator.generate(operation, number) for operation in contract.operations.values()]
    made = sum(len(found.covering) + len(found.drawn) for found in cases)
    return _size(len(cases), time.perf_counter() - began, made)


def _size(number: int, seconds: float, made: int) -> Size:
    return Size(number=number, seconds=seconds, peak=_peak() / 2**20, made=made)


def _peak() -> float:
    """The most bytes that this process has held."""
    status = Path("/proc/self/status")
    if status.exists():  # what getrusage tells on Linux is that of the process that started this one, if it is more
        found = re.search(r"VmHWM:\s+([0-9]+) kB", status.read_text("utf-8"))
        if found is not None:
            return 1024.0 * int(found[1])
    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024))
