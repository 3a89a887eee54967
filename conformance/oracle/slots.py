"""A limit of slots as a sequential object, and whether what parallel callers saw of one can be explained by it.

The model is a counter: an acquirer is granted what it asks for if so much is free, and denied otherwise; a release
gives back what was granted. A history of overlapping calls is right if the calls can be put in an order, one after
the other, in which every answer is the model's and no call comes before one that had ended when it started (Herlihy
and Wing call that linearizable).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Step:
    """One call: who holds or wants the slots, what was asked, from when to when, and what was answered.

    A release is of slots that its holder was granted before, and is always answered by success.
    """

    kind: Literal["acquire", "release"]
    holder: str
    started: float
    ended: float
    granted: bool = True
    slots: int = 1

    @property
    def change(self) -> int:
        """The slots that the call takes (positive) or gives back."""
        if self.kind == "release":
            return -self.slots
        return self.slots if self.granted else 0


def most_held(history: Sequence[Step]) -> int:
    """The most slots that were surely held at one time: from the end of a grant to the start of its release."""
    # Where a release starts at the very moment at which a grant ends, the release is counted first.
    moments = [(step.started, 0, step.change) for step in history if step.kind == "release"]
    moments += [(step.ended, 1, step.change) for step in history if step.kind == "acquire"]
    most = held = 0
    for _, _, change in sorted(moments):
        held += change
        most = max(most, held)
    return most


def sequence(history: Sequence[Step], limit: int) -> list[Step] | None:
    """An order of the calls that explains all their answers under `limit` slots; None where there is none."""
    # What is taken follows from the set of calls that are done, so that a set which led nowhere is not tried again.
    dead: set[int] = set()
    everything = (1 << len(history)) - 1

    def continued(done: int, taken: int) -> list[Step] | None:
        if done == everything:
            return []
        if done in dead:
            return None
        open_ = [n for n in range(len(history)) if not done & 1 << n]
        deadline = min(history[n].ended for n in open_)
        for n in open_:
            step = history[n]
            if step.started <= deadline and _right(step, taken, limit):
                rest = continued(done | 1 << n, taken + step.change)
                if rest is not None:
                    return [step, *rest]
        dead.add(done)
        return None

    return continued(0, 0)


def _right(step: Step, taken: int, limit: int) -> bool:
    """Whether the model answers as the step was answered, with `taken` slots in use."""
    return step.kind == "release" or step.granted is (taken + step.slots <= limit)
