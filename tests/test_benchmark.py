"""The benchmark: that what it compares is the same, and that its page says what was measured."""

import json
import sys
from pathlib import Path

import httpx
import page_samples
import pytest

from conformance.benchmark import page, scale, worlds
from conformance.benchmark.exchanges import recording
from conformance.benchmark.figures import Found, Gate, Machine, Part, Plain, Size, Start, World, spread
from conformance.benchmark.plain import REPORT, read
from conformance.benchmark.process import measure
from conformance.benchmark.replay import replay
from conformance.contract import Contract, frozen
from conformance.errors import ConformanceError
from conformance.target import embedded
from conformance.verdicts import document

FOUND = Found(
    machine=Machine(system="Linux x86_64", processor="P", cores=2, memory_gib=23.5, python="3.11.7"),
    release="3.9.1",
    share="1/4",
    gates=tuple(
        Gate(seconds=s, first=20, phases={"start": 5.0}, peak=600, operations=188, reached=188, checks=6448)
        for s in (240.0, 230.0, 250.0)
    ),
    parts=(
        Part(name="fuzz", share="1/1", suite=(20.0, 22.0, 21.0), replay=(10.0, 10.5, 11.0), requests=1000, alike=0.99),
    ),
    start=Start(bare=(4.0, 5.0), first=(9.0, 9.0), collection=(5.0, 5.0)),
    workers={1: (100.0,), 2: (60.0,)},
    verdicts=(Size(number=5000, seconds=2.0, peak=200, made=3 * 2**20),),
    contracts=(Size(number=188, seconds=0.5, peak=100, made=6448),),
    generation=Size(number=188, seconds=18.2, peak=290, made=3200),
    worlds=(World(flow_runs=100_000, checks=900, seconds=90, phases={"clean-up": 12.0}, peak=200),),
    plain=Plain(seconds=720, requests=9000, operations=188, called=188, reached=tuple(range(5, 605, 5))),
)


@pytest.mark.server
def test_a_replay_sends_what_was_sent_to_objects_of_its_own(server: embedded.EmbeddedServer) -> None:
    """A flow is made, read, found, and deleted: a second time with the ids that it has then."""
    with recording(server.url) as (url, record), httpx.Client(base_url=url) as client:
        made = client.post("/flows/", json={"name": "bench-of-tests"}).json()
        assert client.get(f"/flows/{made['id']}").status_code == 200
        asked = {"flows": {"id": {"any_": [made["id"]]}}}
        assert client.post("/flows/filter", json=asked).json() == [made]
        assert client.delete(f"/flows/{made['id']}").status_code == 204
        assert client.delete(f"/flows/{made['id']}").status_code == 404
    assert [one.request.method for one in record.exchanges] == ["POST", "GET", "POST", "DELETE", "DELETE"]
    found = replay(record.exchanges, server.url)
    assert (found.requests, found.alike) == (5, 5)
    assert found.seconds > 0
    # Where ids were not put in place of the recorded ones, nothing would be found.
    assert replay(record.exchanges[1:], server.url).alike == 2


def test_a_command_is_timed_and_its_memory_is_that_of_those_who_count(tmp_path: Path) -> None:
    code = "import time; print('up'); held = bytearray(80 * 2**20); time.sleep(1.2); print('done')"
    command = [sys.executable, "-c", code]
    counted = measure(command, tmp_path, lambda line: line[0] == sys.executable)
    assert counted.code == 0
    assert 80 * 2**20 < counted.peak < 160 * 2**20
    up, done = counted.first("up"), counted.first("done")
    assert up is not None
    assert done is not None
    assert up < 1.0 < done <= counted.seconds
    assert counted.first("never") is None
    assert measure(command, tmp_path, lambda _: False).peak == 0


