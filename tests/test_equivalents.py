"""A server that says the same in another way keeps the contract as well: no check raises a false alarm."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from conftest import cli, silent

from conformance.faults import EQUIVALENTS, Equivalent, Proxy, at_once
from conformance.faults.http10 import Http10
from conformance.run.proof import Laboratory
from conformance.suite.check import declaration, functions
from conformance.target import embedded
from conformance.verdicts import document
from conformance.verdicts.model import Verdict


def listed(url: str, **body: Any) -> httpx.Response:
    """Flows by name, through whatever stands between."""
    return httpx.post(f"{url}/flows/filter", json={"sort": "NAME_ASC", **body})


def ids(answer: httpx.Response) -> list[str]:
    """The ids of the rows."""
    return [row["id"] for row in answer.json()]


VARIANTS = {one.id: one for one in EQUIVALENTS}


@pytest.mark.server
def test_each_does_what_it_says(lab: Laboratory) -> None:
    """A variant that changed nothing would prove nothing."""
    plain = listed(lab.proxy.url)
    bare = httpx.get(f"{lab.proxy.url}/flows/none")

    def shown(name: str) -> tuple[httpx.Response, httpx.Response]:
        with lab.proxy.bent(VARIANTS[name]):
            return listed(lab.proxy.url), httpx.get(f"{lab.proxy.url}/flows/none")

    answer, _ = shown("turned-keys")
    assert answer.json() == plain.json()
    assert list(answer.json()[0]) == list(reversed(plain.json()[0]))
    answer, _ = shown("more-fields")
    assert answer.json()[0].keys() - plain.json()[0].keys() == {"x_region", "x_links"}
    answer, _ = shown("offset-for-z")
    assert answer.json()[0]["created"] == plain.json()[0]["created"].replace("Z", "+00:00")
    _, refused = shown("other-words")
    assert (refused.status_code, bare.status_code) == (404, 404)
    assert refused.json() != bare.json()
    answer, _ = shown("spelt-json")
    assert (answer.text != plain.text, answer.json()) == (True, plain.json())
    answer, _ = shown("described")
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    answer, _ = shown("gzip")
    assert (answer.headers["content-encoding"], answer.json()) == ("gzip", plain.json())
    answer, _ = shown("chunked")
    assert (answer.headers["transfer-encoding"], answer.json()) == ("chunked", plain.json())
    answer, _ = shown("shouted-headers")
    assert {name for name, _ in answer.headers.raw} >= {b"CONTENT-TYPE", b"CONTENT-LENGTH"}


@pytest.mark.server
def test_ties_are_turned_alike_on_all_pages(lab: Laboratory) -> None:
    # Of the population: what other checks have stored meanwhile, hostile values among it, the server may fail to list.
    whose = {"task_runs": {"id": {"any_": lab.workbench.world.population.ids("task_runs")}}}

    def runs(**body: Any) -> list[Any]:
        asked = {"sort": "EXPECTED_START_TIME_ASC", **whose, **body}
        rows = httpx.post(f"{lab.proxy.url}/task_runs/filter", json=asked).json()
        assert isinstance(rows, list)
        return rows

    plain = runs()
    with lab.proxy.bent(VARIANTS["turned-ties"]):
        whole = runs()
        paged = [row["id"] for first in range(0, len(whole), 7) for row in runs(limit=7, offset=first)]
    assert [row["expected_start_time"] for row in whole] == [row["expected_start_time"] for row in plain]
    assert whole != plain, "there is no tie in the world"
    assert paged == [row["id"] for row in whole]


@pytest.mark.server
def test_http10_answers_end_with_their_connection(lab: Laboratory) -> None:
    with Http10(lab.url) as relay:
        parts = urlsplit(relay.url)
        connection = http.client.HTTPConnection(parts.netloc)
        connection.request("GET", f"{parts.path}/flows/none")
        answer = connection.getresponse()
        assert (answer.version, answer.status, answer.reason, answer.length) == (10, 404, "As You Like", None)
        assert json.loads(answer.read()) == httpx.get(f"{lab.url}/flows/none").json()
        assert ids(listed(relay.url)) == ids(listed(lab.url))


def kept(lab: Laboratory, requirements: Iterable[str]) -> list[tuple[str, str]]:
    """Each of them that the real server keeps, with the first of its subjects on which it does."""
    found = []
    for requirement in requirements:
        declared = declaration(functions()[requirement])
        assert declared is not None
        workbench, _ = lab.place(requirement)
        for subject in list(declared.names(workbench.contract))[:5]:
            if lab.honest(requirement, subject).verdict is Verdict.PASSED:
                found.append((requirement, subject))
                break
    return found


def minded(lab: Laboratory, variant: Equivalent, pairs: Iterable[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """Those of the checks that do not pass before a variant, with what they say."""
    with lab.faulty(variant) as judge:
        found = {pair: judge(*pair) for pair in pairs}
    return {
        pair: f"{judged.verdict}: {judged.summary}\n{judged.details}"
        for pair, judged in found.items()
        if judged.verdict is not Verdict.PASSED
    }


# Of each chapter one; those of the client and of what takes its time on the server take as long as all others.
_CHAPTERS = sorted(
    {requirement.partition(".")[0] for requirement in functions()} - {"client", "scheduling", "stateful"}
)
_NARROW = [next(name for name in functions() if name.startswith(f"{chapter}.")) for chapter in _CHAPTERS]


@pytest.mark.server
def test_no_chapter_minds_them_all_at_once(lab: Laboratory) -> None:
    asked = kept(lab, _NARROW)
    assert len(asked) > len(_NARROW) / 2
    assert minded(lab, at_once(EQUIVALENTS), asked) == {}


@pytest.fixture(scope="module")
def whole(lab: Laboratory) -> list[tuple[str, str]]:
    """A check of each requirement that the real server keeps."""
    return kept(lab, functions())


@pytest.mark.server
@pytest.mark.wide
@pytest.mark.parametrize("variant", EQUIVALENTS, ids=lambda variant: variant.id)
def test_no_requirement_minds(variant: Equivalent, lab: Laboratory, whole: list[tuple[str, str]]) -> None:
    assert len(whole) > len(functions()) / 2
    assert minded(lab, variant, whole) == {}


def trouble(url: str, folder: Path) -> set[str]:
    """The requirements that a whole run at that URL finds broken, or can't decide on."""
    done = cli("run", "--url", url, "--exclusive", "--workers", "2", cwd=folder, timeout=3600)
    assert done.returncode in (0, 1, 3), done.stdout + done.stderr
    found = document.load(folder / "reports" / "verdicts.json")
    assert found.errors == ()
    assert found.counts[Verdict.PASSED] > 5_000
    return {entry.requirement for entry in found.verdicts if entry.verdict in (Verdict.FAILED, Verdict.COULD_NOT_RUN)}


@pytest.mark.server
@pytest.mark.wide
def test_a_whole_run_minds_none_of_them(tmp_path: Path) -> None:
    server = embedded.start(embedded.newest(), silent)
    try:
        with Proxy(server.url) as proxy, proxy.bent(at_once(EQUIVALENTS)):
            assert trouble(proxy.url, tmp_path) == set()
    finally:
        server.stop()


@pytest.mark.server
@pytest.mark.wide
def test_a_whole_run_minds_http10_only_where_there_has_to_be_a_websocket(tmp_path: Path) -> None:
    """HTTP/1.0 has none: task workers can't connect, and Prefect's SDK loses the events that its task runs come by."""
    server = embedded.start(embedded.newest(), silent)
    try:
        with Http10(server.url) as relay:
            minding = trouble(relay.url, tmp_path)
    finally:
        server.stop()
    of_served = ("ended", "states", "parameters", "flow", "logs", "deployment", "deployment-run")
    of_events = ("task-runs", "task-inputs")
    assert minding == {"filter.task-workers", *(f"client.{name}" for name in (*of_served, *of_events))}
