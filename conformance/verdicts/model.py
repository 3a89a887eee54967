"""The words of judgement as types: what one check found, and what all of them come to."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


class Verdict(StrEnum):
    """What a check decided of one requirement on one subject."""

    PASSED = "passed"
    FAILED = "failed"
    WAIVED = "waived"
    NOT_APPLICABLE = "not-applicable"
    COULD_NOT_RUN = "could-not-run"


class Result(StrEnum):
    """What all verdicts of a run come to."""

    CONFORMANT = "conformant"
    NON_CONFORMANT = "non-conformant"
    INCOMPLETE = "incomplete"


def _whole(value: Any) -> Any:
    """`value` without half surrogate pairs: a server's JSON may hold one, and no file encoding can."""
    return value.encode("utf-8", "replace").decode("utf-8") if isinstance(value, str) else value


def one_line(text: str) -> str:
    """`text` on one line, safe to encode."""
    return " ".join(str(_whole(text)).split())


def _one_line(value: Any) -> Any:
    return one_line(value) if isinstance(value, str) else value


Text = Annotated[str, BeforeValidator(_whole)]
"""Text that may quote a server, made safe to encode."""

Line = Annotated[str, BeforeValidator(_one_line)]
"""The same on one line."""

Subject = Annotated[Line, Field(min_length=1)]
"""What a requirement is checked on; it has a name."""


class Judgement(BaseModel):
    """One verdict: a requirement, a subject, what was decided, and why.

    `summary` is one line (empty for passed). `details` is the whole failure: one screen of text with
    expected against observed and the `curl` lines that replay it.
    `seconds` is what the check took.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    requirement: str
    subject: Subject
    verdict: Verdict
    summary: Line = ""
    details: Text = ""
    seconds: float = 0.0
    findings: tuple[Line, ...] = ()
    """Fingerprints of what was found, where a check finds several things of one kind."""
    waiver: Line | None = None
    """The reason of the waiver that was applied."""


class Check(BaseModel):
    """A check that a run means to do: one requirement on one subject, and the pytest item that does it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    requirement: str
    subject: Subject
    item: str
