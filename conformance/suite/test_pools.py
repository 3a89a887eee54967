"""Work pools: the variables that their job templates take, and the workers that report to them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from conformance.contract import Contract
from conformance.oracle.operators import instant
from conformance.resources import RESOURCES, Record
from conformance.suite.check import check
from conformance.suite.job_variables import FIELD, TEMPLATE, Taker, takers, template, templated
from conformance.suite.outcome import NotApplicable, Violation, require_equal
from conformance.suite.plans import BULK, CREATE, RUN
from conformance.suite.polls import Pool, heartbeats, pools, with_status
from conformance.target import Client
from conformance.world import World

# Job variables

_GOOD: Final = {"size": 2}
_BAD: Final = {"size": "many"}


@check("pools.job-variables", on=takers)
def test_bad_job_variables_are_refused(subject: type[Taker], client: Client, world: World) -> None:
    taker = subject(client, world)
    require_taken(taker, _GOOD)
    before = taker.kept()
    require_refused(taker, _BAD)
    require_equal("what was refused is kept", before, taker.kept())


def require_taken(taker: Taker, variables: Record) -> None:
    """Raise Violation unless variables that fit the pool's template are taken, and kept as they were sent."""
    answer = taker.give(variables)
    if not answer.is_success or taker.refused(answer):
        raise Violation(
            "job variables that fit are refused",
            expected="2xx",
            observed={FIELD: variables, "answer": f"{answer.status_code} {answer.text[:300]}"},
        )
    if variables not in (kept := taker.kept()):
        raise Violation("job variables are not kept", expected=variables, observed=kept)


def require_refused(taker: Taker, variables: Record) -> None:
    """Raise Violation unless variables that don't fit the pool's template are refused."""
    answer = taker.give(variables)
    if not taker.refused(answer):
        raise Violation(
            "job variables that do not fit are taken",
            expected="4xx",
            observed={FIELD: variables, "answer": f"{answer.status_code} {answer.text[:300]}"},
        )


def running(contract: Contract) -> Mapping[str, type[Taker]]:
    """What makes runs, with which the last of the variables are given."""
    return {operation: taker for operation, taker in takers(contract).items() if operation in (RUN, BULK)}


@check("pools.required-variables", on=running)
def test_a_run_has_what_the_template_requires(subject: type[Taker], client: Client, world: World) -> None:
    taker = subject(client, world, "image")
    require_refused(taker, {})
    require_equal("runs that were refused", [], taker.kept())
    require_taken(taker, {"image": "a"})
    world.workshop.send("PATCH /deployments/{id}", {FIELD: {"image": "b"}}, id=str(taker.deployment["id"]))
    require_taken(taker, _GOOD)


def templating(contract: Contract) -> Mapping[str, str]:
    """What sets the template of a pool."""
    if not templated(contract):
        return {}
    resource = RESOURCES[str(pools(contract))]
    return {label: label for label in (str(resource.creates), str(resource.updates)) if label in contract.operations}


@check("pools.template-defaults", on=templating)
def test_a_default_fits_its_variable(subject: str, client: Client, world: World) -> None:
    shop = world.workshop
    pool = Pool(world, **{TEMPLATE: template()})
    resource = RESOURCES[pool.collection]
    name = pool.name if subject == resource.updates else shop.name("pool")
    reads, sets = (shop.contract.operations[label] for label in (str(resource.reads), subject))
    start = {} if subject == resource.updates else {**resource.body(shop), "name": name}

    def show() -> Any:
        answer = client.request(reads.method, reads.fill({"name": name}))
        return answer.json()[TEMPLATE] if answer.is_success else None

    before = show()
    answer = client.request(sets.method, sets.fill({"name": name}), {**start, TEMPLATE: template(size="many")})
    if not answer.is_client_error:
        summary = "a template whose default does not fit is taken"
        raise Violation(summary, expected="4xx", observed=f"{answer.status_code} {answer.text[:300]}")
    require_equal("the template after one that was refused", before, show())
    good = template(size=5)
    answer = client.request(sets.method, sets.fill({"name": name}), {**start, TEMPLATE: good})
    if not answer.is_success:
        summary = "a template whose default fits is refused"
        raise Violation(summary, expected="2xx", observed=f"{answer.status_code} {answer.text[:300]}")
    require_equal("the template", good, show())


