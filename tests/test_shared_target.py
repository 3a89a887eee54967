"""A server that others use too: the same verdicts, and afterwards it has exactly what it had, however the run ends."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from conftest import cli

from conformance.contract import Contract
from conformance.contract.document import parse
from conformance.data import fixtures
from conformance.faults import Fault, Proxy
from conformance.faults.fault import Request, Response, Upstream
from conformance.run import unfinished
from conformance.run.run import Run, told
from conformance.settings import Settings
from conformance.target import Access, Client, Journal, Redactor, Target, discover
from conformance.verdicts.ledger import ErrorKind
from conformance.world import CreatedLedger, HttpWorkshop, Inventory, Recorder, Swept, inventory, seed, sweep
from conformance.world.ledger import Created
from conformance.world.record import Trespass

Snapshot = dict[str, dict[str, dict[str, Any]]]

CONTRACT = Contract(parse((fixtures() / "contracts" / "prefect-3.9.1.json").read_bytes()))

# Computed from the time of reading. Events are what happened, and nothing can remove them.
_OF_THE_MOMENT = {"estimated_start_time_delta", "estimated_run_time"}
_HISTORY = {"/events/filter", "/ui/events/filter"}

_OWN_SERVER = (
    "does not belong to this run alone",
    "no server that asks for some can be started",
    "no server of this release that has can be started",
)

# What names others may have chosen, as a generator does.
_PLAIN_NAMES = ("0", "a", "A", "00", "string")

# Chapters that create much, and the requests of the fuzz that could meet what others have.
_NARROW = (
    "verbs.delete*",
    "lifecycles.create*",
    "hostile.* POST /flows/",
    "input.* POST /flows/",
    "input.* PATCH /flows/{id}",
    "fuzz.* POST /flows/",
    "fuzz.* POST /work_queues/",
    "fuzz.* PATCH /work_queues/{id}",
    "fuzz.* POST /deployments/",
    "fuzz.* POST /logs/",
    "fuzz.* DELETE /variables/name/{name}",
    "paging.count",
)


@pytest.fixture(scope="module", autouse=True)
def _state_of_their_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Of what other tests have left on servers that are gone, nothing is seen here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(unfinished.STATE_VARIABLE, str(tmp_path_factory.mktemp("state")))
        yield


# The parts


def test_an_intent_is_open_until_it_is_settled(tmp_path: Path) -> None:
    ledger = CreatedLedger(tmp_path / "created.jsonl")
    first, second = ledger.intend("flows"), ledger.intend("variables")
    assert ledger.open_intents() == {"flows", "variables"}
    ledger.settle(first, [Created("flows", "DELETE /flows/{id}", "/flows/1")])
    ledger.settle(second)
    assert ledger.open_intents() == frozenset()
    assert [created.path for created in ledger.newest_first()] == ["/flows/1"]


def test_a_line_that_was_cut_off_is_no_reason_to_leave_the_others(tmp_path: Path) -> None:
    ledger = CreatedLedger(tmp_path / "created.jsonl")
    ledger.add(Created("flows", "DELETE /flows/{id}", "/flows/1"))
    with ledger.path.open("a") as file:
        file.write('{"collection": "fl')
    assert [created.path for created in ledger.newest_first()] == ["/flows/1"]


def test_what_is_set_for_the_whole_server_is_taken_back_once() -> None:
    recorder = Recorder(CONTRACT, None)
    for label in ("GET /admin/storage", "PUT /admin/storage", "POST /flows/"):
        operation = CONTRACT.operations[label]
        recorder.sending(operation, operation.path)
    assert [operation.label for operation in recorder.settings()] == ["DELETE /admin/storage"]
    assert recorder.settings() == []


def test_one_request_is_not_believed_to_have_made_a_hundred_thousand_objects(tmp_path: Path) -> None:
    ledger = CreatedLedger(tmp_path / "created.jsonl")
    recorder = Recorder(CONTRACT, ledger)
    create = CONTRACT.operations["POST /flows/"]
    for rows in ([{"id": "one"}] * 100_000, [{"id": f"{number}"} for number in range(100_000)]):
        token = recorder.sending(create, create.path)
        assert token is not None
        recorder.answered(token, create, create.path, httpx.Response(201, json=rows))
    assert len(ledger.newest_first()) == 1_001
    assert ledger.open_intents() == {"flows"}, "nobody knows what else it has made"
    assert ledger.path.stat().st_size < 200_000


def test_who_watches_is_told_what_is_made_with_a_ledger_or_without(tmp_path: Path) -> None:
    ledger = CreatedLedger(tmp_path / "created.jsonl")
    for recorder in (Recorder(CONTRACT, ledger), Recorder(CONTRACT, None)):

        def post(path: str, answer: object, status: int = 201, recorder: Recorder = recorder) -> None:
            operation = CONTRACT.operation_of("POST", path)
            assert operation is not None
            token = recorder.sending(operation, path)
            if token is not None:
                recorder.answered(token, operation, path, httpx.Response(status, json=answer))

        post("/flows/", {"id": "before"})
        with recorder.watch() as made:
            post("/flows/", {"id": "f"})
            post("/flows/", {"id": "refused"}, 409)
            post("/flows/filter", [{"id": "read"}], 200)
            with recorder.watch() as within:
                post("/flow_runs/", {"id": "r"})
            post("/deployments/d/create_flow_run", {"id": "s"})
            post("/work_pools/p%2Fq/queues", {"id": "1", "name": "queue"})
            post("/deployments/d/schedules", [{"id": "2"}, "no record"])
            post("/flows/", {"id": "unknown"}, 500)
        assert [created.path for created in within] == ["/flow_runs/r"]
        expected = ["/flows/f", "/flow_runs/s", "/work_pools/p%2Fq/queues/queue", "/deployments/d/schedules/2"]
        assert [created.path for created in made] == expected
    assert {created.path for created in ledger.newest_first()} == {"/flows/before", "/flow_runs/r", *expected}
    assert ledger.open_intents() == {"flows"}


def test_what_nothing_can_find_is_told() -> None:
    (line,) = told(Swept(unknown=frozenset({"variables", "flows"})), "conformance-abc")
    assert "flows, variables" in line
    assert "conformance-abc" in line


def test_a_defect_of_the_clean_up_is_one_of_the_suite_and_tells_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run(Settings(), print)
    monkeypatch.setattr(run, "workbench", SimpleNamespace(redactor=Redactor(["hush-hush"])))
    with run._defects("clean-up"):
        int("hush-hush")
    (error,) = run.ledger.errors
    assert error.kind is ErrorKind.SUITE
    assert "ValueError" in error.message
    assert "hush" not in error.message


def test_what_was_there_is_known_by_its_id_and_by_its_name() -> None:
    theirs = Inventory(
        members={"flows": {"f1": ("mine",)}, "work_pools": {"p1": ("pool",)}, "variables": {"v": ("x",)}}
    )
    assert theirs.addresses("/flows/{id}", {"id": "f1"})
    assert theirs.addresses("/work_pools/{name}", {"name": "pool"})
    assert theirs.addresses("/variables/name/{name}", {"name": "x"})
    assert theirs.addresses("/work_pools/{work_pool_name}/queues/{name}", {"work_pool_name": "pool", "name": "q"})
    assert not theirs.addresses("/work_pools/{work_pool_name}/queues/{name}", {"work_pool_name": "q", "name": "pool"})
    assert not theirs.addresses("/flows/{id}", {"id": "f2"})


def test_a_sweep_without_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(unfinished.STATE_VARIABLE, str(tmp_path / "state"))
    nothing = cli("sweep", cwd=tmp_path)
    assert (nothing.returncode, nothing.stdout) == (0, "nothing to do: no unfinished run\n")
    for id_ in ("conformance-000000", "../..", ""):
        never = cli("sweep", "--url", "http://127.0.0.1:9/api", "--run", id_, cwd=tmp_path)
        assert never.returncode == 2
        assert never.stderr.count("\n") == 1
        assert "there is no unfinished run" in never.stderr


# On a server that is full of others' objects


@pytest.fixture(scope="module")
def target(server: Any) -> Target:
    return discover(server.url, Access())


@pytest.fixture(scope="module")
def theirs(target: Target, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Snapshot]:
    """A few hundred objects of all collections, in others' names; they are removed in the end."""
    ledger = CreatedLedger(tmp_path_factory.mktemp("acme") / "created.jsonl")
    with Client(target.url, Access(), target.contract, Journal()) as client:
        client.witness = recorder = Recorder(target.contract, ledger)
        shop = HttpWorkshop(client, target.contract, "acme", recorder)
        seed(shop)
        for name in _PLAIN_NAMES:
            flow = shop.send("POST /flows/", {"name": name})
            shop.send("POST /deployments/", {"name": name, "flow_id": flow["id"], "work_queue_name": name})
            shop.send("POST /artifacts/", {"key": name.lower()})
            shop.send("POST /concurrency_limits/", {"tag": name, "concurrency_limit": 1})
            shop.send("POST /work_pools/", {"name": name})
        for name in ("0", "a", "a_a"):
            shop.send("POST /variables/", {"name": name, "value": 1})
        for rank in range(1, 5):
            shop.send("POST /work_queues/", {"name": f"acme-ranked-{rank}", "priority": rank})
        there = snapshot(target.url)
        assert sum(map(len, there.values())) > 300
        yield there
        assert not sweep(client, target.contract, ledger, "acme").left


