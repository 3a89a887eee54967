"""One check in this process, without pytest: what a proof asks whether a fault is caught."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable
from typing import Final

from conformance import catalogue
from conformance.run.judge import judge
from conformance.run.workbench import Workbench
from conformance.suite.check import ABSENT, declaration
from conformance.suite.outcome import NotApplicable
from conformance.verdicts.model import Judgement

PROVIDED: Final = frozenset(
    {
        "contract",
        "target",
        "client",
        "world",
        "examiner",
        "questions",
        "campaigns",
        "ordeals",
        "guards",
        "walks",
        "journeys",
    }
)
"""What a check may ask for beside its subject: attributes of the workbench, as the plugin's fixtures are."""


def run_directly(workbench: Workbench, function: Callable[..., None], subject: str) -> Judgement:
    """The judgement of the check `function` on the subject of that name. No waiver is applied.

    Raises TypeError for a function that is no check or asks for what there is not, KeyError for a subject that
    the workbench's contract does not have.
    """
    declared = declaration(function)
    if declared is None:
        raise TypeError(f"{function.__name__} is not a check")
    asked = set(inspect.signature(function).parameters) - {"subject"}
    if unknown := asked - PROVIDED:
        raise TypeError(f"{function.__name__} asks for {sorted(unknown)}")
    found: object = None
    ended: BaseException | None = None
    try:
        if subject == ABSENT:
            raise NotApplicable("absent")
        found = workbench.subject(declared, subject)
    except NotApplicable as condition:
        ended = condition
    started = time.perf_counter()
    with workbench.journal.check() as journal:
        if ended is None:
            try:
                workbench.decide(function, subject=found, **{name: getattr(workbench, name) for name in asked})
            except Exception as error:  # noqa: BLE001 - what it means is `judge`'s business
                ended = error
        seconds = time.perf_counter() - started
        requirement = catalogue.load()[declared.requirement]
        return judge(requirement, subject, ended, seconds, journal, workbench.redactor)
