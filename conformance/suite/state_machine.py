"""What is promised of a run that is asked to change its state: the published rules of orchestration, as data.

Prefect publishes the rules with the reference of its orchestration policies. Whatever they leave open is open here
too: any answer will do there, as long as it is true.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

ACCEPT: Final = "ACCEPT"
REJECT: Final = "REJECT"
ABORT: Final = "ABORT"
WAIT: Final = "WAIT"

TERMINAL: Final = frozenset({"COMPLETED", "FAILED", "CRASHED", "CANCELLED"})
"""The types of state in which a run has ended."""

_KNOWN: Final = TERMINAL | {"SCHEDULED", "PENDING", "RUNNING", "PAUSED", "CANCELLING"}


class Era(Enum):
    """The rules of orchestration have been rewritten twice."""

    FIRST = 1
    """Runs can be neither paused nor cancelling."""
    SECOND = 2
    """They can; a transition has no id."""
    THIRD = 3
    """A transition may have an id."""


def era(types: Sequence[str], details: Mapping[str, object]) -> Era:
    """The era of a contract with these types of state and these properties of a state's details."""
    if "PAUSED" not in types:
        return Era.FIRST
    return Era.THIRD if "transition_id" in details else Era.SECOND


@dataclass(frozen=True)
class Promise:
    """What one transition is promised to do. `statuses` are the answers that keep the promise.

    `ends` is the type of state that the run is in afterwards, None for the very state that it was in.
    """

    statuses: frozenset[str]
    ends: str | None

    @property
    def open(self) -> bool:
        """Whether nothing is promised."""
        return ACCEPT in self.statuses and len(self.statuses) > 1

    @property
    def refuses(self) -> bool:
        """Whether the transition is promised not to happen."""
        return ACCEPT not in self.statuses


_ACCEPTED: Final = frozenset({ACCEPT})
_REFUSED: Final = frozenset({REJECT, ABORT})
_ANYTHING: Final = frozenset({ACCEPT, REJECT, ABORT, WAIT})


@dataclass(frozen=True)
class Rule:
    """Transitions from one of `initial` to one of `proposed`, and what they are answered."""

    initial: frozenset[str]
    proposed: frozenset[str]
    statuses: frozenset[str]
    ends: str | None = None


def _types(names: str) -> frozenset[str]:
    return frozenset(names.split())


def _rule(initial: str, proposed: str, *statuses: str, ends: str | None = None) -> Rule:
    return Rule(_types(initial), _types(proposed), frozenset(statuses), ends)


_ENDED: Final = " ".join(sorted(TERMINAL))
_ALL: Final = " ".join(sorted(_KNOWN))

# "Prevents transitions from terminal states": the client is to "abort any execution".
_FIRST: Final = (_rule(_ENDED, _ALL, ABORT),)

# This era forbids going backwards as well. Only what it has in common with the third is judged.
_SECOND_FLOW_RUNS: Final = (
    _rule("PENDING RUNNING", "PENDING", *_REFUSED),
    _rule("SCHEDULED PENDING", "PAUSED", *_REFUSED),
    _rule("CANCELLING", "COMPLETED FAILED CRASHED", REJECT),
    _rule("SCHEDULED", "PENDING RUNNING", ACCEPT),
    _rule("PENDING", "RUNNING", ACCEPT),
    _rule("RUNNING", f"PAUSED {_ENDED}", ACCEPT),
    _rule(_ALL, _ALL, *_ANYTHING),
)
_SECOND_TASK_RUNS: Final = (
    _rule("SCHEDULED", "PENDING RUNNING", ACCEPT),
    _rule("PENDING", "RUNNING", ACCEPT),
    _rule("RUNNING", _ENDED, ACCEPT),
    _rule(_ALL, _ALL, *_ANYTHING),
)

_THIRD_FLOW_RUNS: Final = (
    # "We do not allow flows to leave terminal states if the flow is going to CANCELLING / PAUSED / CRASHED" …
    _rule(_ENDED, "CANCELLING PAUSED CRASHED", ABORT),
    # … or "is going to scheduled and has no deployment".
    _rule(_ENDED, "SCHEDULED", ABORT),
    # "Rejects transitions from Cancelling to any terminal state except for Cancelled."
    _rule("CANCELLING", "COMPLETED FAILED CRASHED", REJECT),
    # "If two workers attempt to submit the same run, one of them should encounter a PENDING -> PENDING transition and
    # abort orchestration of the run."
    _rule("PENDING", "PENDING", ABORT),
    # "We deny these state changes as well"; "CANCELLING and CANCELLED runs should not be allowed to transition to
    # PENDING".
    _rule("RUNNING CANCELLING CANCELLED", "PENDING", *_REFUSED),
    # "Rejects transitions from Scheduled to Cancelling, and instead sets the state to Cancelled, if the flow run has
    # no associated infrastructure process ID."
    _rule("SCHEDULED", "CANCELLING", REJECT, ends="CANCELLED"),
    # "Cannot pause flows that are not currently running."
    _rule("SCHEDULED PENDING CANCELLING PAUSED", "PAUSED", *_REFUSED),
    # "Governs runs attempting to leave a Paused state": they resume, or end.
    _rule("PAUSED", "PENDING", *_REFUSED),
    # The rules do not say whether a cancellation may be proposed again or given up, whether it may begin at a pause,
    # and whether what was cancelled may still be said to have ended otherwise.
    _rule("CANCELLING", "SCHEDULED RUNNING CANCELLING", *_ANYTHING),
    _rule("PAUSED", "CANCELLING", *_ANYTHING),
    _rule("CANCELLED", "RUNNING COMPLETED FAILED", *_ANYTHING),
)
_THIRD_TASK_RUNS: Final = (
    # "We do not allow tasks to leave terminal states if the task is going to CANCELLING / PAUSED / CRASHED."
    _rule(_ENDED, "CANCELLING PAUSED CRASHED", ABORT),
)

RULES: Final[Mapping[tuple[str, Era], Sequence[Rule]]] = {
    ("flow_runs", Era.FIRST): _FIRST,
    ("task_runs", Era.FIRST): _FIRST,
    ("flow_runs", Era.SECOND): _SECOND_FLOW_RUNS,
    ("task_runs", Era.SECOND): _SECOND_TASK_RUNS,
    ("flow_runs", Era.THIRD): _THIRD_FLOW_RUNS,
    ("task_runs", Era.THIRD): _THIRD_TASK_RUNS,
}
"""For a run without a deployment, retries or infrastructure, whose scheduled time has come; a task run in a running
flow run. The first rule that fits counts. What no rule alters or prevents is accepted."""


def promise(collection: str, when: Era, initial: str, proposed: str) -> Promise:
    """What the transition between two types of state is promised to do."""
    if not {initial, proposed} <= _KNOWN:
        return Promise(_ANYTHING, None)
    for rule in RULES[collection, when]:
        if initial in rule.initial and proposed in rule.proposed:
            return Promise(rule.statuses, proposed if rule.statuses == _ACCEPTED else rule.ends)
    return Promise(_ACCEPTED, proposed)