def snapshot(url: str) -> Snapshot:
    """Every record of every collection that can be listed: path -> id -> record."""
    found: Snapshot = {}
    with httpx.Client(timeout=60) as http:
        paths = http.get(f"{url}/openapi.json").json()["paths"]
        listed = {p.removeprefix("/api") for p in paths if p.endswith("/filter") and "{" not in p} - _HISTORY
        for path in sorted(listed):
            rows: list[dict[str, Any]] = []
            while len(page := http.post(url + path, json={"limit": 200, "offset": len(rows)}).json()) == 200:
                rows += page
            rows += page
            found[path] = {str(r.get("id") or json.dumps(r)): _lasting(r) for r in rows}
        for pool in list(found["/work_pools/filter"].values()):
            for part in ("queues", "workers"):
                path = f"/work_pools/{quote(pool['name'], safe='')}/{part}/filter"
                found[path] = {r["id"]: _lasting(r) for r in http.post(url + path, json={}).json()}
    return found


def _lasting(record: dict[str, Any]) -> dict[str, Any]:
    # Slots that decay are given back by the time that goes by.
    computed = _OF_THE_MOMENT | {"active_slots"} if record.get("slot_decay_per_second") else _OF_THE_MOMENT
    return {field: value for field, value in record.items() if field not in computed}


