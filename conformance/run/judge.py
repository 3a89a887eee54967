"""From how a check ended to its verdict, and to the one screen that a failure is shown on."""

from __future__ import annotations

import json
import traceback

from conformance.catalogue import Requirement
from conformance.errors import TargetTrouble
from conformance.suite.outcome import CouldNotRun, NotApplicable, Violation
from conformance.target import Journal, Redactor, WouldWrite
from conformance.target.curl import command
from conformance.verdicts.model import Judgement, Verdict
from conformance.world import SeedingError

_MOST_CURLS = 10
"""Commands in one failure: what came before them is in the Allure report."""

_LONGEST_LINE = 2000
_LONGEST_TRACE = 20_000
"""Characters of a summary or a finding, and of a traceback: a server's answer, which they may quote, has no bound."""


def judge(
    requirement: Requirement,
    subject: str,
    ended: BaseException | None,
    seconds: float,
    journal: Journal,
    redactor: Redactor,
) -> Judgement:
    """The verdict of a check that returned (`ended` is None) or raised.

    Only a Violation is a failure of the server. A NotApplicable counts where the catalogue has its condition, and so
    does a request that a run which only reads must not send. All else kept the check from deciding: a busy or absent
    target, a defect of the suite.
    """
    verdict, summary, details = Verdict.COULD_NOT_RUN, "", ""
    findings: tuple[str, ...] = ()
    match ended:
        case None:
            verdict = Verdict.PASSED
        case Violation():
            verdict, summary, findings = Verdict.FAILED, ended.summary, ended.findings
            details = screen(ended, journal, redactor)
        case NotApplicable() if ended.condition in requirement.conditions:
            verdict, summary = Verdict.NOT_APPLICABLE, requirement.conditions[ended.condition]
        case NotApplicable():
            summary = f"the catalogue has no condition `{ended.condition}` for {requirement.id}"
        case WouldWrite():
            verdict, summary = Verdict.NOT_APPLICABLE, requirement.conditions["read-only"]
        case CouldNotRun() | TargetTrouble() | SeedingError():
            summary = str(ended)
        case json.JSONDecodeError() | UnicodeDecodeError():
            summary = _unreadable(journal)
        case _:
            summary = f"{_blame(ended)}: {type(ended).__name__}: {ended}"
            details = _cut("".join(traceback.format_exception(ended)), _LONGEST_TRACE)
    return Judgement(
        requirement=requirement.id,
        subject=subject,
        verdict=verdict,
        summary=_cut(redactor.text(summary), _LONGEST_LINE),
        details=redactor.text(details),
        seconds=round(seconds, 4),
        findings=tuple(_cut(redactor.text(finding), _LONGEST_LINE) for finding in findings),
    )


def _blame(error: BaseException) -> str:
    """Who is at fault. A check computes on answers: those of another shape than documented end in such errors."""
    if isinstance(error, (AttributeError, LookupError, TypeError, ValueError)):
        return "the target answers what this check can't read, or the check is wrong"
    return "the suite itself failed"


def _unreadable(journal: Journal) -> str:
    """Which answer is no JSON: a check that reads one takes it for granted, and leaves its media type to others."""
    for exchange in reversed(journal.exchanges):
        if exchange.response_body and not _is_json(exchange.response_body):
            return f"{exchange.operation or exchange.url} answers {exchange.status} with what is no JSON"
    return "an answer is no JSON"


def _is_json(body: bytes) -> bool:
    try:
        json.loads(body)
    except RecursionError:  # as far as it was read, it is
        return True
    except ValueError:
        return False
    return True


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]}… ({len(text)} characters)"


def screen(violation: Violation, journal: Journal, redactor: Redactor) -> str:
    """Expected against observed, and the commands that replay the exchanges that show it."""
    shown = violation.exchanges or journal.exchanges[-_MOST_CURLS:]
    replay = [command(exchange, redactor) for exchange in shown]
    more = 0 if violation.exchanges else len(journal.exchanges) + journal.dropped - len(shown)
    if more:
        replay.insert(0, f"# after {more} more requests")
    return "\n".join([violation.details, *(["replay:", *replay] if replay else [])]).strip()