def beginning(contract: Contract) -> Mapping[str, type[Taker]]:
    """What makes deployments and runs, where a pool's template can be changed."""
    if not any(label.startswith("PATCH") for label in templating(contract)):
        return {}
    return {operation: taker for operation, taker in takers(contract).items() if operation in (CREATE, RUN, BULK)}


@check("pools.invalid-defaults", on=beginning)
def test_an_invalid_default_is_in_nobodys_way(subject: type[Taker], client: Client, world: World) -> None:
    taker = subject(client, world)
    updates = world.workshop.contract.operations[str(RESOURCES[taker.pool.collection].updates)]
    answer = client.request(updates.method, updates.fill({"name": taker.pool.name}), {TEMPLATE: template(size="many")})
    if answer.is_client_error:
        raise NotApplicable("refused")
    require_taken(taker, {"image": "a"})
    require_refused(taker, {"image": 1})


# Workers


def reporting(contract: Contract) -> Mapping[str, str]:
    """What a worker reports to a pool with."""
    operation = heartbeats(contract)
    return {} if operation is None else {operation: operation}


def workers(world: World, pool: Pool) -> list[Record]:
    """The workers of a pool."""
    query = f"POST /{pool.collection}/{{work_pool_name}}/workers/filter"
    found: list[Record] = world.workshop.send(query, {}, work_pool_name=pool.name)
    return found


@check("pools.heartbeat", on=reporting)
def test_a_worker_that_reports_is_one_and_online(subject: str, client: Client, world: World) -> None:
    pool, other = Pool(world), Pool(world)
    name = world.workshop.name("worker")
    pool.beat(name)
    (first,) = require_workers(workers(world, pool), name)
    pool.beat(name)
    (second,) = require_workers(workers(world, pool), name)
    require_equal("the id of a worker that reports again", first["id"], second["id"])
    if not instant(second["last_heartbeat_time"]) > instant(first["last_heartbeat_time"]):
        raise Violation(
            "the time of the last heartbeat stays",
            expected=f"after {first['last_heartbeat_time']}",
            observed=second["last_heartbeat_time"],
        )
    pool.beat(f"{name}-too")
    require_workers(workers(world, pool), name, f"{name}-too")
    require_workers(workers(world, other))


def require_workers(found: list[Record], *names: str) -> list[Record]:
    """Raise Violation unless these are the workers that are listed, and those that say so are online."""
    require_equal("the workers that are listed", sorted(names), sorted(worker["name"] for worker in found))
    for worker in found:
        if "status" in worker:
            require_equal("the status of a worker that has just reported", "ONLINE", worker["status"])
    return found


def readying(contract: Contract) -> Mapping[str, str]:
    """The same, where a pool tells whether it is ready."""
    return reporting(contract) if with_status(contract) else {}


@check("pools.ready", on=readying)
def test_a_pool_is_ready_when_a_worker_is(subject: str, client: Client, world: World) -> None:
    shop = world.workshop
    pool, paused = Pool(world), Pool(world, is_paused=True)
    reads = str(RESOURCES[pool.collection].reads)
    require_equal("the status of a pool without a worker", "NOT_READY", pool.record["status"])
    for one in (pool, paused):
        one.beat(shop.name("worker"))
    shown = shop.send(reads, name=pool.name)
    require_equal("the status of a pool with a worker", "READY", shown["status"])
    shown = shop.send(reads, name=paused.name)
    require_equal("the status of a paused pool with a worker", "PAUSED", shown["status"])