def select(*patterns: str) -> list[str]:
    return [argument for pattern in patterns for argument in ("--select", pattern)]


def judged(folder: Path, *, exclusive: bool) -> dict[tuple[str, str], str]:
    """The verdicts of a run, without those that need a server of the run's own, or one that it starts beside it."""
    content = json.loads((folder / "reports" / "verdicts.json").read_text())
    assert [error for error in content["errors"] if error["kind"] == "clean-up" and not exclusive] == []
    return {
        (entry["requirement"], entry["subject"]): entry["verdict"]
        for entry in content["verdicts"]
        if not any(reason in entry["summary"] for reason in _OWN_SERVER)
    }


def same_as_alone(target: Target, theirs: Snapshot, folder: Path, patterns: tuple[str, ...]) -> None:
    """A run beside others' objects decides what one on a server of its own does, and leaves theirs as they are."""
    (alone := folder / "alone").mkdir()
    (beside := folder / "beside").mkdir()
    done = cli("run", "--url", target.url, *select(*patterns), cwd=beside, timeout=3600)
    assert done.returncode in (0, 1), done.stdout
    assert snapshot(target.url) == theirs
    assert list(unfinished.find()) == []
    cli("run", *select(*patterns), cwd=alone, timeout=3600)
    found = judged(beside, exclusive=False)
    expected = judged(alone, exclusive=True)
    assert found == {key: verdict for key, verdict in expected.items() if key in found}
    assert len(found) > 0.8 * len(expected)


@pytest.mark.server
@pytest.mark.wide
def test_it_is_judged_as_if_it_were_alone(target: Target, theirs: Snapshot, tmp_path: Path) -> None:
    same_as_alone(target, theirs, tmp_path, _NARROW)


