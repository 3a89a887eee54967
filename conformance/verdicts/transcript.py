"""The transcript of a ledger: what was entered, so that another process can enter it again."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

from pydantic import TypeAdapter

from conformance.verdicts.ledger import ErrorKind, Ledger, RunError
from conformance.verdicts.model import Check, Judgement

Event = tuple[str, Any]
"""What was done, and with what, as JSON has it."""

_CHECKS: Final = TypeAdapter(list[Check])


class TranscribedLedger(Ledger):
    """A ledger that keeps what is entered: `replay` on another does the same there.

    What it finds out by itself when it is closed is not among that: the other one finds it out from all there is.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.events: list[Event] = []

    def plan(self, checks: Iterable[Check]) -> None:
        """Add checks that the run means to do."""
        told = list(checks)
        self.events.append(("plan", _CHECKS.dump_python(told, mode="json")))
        super().plan(told)

    def record(self, judgement: Judgement) -> Judgement:
        """Enter what a check decided."""
        self.events.append(("record", judgement.model_dump(mode="json")))
        return super().record(judgement)

    def count(self, operation: str, status: str | None, n: int = 1) -> None:
        """Add requests of an operation."""
        self.events.append(("count", [operation, status, n]))
        super().count(operation, status, n)

    def credit(self, judgement: Judgement, called: Collection[str]) -> None:
        """Note that a check has tested operations."""
        self.events.append(("credit", [judgement.model_dump(mode="json"), sorted(called)]))
        super().credit(judgement, called)

    def cover(self, counted: Mapping[str, Any]) -> None:
        """Add the questions that a process has judged."""
        if any(counted.values()):
            self.events.append(("cover", counted))
        super().cover(counted)

    def see(self, seen: Mapping[str, Collection[int]]) -> None:
        """Add what a process has seen of the contract's surface."""
        if seen:
            self.events.append(("see", {operation: sorted(numbers) for operation, numbers in seen.items()}))
        super().see(seen)

    def error(self, message: str, kind: ErrorKind = ErrorKind.SUITE) -> None:
        """Note something wrong with the run itself."""
        self.events.append(("error", [message, kind.value]))
        super().error(message, kind)

    def interrupt(self, why: str) -> None:
        """The run was broken off from outside."""
        self.events.append(("interrupt", why))
        super().interrupt(why)

    def stop(self, why: str) -> None:
        """The run ended early because it was told to."""
        self.events.append(("stop", why))
        super().stop(why)


def replay(events: Iterable[Event], ledger: Ledger) -> None:
    """Enter in `ledger` what another one was told. Raises ValueError for what no ledger was told."""
    for name, told in events:
        match name:
            case "plan":
                ledger.plan(_CHECKS.validate_python(told))
            case "record":
                ledger.record(Judgement.model_validate(told))
            case "count":
                ledger.count(*told)
            case "credit":
                ledger.credit(Judgement.model_validate(told[0]), told[1])
            case "error":
                error = RunError(kind=told[1], message=told[0])
                ledger.error(error.message, error.kind)
            case "cover" | "see" | "interrupt" | "stop":
                getattr(ledger, name)(told)
            case _:
                raise ValueError(f"no ledger is told to {name!r}")
