"""The same mutants for a plain Schemathesis run: what it finds without any rule of this suite."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Final

import schemathesis
from pydantic import BaseModel, ConfigDict
from schemathesis.baseline.model import failure_identity
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import from_schema
from schemathesis.engine.events import ScenarioFinished

from conformance.contract import Contract, Operation
from conformance.mutants.inside.switch import HEADER
from conformance.mutants.judging import Judging
from conformance.mutants.outcomes import Compared, Fate
from conformance.mutants.server import NONE

EXAMPLES: Final = 20
"""Generated cases of an operation. What the coverage phase sends beside them it decides itself."""

# What lets two runs with one seed send the same requests; the rest is as the command line has it.
_STEADY: Final[Mapping[str, Any]] = {
    "generation": {"max-examples": EXAMPLES, "database": "none", "no-shrink": True},
    "phases": {
        "examples": {"operation-ordering": "none", "extra-data-sources": {"responses": False}},
        "coverage": {"operation-ordering": "none", "extra-data-sources": {"responses": False}},
        "fuzzing": {
            "operation-ordering": "none",
            "extra-data-sources": {"responses": False},
            "error-feedback": {"enabled": False},
        },
        # It goes from operation to operation, and here they are run one by one.
        "stateful": {"enabled": False},
    },
    "request-timeout": 30.0,
    # The command line stops an operation at its first failure: all of them are wanted here.
    "continue-on-failure": True,
}


class Known(BaseModel):
    """One operation without a mutant: the failures that it has, its calls, and the mutants that they reach."""

    model_config = ConfigDict(frozen=True)

    operation: str
    failures: tuple[str, ...]
    calls: int
    seconds: float
    reached: tuple[str, ...]


class Plain:
    """Schemathesis with all its default checks, an operation at a time, each on the server as it was after seeding."""

    def __init__(self, judging: Judging, contract: Contract, seed: int) -> None:
        self._judging = judging
        self._contract = contract
        self._seed = seed

    def know(self, operation: Operation) -> Known:
        """What a run of one operation finds without a mutant."""
        self._judging.turn()
        self._judging.server.take()
        began = time.perf_counter()
        failures, calls = self._run(operation, NONE)
        return Known(
            operation=operation.label,
            failures=tuple(sorted(failures)),
            calls=calls,
            seconds=round(time.perf_counter() - began, 2),
            reached=tuple(sorted(self._judging.server.take())),
        )

    def try_(self, mutant: str, known: Mapping[str, Known], most: int) -> Compared:
        """Run the operations that reach a mutant, those with few calls first, until one has a failure that it had not.

        That one is run again without the mutant: what it finds then as well tells nothing.
        """
        began = time.perf_counter()
        reaching = sorted((one for one in known.values() if mutant in one.reached), key=lambda one: one.calls)
        sent, ran, fate = 0, 0, Fate.SURVIVED if reaching else Fate.UNREACHED
        new: set[str] = set()
        for one in reaching[:most]:
            operation = self._contract.operations[one.operation]
            self._judging.turn()
            failures, calls = self._run(operation, mutant)
            sent, ran = sent + calls, ran + 1
            if new := failures - set(one.failures):
                self._judging.turn()
                new -= self._run(operation, NONE)[0]
            if new:
                fate = Fate.KILLED
                break
        return Compared(
            id=mutant,
            fate=fate,
            operations=len(reaching),
            ran=ran,
            calls=sent,
            seconds=round(time.perf_counter() - began, 1),
            new=tuple(sorted(new)),
        )

    def _run(self, operation: Operation, mutant: str) -> tuple[set[str], int]:
        config = SchemathesisConfig.from_dict(
            {
                **_STEADY,
                "seed": self._seed,
                "base-url": self._judging.server.url,
                "headers": {HEADER.decode("ascii"): mutant},
            }
        )
        schema = schemathesis.openapi.from_dict(dict(self._contract.document), config=config)
        failures: set[str] = set()
        calls = 0
        for event in from_schema(schema.include(path=operation.path, method=operation.method)).execute():
            if not isinstance(event, ScenarioFinished):
                continue
            calls += len(event.recorder.interactions)
            for checks in event.recorder.checks.values():
                for check in checks:
                    if check.failure_info is not None:
                        failures.add(" · ".join(failure_identity(check.failure_info.failure, check.name)))
        return failures, calls