@pytest.mark.server
@pytest.mark.wide
def test_all_of_it_is_judged_as_if_it_were_alone(target: Target, theirs: Snapshot, tmp_path: Path) -> None:
    same_as_alone(target, theirs, tmp_path, ("*",))


def until(target: Target, folder: Path, says: str, signal_: signal.Signals, patterns: tuple[str, ...]) -> int:
    """Send a run a signal a moment after it has said something; its exit code."""
    script = Path(sys.executable).with_name("prefect-conformance")
    command = [str(script), "run", "--url", target.url, *select(*patterns)]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdout is not None
    for line in process.stdout:
        if says in line:
            break
    time.sleep(0.7)  # to be in the middle of what it said
    process.send_signal(signal_)
    rest, _ = process.communicate(timeout=240)
    assert "Traceback" not in rest
    return process.returncode


# The middle of seeding, of a chapter that makes and removes, and of the fuzz.
_MOMENTS = ("seeding the world", "checking: Lifecycles", "checking: Fuzz")


@pytest.mark.server
@pytest.mark.parametrize("says", [_MOMENTS[1], *(pytest.param(m, marks=pytest.mark.wide) for m in _MOMENTS[::2])])
@pytest.mark.wide
def test_an_interrupt_leaves_nothing(says: str, target: Target, theirs: Snapshot, tmp_path: Path) -> None:
    patterns = ("filter.any flows.id.any_", "lifecycles.*", "fuzz.*")
    assert until(target, tmp_path, says, signal.SIGINT, patterns) == 3
    assert snapshot(target.url) == theirs
    assert list(unfinished.find()) == []


@pytest.mark.server
@pytest.mark.parametrize("says", [_MOMENTS[0], *(pytest.param(m, marks=pytest.mark.wide) for m in _MOMENTS[1:])])
def test_a_sweep_removes_what_a_killed_run_has_left(
    says: str, target: Target, theirs: Snapshot, tmp_path: Path
) -> None:
    patterns = ("filter.any flows.id.any_", "lifecycles.*", "fuzz.*")
    assert until(target, tmp_path, says, signal.SIGKILL, patterns) == -signal.SIGKILL
    (run,) = unfinished.find()
    assert snapshot(target.url) != theirs
    listed = cli("sweep", cwd=tmp_path)
    assert (listed.returncode, listed.stdout.split("\t")[:2]) == (0, [run.about.prefix, target.url])
    elsewhere = cli(
        "sweep", "--url", f"{target.url.replace('127.0.0.1', 'localhost')}", "--run", run.about.prefix, cwd=tmp_path
    )
    assert (elsewhere.returncode, elsewhere.stderr.count("\n")) == (2, 1)
    swept = cli("sweep", "--url", target.url, "--run", run.about.prefix, cwd=tmp_path)
    assert swept.returncode == 0, swept.stdout + swept.stderr
    assert snapshot(target.url) == theirs
    again = cli("sweep", "--url", target.url, cwd=tmp_path)
    assert (again.returncode, again.stdout) == (0, f"nothing to do: no unfinished run on {target.url}\n")


@pytest.mark.server
def test_a_run_that_is_under_way_is_not_swept(target: Target, tmp_path: Path) -> None:
    run = unfinished.begin(unfinished.About(prefix="conformance-abc", url=target.url, started=datetime.now(UTC)))
    try:
        with run.lock():
            refused = cli("sweep", "--url", target.url, "--run", "conformance-abc", cwd=tmp_path)
            passed_over = cli("sweep", "--url", target.url, cwd=tmp_path)
    finally:
        run.close()
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
    assert "under way" in refused.stderr
    assert passed_over.returncode == 3
    assert "conformance-abc is under way" in passed_over.stdout


