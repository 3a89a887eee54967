"""Events of what a busy server refused half way: they are nobody's fault."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from conformance.faults.bends import Json
from conformance.faults.fault import Bend, Request, Response, Upstream
from conformance.run.proof import Laboratory
from conformance.verdicts.model import Verdict

pytestmark = pytest.mark.server


@dataclass
class HalfDone:
    """The first deletion of a flow is refused with 503 after it has told its event, for as many flows as that."""

    flows: int
    refused: set[str] = field(default_factory=set)

    @property
    def bend(self) -> Bend:
        return self

    async def __call__(self, request: Request, upstream: Upstream) -> Response:
        flow = f"prefect.flow.{request.path.rpartition('/')[2]}"
        deletes = request.method == "DELETE" and request.path.startswith("/flows/")
        if deletes and flow not in self.refused and len(self.refused) < self.flows:
            self.refused.add(flow)
            return Response.of(503, {"exception_message": "Service Unavailable"})
        answer = await upstream(request)
        if request.path != "/events/filter":
            return answer
        page = answer.json
        told = [event for event in page["events"] for _ in range(1 + self.is_of_a_refusal(event))]
        return answer.with_json({**page, "events": told})

    def is_of_a_refusal(self, event: Json) -> bool:
        resource = event["resource"]["prefect.resource.id"]
        return event["event"] == "prefect.flow.deleted" and resource in self.refused


def test_a_deletion_that_was_refused_once_may_be_told_twice(lab: Laboratory) -> None:
    half_done = HalfDone(flows=1)
    with lab.faulty(half_done) as judge:
        judged = judge("emitted.lifecycle", "flows")
    assert len(half_done.refused) == 1
    assert judged.verdict is Verdict.PASSED, judged.summary + judged.details


def test_a_server_that_is_busy_each_time_is_not_judged(lab: Laboratory) -> None:
    with lab.faulty(HalfDone(flows=1_000)) as judge:
        judged = judge("emitted.lifecycle", "flows")
    assert judged.verdict is Verdict.COULD_NOT_RUN, judged.summary
