"""Concurrency: what a limit of slots, a name or a key promises, while several callers ask for it at once."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final
from uuid import NAMESPACE_URL, UUID, uuid5

import httpx

from conformance.contract import Contract, Operation
from conformance.oracle.slots import Step, most_held, sequence
from conformance.resources import RESOURCES, Record
from conformance.suite.bursts import THREADS, at_once
from conformance.suite.check import Subjects, check
from conformance.suite.limits import DEPLOYED, ORCHESTRATED, TAGS, Counted, Deployed, Incremented, Leased, Way, ways
from conformance.suite.operands import NOBODY
from conformance.suite.outcome import CouldNotRun, Violation, require_equal
from conformance.suite.slot_holders import Holders, counting, telling
from conformance.target import Client
from conformance.world import World

Kind = type[Way]

_SLOTS = 3
"""Slots of a limit that a burst asks for: fewer than callers, so that some are denied."""

_TURNS = 2
"""Times that each caller of a burst asks."""


def ways_that(holds: Callable[[Kind], bool]) -> Subjects:
    """The ways to take a slot that something holds of."""

    def of_that_kind(contract: Contract) -> Mapping[str, Kind]:
        return {operation: way for operation, way in ways(contract).items() if holds(way)}

    return of_that_kind


# Slots under parallel acquirers


@check("concurrency.never-more", on=ways)
def test_never_more_slots_than_there_are(subject: Kind, client: Client, world: World) -> None:
    way = subject(client, world, _SLOTS)
    way.prepare(THREADS)
    granted = sum(held is not None for held in at_once([way.acquire] * THREADS))
    if granted > _SLOTS:
        raise Violation("more slots are granted than there are", expected=_SLOTS, observed=granted)
    if way.acquire() is not None and granted == _SLOTS:
        raise Violation("a full limit grants one more slot", expected=_SLOTS, observed=granted + 1)
    if (taken := way.taken()) > _SLOTS:
        raise Violation("more slots are in use than there are", expected=_SLOTS, observed=taken)


# Not what task runs hold: orchestration takes and gives back a slot in several steps, and a server that lets callers
# meet between them, which `concurrency.never-more` tells, would be found out or not as it happens.
@check("concurrency.sequential", on=ways_that(lambda way: issubclass(way, Incremented)))
def test_answers_are_those_of_a_sequential_limit(subject: Kind, client: Client, world: World) -> None:
    history = played(subject(client, world, _SLOTS))
    if (most := most_held(history)) > _SLOTS:
        raise Violation("more slots are held at a time than there are", expected=_SLOTS, observed=shown(history, most))
    if sequence(history, _SLOTS) is None:
        raise Violation(
            f"no order of the calls explains their answers under a limit of {_SLOTS}",
            expected="a caller is denied only while others hold the slots",
            observed=shown(history),
        )


@check("concurrency.released", on=ways)
def test_what_is_released_is_free_again(subject: Kind, client: Client, world: World) -> None:
    way = subject(client, world, _SLOTS)
    before = way.taken()
    for turn in ("first", "second"):
        held = [way.acquire() for _ in range(_SLOTS)]
        if None in held:
            summary = "free slots are denied" if turn == "first" else "released slots are not granted again"
            raise Violation(summary, expected=_SLOTS, observed=_SLOTS - held.count(None))
        if (taken := way.taken()) != before + _SLOTS:
            raise Violation("the slots in use are not shown", expected=before + _SLOTS, observed=taken)
        for grant in held:
            way.release(grant)
        if (taken := way.taken()) != before:
            raise Violation("slots are in use after all were released", expected=before, observed=taken)


def played(way: Way) -> list[Step]:
    """What a burst of callers saw, each of which asks and gives back in turns."""
    way.prepare(THREADS)
    begun = time.perf_counter()

    def play(caller: int) -> list[Step]:
        steps = []
        for turn in range(_TURNS):
            holder = f"{caller}.{turn}"
            started = time.perf_counter() - begun
            held = way.acquire()
            steps.append(Step("acquire", holder, started, time.perf_counter() - begun, held is not None))
            if held is not None:
                started = time.perf_counter() - begun
                way.release(held)
                steps.append(Step("release", holder, started, time.perf_counter() - begun))
        return steps

    return [step for steps in at_once([partial(play, caller) for caller in range(THREADS)]) for step in steps]


def shown(history: Sequence[Step], most: int | None = None) -> dict[str, Any]:
    """A history by its calls in the order of their ends, times in milliseconds."""
    lines = [
        f"{step.holder} {step.kind if step.granted else 'denied'} {step.started * 1e3:.1f}-{step.ended * 1e3:.1f}"
        for step in sorted(history, key=lambda step: step.ended)
    ]
    return {"calls": lines} if most is None else {"held at once": most, "calls": lines}


# One release for one grant

_ROUNDS = 4
"""Bursts of releases of one grant."""


@check("concurrency.release-once", on=ways_that(lambda way: way.names_holder))
def test_a_second_release_frees_nothing(subject: Kind, client: Client, world: World) -> None:
    way = subject(client, world, _SLOTS)
    others = [way.acquire() for _ in range(_SLOTS - 1)]
    held = way.acquire()
    if held is None or None in others:
        raise CouldNotRun("free slots are denied")
    way.release(held)
    try_release(way, held)
    require_others_hold(way, len(others), "a grant that is released twice")


@check("concurrency.release-once-at-once", on=ways_that(lambda way: way.names_holder))
def test_releases_at_once_free_one_slot(subject: Kind, client: Client, world: World) -> None:
    way = subject(client, world, THREADS + 1)
    others = [way.acquire() for _ in range(THREADS)]
    for _ in range(_ROUNDS):
        held = way.acquire()
        if held is None or None in others:
            raise CouldNotRun("free slots are denied")
        at_once([partial(try_release, way, held)] * THREADS)
        require_others_hold(way, len(others), f"a grant that {THREADS} callers release at once")


def try_release(way: Way, held: Any) -> None:
    """Release once more; a refusal is an answer too."""
    try:
        way.release(held)
    except (Violation, CouldNotRun):
        if way.client.journal.exchanges[-1].status >= httpx.codes.INTERNAL_SERVER_ERROR:
            raise


def require_others_hold(way: Way, held: int, what: str) -> None:
    """Raise Violation unless the slots of other holders are still in use."""
    if (taken := way.taken()) != held:
        raise Violation(f"{what} frees slots of others", expected=f"{held} in use", observed=f"{taken} in use")


# All or nothing


@check("concurrency.all-or-nothing", on=ways_that(lambda way: issubclass(way, Incremented)))
def test_several_limits_are_taken_together_or_not_at_all(subject: Kind, client: Client, world: World) -> None:
    free, full = subject(client, world, 1), subject(client, world, 1)
    assert isinstance(free, Incremented)
    if full.acquire() is None:
        raise CouldNotRun("a free slot is denied")
    response = free.increment(free.asked(1, full))
    if response.is_success:
        raise Violation("a full limit is granted, asked for together with a free one", observed=response.json())
    if (taken := free.taken()) != 0:
        raise Violation("what was denied as a whole is taken in part", expected=0, observed=taken)
    if free.acquire() is None:
        raise Violation("the free limit is denied after both together were")


# What can't be asked for


@check("concurrency.bad-slots", on=ways_that(lambda way: way.several))
def test_impossible_numbers_of_slots_are_refused(subject: Kind, client: Client, world: World) -> None:
    way = subject(client, world, _SLOTS)
    for slots in (0, -1, _SLOTS + 1):
        if way.acquire(slots) is not None:
            raise Violation(f"{slots} slots of {_SLOTS} are granted", expected="4xx")
        if (taken := way.taken()) != 0:
            raise Violation(f"asking for {slots} slots changed the slots in use", expected=0, observed=taken)
    if (held := way.acquire(_SLOTS)) is None:
        raise Violation("all slots at once are denied, though all are free")
    way.release(held)


@check("concurrency.inactive", on=ways_that(lambda way: way is Counted))
def test_an_inactive_limit_denies_nobody(subject: Kind, client: Client, world: World) -> None:
    way = subject(client, world, 1, active=False)
    if any(way.acquire() is None for _ in range(2)):
        raise Violation("a limit that is not active denies a slot")


# Rates


@check("concurrency.rate-needs-decay", on=ways_that(lambda way: issubclass(way, Counted)))
def test_a_rate_needs_a_decay(subject: Kind, client: Client, world: World) -> None:
    way = subject(client, world, 1)
    assert isinstance(way, Incremented)
    response = way.increment({**way.asked(1), "mode": "rate_limit"})
    if response.is_success:
        raise Violation("a limit without decay is granted as a rate limit", expected="4xx", observed=response.json())


_RATE = 2.0
"""Slots that decay in a second."""

_BURST = 4
"""Slots of a limit that decays: two seconds of it."""


@check("concurrency.decay", on=ways_that(lambda way: way is Counted))
def test_slots_decay(subject: Kind, client: Client, world: World) -> None:
    way = subject(client, world, _BURST, slot_decay_per_second=_RATE)
    begun = time.perf_counter()
    if way.acquire(_BURST) is None:
        raise CouldNotRun("free slots are denied")
    if way.acquire(_BURST) is not None and time.perf_counter() - begun < _BURST / _RATE:
        raise Violation("slots are granted again before they can have decayed")
    # Denied attempts must not hold up the decay: a denied caller asks again.
    while way.acquire() is None:
        if (waited := time.perf_counter() - begun) > 2 * _BURST / _RATE:
            raise Violation(
                f"no slot has decayed {waited:.1f} s after all were taken",
                expected=f"one after {1 / _RATE} s",
                observed=f"{way.taken()} in use",
            )
        time.sleep(0.1)


# Leases


@check("concurrency.renew", on=ways_that(lambda way: way is Leased))
def test_a_lease_is_renewed_while_it_is_held(subject: Kind, client: Client, world: World) -> None:
    way = subject(client, world, 1)
    held = way.acquire()
    if held is None:
        raise CouldNotRun("a free slot is denied")
    path = f"/v2/concurrency_limits/leases/{held}/renew"
    response = way.post(path, {"lease_duration": 120})
    if not response.is_success:
        raise Violation("a lease that is held can't be renewed", expected="2xx", observed=response.status_code)
    if (taken := way.taken()) != 1:
        raise Violation("renewing changed the slots in use", expected=1, observed=taken)
    for seconds in (59, 86401):
        if way.post(path, {"lease_duration": seconds}).is_success:
            raise Violation(f"a lease is renewed for {seconds} s", expected="4xx: 60 s to a day are documented")
    way.release(held)
    for gone in (held, NOBODY):
        if way.post(f"/v2/concurrency_limits/leases/{gone}/renew", {"lease_duration": 120}).is_success:
            raise Violation("a lease that nobody holds is renewed", expected="4xx", observed=gone)


# What a full deployment does with another run

_STRATEGIES: Final = {"ENQUEUE": "SCHEDULED", "CANCEL_NEW": "CANCELLED"}
"""What becomes of a run that there is no slot for."""


def strategies(contract: Contract) -> Mapping[str, str]:
    """The collision strategies that deployments may have."""
    return {f"{DEPLOYED}: {name}": name for name in _STRATEGIES} if DEPLOYED in ways(contract) else {}


@check("concurrency.collision", on=strategies)
def test_a_full_deployment_does_as_its_strategy_says(subject: str, client: Client, world: World) -> None:
    way = Deployed(client, world, 1, concurrency_options={"collision_strategy": subject})
    held = way.acquire()
    if held is None:
        raise CouldNotRun("a free slot is denied")
    run = way.run()
    way.asked_state("flow_runs", run, "PENDING")
    now = world.workshop.send("GET /flow_runs/{id}", id=run)["state_type"]
    require_equal("what became of a run that there was no slot for", _STRATEGIES[subject], now)
    if (taken := way.taken()) != 1:
        raise Violation("a run that was not let in changed the slots in use", expected=1, observed=taken)
    if subject == "ENQUEUE":
        way.release(held)
        if (status := way.asked_state("flow_runs", run, "PENDING")) != "ACCEPT":
            raise Violation(
                "a run that was put off is not let in when a slot is free", expected="ACCEPT", observed=status
            )


# Slots that the runs of a queue hold


@check("concurrency.status", on=telling)
def test_a_status_tells_who_holds_slots(subject: Operation, client: Client, world: World) -> None:
    Holders(client, world).require_status(subject)


@check("concurrency.active-slots", on=counting)
def test_a_read_shows_how_many_slots_are_held(subject: Operation, client: Client, world: World) -> None:
    Holders(client, world).require_count(subject)


# Slots that are set by hand


_RESET: Final = "POST /concurrency_limits/tag/{tag}/reset"


def resets(contract: Contract) -> Mapping[str, Kind]:
    """What sets the slots of a tag, and a way to take them."""
    known = ways(contract)
    taking = known.get(TAGS) or known.get(ORCHESTRATED)
    return {_RESET: taking} if _RESET in contract.operations and taking is not None else {}


def full(way: Way) -> Way:
    """A tag whose slots are all in use."""
    if None in [way.acquire() for _ in range(_SLOTS)]:
        raise CouldNotRun("free slots are denied")
    return way


@check("concurrency.reset", on=resets)
def test_a_reset_frees_all_slots(subject: Kind, client: Client, world: World) -> None:
    way = full(subject(client, world, _SLOTS))
    world.workshop.send(_RESET, {}, tag=way.record["tag"])
    if (taken := way.taken()) != 0:
        raise Violation("slots are in use after a reset", expected=0, observed=taken)
    if granted := [way.acquire() for _ in range(_SLOTS)].count(None):
        raise Violation("slots are denied after a reset", expected=_SLOTS, observed=_SLOTS - granted)


@check("concurrency.reset-others", on=resets)
def test_a_reset_leaves_the_slots_of_other_tags(subject: Kind, client: Client, world: World) -> None:
    way, other = full(subject(client, world, _SLOTS)), full(subject(client, world, _SLOTS))
    world.workshop.send(_RESET, {}, tag=way.record["tag"])
    require_equal("the slots of another tag that are in use after a reset", _SLOTS, other.taken())
    require_equal("what the other tag grants then", None, other.acquire())


@check("concurrency.reset-override", on=resets)
def test_a_reset_names_who_holds_slots(subject: Kind, client: Client, world: World) -> None:
    way = full(subject(client, world, _SLOTS))
    holders = [str(uuid5(NAMESPACE_URL, f"{way.record['id']} {n}")) for n in range(_SLOTS - 1)]
    world.workshop.send(_RESET, {"slot_override": holders}, tag=way.record["tag"])
    now = world.workshop.send("GET /concurrency_limits/{id}", id=str(way.record["id"]))["active_slots"]
    require_equal("who holds slots after they were set", sorted(holders), sorted(now))
    granted = [way.acquire() is not None for _ in range(2)]
    require_equal("whether the slot that was left is granted, and one more", [True, False], granted)


# One object for one key, one name


def keyed(contract: Contract) -> Mapping[str, str]:
    """The operations whose documents promise the existing run for a key that is known."""
    known = ("POST /flow_runs/", "POST /task_runs/", "POST /deployments/{id}/create_flow_run")
    return {label: label for label in known if label in contract.operations}


@check("concurrency.one-run-for-a-key", on=keyed)
def test_a_key_sent_at_once_makes_one_run(subject: str, client: Client, world: World) -> None:
    shop = world.workshop
    placeholders = {}
    if subject == "POST /deployments/{id}/create_flow_run":
        placeholders = {"id": str(world.victim("deployments").record["id"])}
        body: Record = {"name": shop.name("run"), "idempotency_key": shop.name("key")}
    else:
        collection = subject.removeprefix("POST /").removesuffix("/")
        body = RESOURCES[collection].body(shop)
    answers = created_at_once(client, shop.contract.operations[subject].fill(placeholders), body)
    runs = {answer.json()["id"] for answer in answers if answer.is_success}
    if len(runs) != 1 or not all(answer.is_success for answer in answers):
        raise Violation(
            f"{THREADS} callers with one key do not get one run", expected="one id, 2xx", observed=statuses(answers)
        )


NAMED = (
    "flows",
    "deployments",
    "variables",
    "block_types",
    "work_pools",
    "work_queues",
    "concurrency_limits",
    "v2/concurrency_limits",
)
"""Collections that have one member of a name, or one of a name in a flow."""


def named(contract: Contract) -> Mapping[str, str]:
    """What creates a member that its name tells apart."""
    creates = {RESOURCES[name].creates or "": name for name in NAMED}
    return {label: name for label, name in creates.items() if label in contract.operations}


@check("concurrency.one-object-for-a-name", on=named)
def test_creators_of_one_name_make_one_object(subject: str, client: Client, world: World) -> None:
    resource = RESOURCES[subject]
    body = resource.body(world.workshop)
    label = resource.creates or ""
    answers = created_at_once(client, world.workshop.contract.operations[label].path, body)
    made = {json.dumps(answer.json()["id"]): answer.json() for answer in answers if answer.is_success}
    if any(answer.is_server_error for answer in answers):
        raise Violation(
            "a creator of a name is answered by an error", expected="2xx or 409", observed=statuses(answers)
        )
    if len(made) != 1:
        raise Violation(f"{THREADS} creators of one name make {len(made)}", expected=1, observed=statuses(answers))
    refused = {answer.status_code for answer in answers if not answer.is_success}
    if refused - {httpx.codes.CONFLICT}:
        raise Violation("the later creators are refused otherwise", expected=409, observed=statuses(answers))


def created_at_once(client: Client, path: str, body: Record) -> list[httpx.Response]:
    """The answers to one body that several callers post at one moment."""
    return at_once([lambda: client.request("POST", path, body)] * THREADS)


def statuses(answers: Sequence[httpx.Response]) -> list[str]:
    """Each answer by its status, and by its id or what it says."""
    return [f"{answer.status_code} {identity(answer)}" for answer in answers]


def identity(answer: httpx.Response) -> str:
    """The id of what an answer shows, or the beginning of its text."""
    try:
        return str(UUID(answer.json()["id"]))
    except (KeyError, TypeError, ValueError):
        return answer.text[:120]