@pytest.mark.server
def test_what_a_create_without_an_answer_has_made_is_found_by_its_name(
    target: Target, theirs: Snapshot, tmp_path: Path
) -> None:
    ledger = CreatedLedger(tmp_path / "created.jsonl")
    with Client(target.url, Access(), target.contract, Journal()) as client:
        before = inventory(client, target.contract)
        ledger.intend("variables")
        client.request("POST", "/variables/", {"name": "conformance_dead_x", "value": 1})
        client.request("POST", "/variables/", {"name": "somebody_else", "value": 1})
        swept = sweep(client, target.contract, ledger, "conformance-dead", before)
        assert (swept.removed, swept.left, swept.appeared) == (1, [], {"variables": 1})
        # A listing shows what became of the intent. Without one, nothing does.
        assert swept.unknown == frozenset()
        ledger.intend("work_pools/queues")  # would go with its pool
        assert sweep(client, target.contract, ledger, "conformance-dead").unknown == {"variables"}
        client.request("DELETE", "/variables/name/somebody_else")
    assert snapshot(target.url) == theirs


@pytest.mark.server
def test_a_limit_that_its_deployment_has_let_go_of_is_the_runs_too(
    target: Target, theirs: Snapshot, tmp_path: Path
) -> None:
    ledger = CreatedLedger(tmp_path / "created.jsonl")
    with Client(target.url, Access(), target.contract, Journal()) as client:
        before = inventory(client, target.contract)
        client.witness = Recorder(target.contract, ledger, before)
        flow = client.request("POST", "/flows/", {"name": "conformance-dead-flow"}).json()
        sent = {"name": "conformance-dead-d", "flow_id": flow["id"], "concurrency_limit": 1}
        deployment = client.request("POST", "/deployments/", sent).json()
        client.request("PATCH", f"/deployments/{deployment['id']}", {"global_concurrency_limit_id": None})
        limits = client.request("POST", "/v2/concurrency_limits/filter", {"limit": 200}).json()
        assert [limit["name"] for limit in limits if deployment["id"] in limit["name"]]
        assert sweep(client, target.contract, ledger, "conformance-dead", before).left == []
    assert snapshot(target.url) == theirs


@pytest.mark.server
def test_what_no_listing_shows_and_the_target_fails_to_remove_is_told(
    target: Target, theirs: Snapshot, tmp_path: Path
) -> None:
    """An object may break its own collection's listing: nothing but the ledger has it then."""
    ledger = CreatedLedger(tmp_path / "created.jsonl")

    async def neither(request: Request, upstream: Upstream) -> Response:
        hit = (request.method, request.path) == ("POST", "/variables/filter") or request.method == "DELETE"
        return Response.of(500, {"exception_message": "Internal Server Error"}) if hit else await upstream(request)

    fault = Fault("stuck", "verbs.delete", "variables", "what there is can be neither listed nor removed", neither)
    with Client(target.url, Access(), target.contract, Journal()) as client:
        before = inventory(client, target.contract)
        client.witness = Recorder(target.contract, ledger, before)
        made = client.request("POST", "/variables/", {"name": "conformance_dead_y", "value": 1}).json()
        path = f"/variables/{made['id']}"
        with Proxy(target.url) as proxy, Client(proxy.url, Access(), target.contract, Journal()) as other:
            with proxy.bent(fault):
                swept = sweep(other, target.contract, ledger, "conformance-dead", before)
            assert (swept.left, swept.stuck) == ([f"DELETE {path} answered 500"], {f"DELETE {path} answered 500"})
            swept = sweep(other, target.contract, ledger, "conformance-dead", before)
            assert (swept.removed, swept.left) == (1, [])
    assert snapshot(target.url) == theirs


@pytest.mark.server
def test_what_others_have_is_neither_changed_nor_removed(target: Target, theirs: Snapshot, tmp_path: Path) -> None:
    ledger = CreatedLedger(tmp_path / "created.jsonl")
    with Client(target.url, Access(), target.contract, Journal()) as client:
        before = inventory(client, target.contract)
        client.witness = Recorder(target.contract, ledger, before)
        with pytest.raises(Trespass):
            client.request("DELETE", "/variables/name/a_a")
        flow = client.request("POST", "/flows/", {"name": "0"}).json()
        with pytest.raises(Trespass):
            client.request("PATCH", f"/flows/{flow['id']}", {"tags": ["ours"]})
        # The create has answered with a flow that was there: the ledger has it, and it stays.
        assert ledger.newest_first()
        assert sweep(client, target.contract, ledger, "conformance-dead", before).removed == 0
    assert snapshot(target.url) == theirs