def test_operations_are_reached_by_their_first_success(tmp_path: Path) -> None:
    def entry(second: int, method: str, path: str, status: int) -> dict[str, object]:
        return {
            "startedDateTime": f"2026-01-01T00:00:{second:02}+00:00",
            "time": 500,
            "request": {"method": method, "url": f"http://127.0.0.1:4200/api{path}?limit=1"},
            "response": {"status": status},
        }

    entries = [
        entry(9, "GET", "/health", 200),
        entry(0, "GET", "/flows/x", 422),
        entry(4, "GET", "/flows/x", 200),
        entry(6, "GET", "/flows/y", 200),
        entry(7, "GET", "/nowhere", 200),
    ]
    (tmp_path / REPORT).write_text(json.dumps({"log": {"entries": entries}}))
    contract = Contract.parse(frozen.path("3.9.1").read_bytes())
    found = read(tmp_path, contract, "http://127.0.0.1:4200/api", 60.0)
    assert (found.requests, found.called, found.reached) == (5, 2, (4.0, 9.0))
    assert (found.by(3.9), found.by(4.0), found.time(2), found.time(3)) == (0, 1, 9.0, None)


def test_the_page_has_medians_and_ratios(tmp_path: Path) -> None:
    page.write(FOUND, tmp_path)
    text = (tmp_path / page.PAGE).read_text()
    assert "| 240.0 (230.0–250.0) |" in text
    assert "| 21.0 (20.0–22.0) | 1,000 requests replayed by a bare client: 10.5 (10.0–11.0) | 2.00 |" in text
    assert "the bare server up: 4.5 (4.0–5.0) | 2.00 |" in text
    assert "| 60.0 | 1 worker: 100.0 | 0.60 |" in text
    assert "It reached 120 after 600 s; the gate takes 0.40 of that for all of them." in text
    assert "| 5,000 | 2.0 | 0.40 | 200 | 3.0 |" in text
    assert "| 188 | 0.5 | 2.66 | 100 | 6,448 |" in text
    assert "| 100,000 | 90.0 | 100 | 12.0 | 200 |" in text
    assert "To generate those, 3,200 for 188 operations, takes 18.2 s and 290 MiB of one process" in text
    assert "In the 240 s of the gate it had 48 operations" in text
    assert Found.model_validate_json((tmp_path / page.JSON).read_text()) == FOUND
    assert "plain Schemathesis: 120" in (tmp_path / page.PLOT).read_text()


def test_what_was_not_reached_is_said(tmp_path: Path) -> None:
    assert FOUND.plain is not None
    short = FOUND.model_copy(update={"plain": FOUND.plain.model_copy(update={"reached": (1.0, 2.0)})})
    assert "It did not reach 120." in page.render(short)
    without = FOUND.model_copy(update={"plain": None})
    assert "Schemathesis" not in page.render(without).partition("## ")[2]
    page.write(without, tmp_path)
    assert not (tmp_path / page.PLOT).exists()
    (tmp_path / "file").write_text("")
    with pytest.raises(ConformanceError, match="can't write the benchmark"):
        page.write(FOUND, tmp_path / "file")


def test_a_spread_tells_of_more_than_one() -> None:
    assert (spread([3.14]), spread([1, 2, 6])) == ("3.1", "2.0 (1.0–6.0)")


def test_sizes_are_made_of_what_is_there(tmp_path: Path) -> None:
    document.write(page_samples.ordinary(), tmp_path / "verdicts.json")
    small, large = (scale.of_verdicts(tmp_path / "verdicts.json", number) for number in (20, 2_000))
    assert (small.number, large.number) == (20, 2_000)
    assert large.made > small.made
    one, many = (scale.of_operations("3.9.1", number) for number in (188, 500))
    assert (one.number, many.number) == (188, 500)
    # Checks of what the document says are there for each operation, whatever it is called.
    assert many.made > 2 * one.made


@pytest.mark.server
@pytest.mark.wide
def test_flow_runs_are_multiplied_in_the_database() -> None:
    with worlds.server(embedded.newest()) as (url, database):
        worlds.populate(embedded.newest(), url, database, 50)
        assert httpx.post(f"{url}/flow_runs/count", json={}).json() == 50
        worlds.populate(embedded.newest(), url, database, 120)
        assert httpx.post(f"{url}/flow_runs/count", json={"flow_runs": {"tags": {"all_": ["others"]}}}).json() == 120
        rows = httpx.post(f"{url}/flow_runs/filter", json={"limit": 200}).json()
        assert len({row["id"] for row in rows}) == len({row["name"] for row in rows}) == 120
