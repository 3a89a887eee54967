"""The cases of a contract, kept from run to run: the same document and seed give the same, and making them is slow.

It is also large: what Schemathesis and Hypothesis hold of a contract is most of a process's memory. With all cases
kept, the one is not even loaded, and the other has nothing to hold.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from collections.abc import Iterator
from contextlib import suppress
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Final

from conformance.cache_folder import put, root
from conformance.contract import Contract, Operation
from conformance.suite.fuzz.cases import UNLIKE, Case, Cases

if TYPE_CHECKING:
    from conformance.suite.fuzz.generation import Generator

_HERE: Final = Path(__file__).parent

_MAKERS: Final = (
    *(_HERE / f"{name}.py" for name in ("cases", "generation", "parts", "provider", "spread")),
    *sorted((_HERE.parents[1] / "contract").glob("*.py")),
)
"""The modules that decide what the cases of a document are: those beside this one, and what is read out of it."""

_LIBRARIES: Final = ("schemathesis", "hypothesis", "jsonschema-rs")

_MOST: Final = 20
"""Contracts and seeds whose cases are kept: those that were last asked for."""

_LARGEST: Final = 2**20
"""Bytes of an operation's cases that are kept at most: a document may be anybody's."""


class Keeping:
    """The cases of a contract's operations, `number` drawn ones of each: those of the cache folder, or new ones."""

    def __init__(self, contract: Contract, random_seed: int, number: int) -> None:
        self._contract = contract
        self._seed = random_seed
        self._number = number

    def of(self, operation: Operation) -> Cases:
        """Those of one operation, in the order in which they are generated."""
        place = self._folder / f"{hashlib.sha256(operation.label.encode()).hexdigest()[:16]}.json"
        if (kept := _read(place)) is not None:
            return kept
        made = self._generator.generate(operation, self._number)
        with suppress(OSError, TypeError, RecursionError):  # no place for it, or nothing that JSON can say
            _write(place, made)
        return made

    @cached_property
    def _generator(self) -> Generator:
        from conformance.suite.fuzz.generation import Generator

        return Generator(self._contract, self._seed)

    @cached_property
    def _folder(self) -> Path:
        folders = root() / "cases"
        digest = hashlib.sha256()
        for part in self._decisive():
            digest.update(part + b"\0")
        folder = folders / digest.hexdigest()[:16]
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            folder.touch()
            for old in sorted(folders.iterdir(), key=lambda other: other.stat().st_mtime)[:-_MOST]:
                shutil.rmtree(old, ignore_errors=True)
        return folder

    def _decisive(self) -> Iterator[bytes]:
        """Whatever the cases depend on."""
        yield json.dumps(self._contract.document).encode()  # in its order, which decides too
        yield f"{self._seed} {self._number} {sys.version}".encode()
        for library in _LIBRARIES:
            yield f"{library} {version(library)}".encode()
        for module in _MAKERS:
            yield module.read_bytes()


def _read(place: Path) -> Cases | None:
    try:
        told = json.loads(place.read_bytes())
        return Cases([Case.load(case) for case in told["covering"]], [Case.load(case) for case in told["drawn"]])
    except (OSError, *UNLIKE):
        return None


def _write(place: Path, cases: Cases) -> None:
    told = json.dumps({"covering": [case.dump() for case in cases.covering], "drawn": [c.dump() for c in cases.drawn]})
    if len(told) <= _LARGEST:
        put(place, told)
