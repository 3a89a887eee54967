"""Targets that mean harm: each ends as docs/hostile-targets.md says, in its time and in its memory.

What is read of an answer is bounded in one place, so that most of them need no run to be seen: `discover` and `Client`
are what meets them. The command meets those that its first questions end at, and, in the wide tests, all of them.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import subprocess
import sys
import time
import weakref
from dataclasses import dataclass
from pathlib import Path

import hostile_servers as hostile
import pytest
from hostile_servers import Behaviour, once_known, serving, with_document
from test_access import CONTRACT

from conformance.contract import Contract, DocumentError
from conformance.contract import document as documents
from conformance.errors import TargetError
from conformance.target import Access, Client, Journal, Lost, Unreachable, bounds, discover, endurance
from conformance.target.client import Elsewhere, Unreadable
from conformance.verdicts import document

MOST_MEMORY = 1024
"""MiB."""

NON_CONFORMANT, USAGE, INCOMPLETE = 1, 2, 3
SECRET = "s3same-open-for-one-host-alone"


@dataclass(frozen=True)
class Ended:
    """How a command ended: its exit code and all that it said. `memory` is the most that it had, in MiB."""

    code: int
    said: str
    memory: int
    reports: Path


def run(url: str, folder: Path, *arguments: str, seconds: float) -> Ended:
    """Run the command in a folder of its own, with another one for what it puts aside; in time it ends by itself."""
    here, aside, said = folder / "here", folder / "aside", folder / "said"
    here.mkdir()
    aside.mkdir()
    script = Path(sys.executable).with_name("prefect-conformance")
    began = time.monotonic()
    with said.open("wb") as output:
        process = subprocess.Popen(
            [str(script), "run", "--url", url, "--no-allure", *arguments],
            cwd=here,
            stdout=output,
            stderr=output,
            env={**os.environ, "TMPDIR": str(aside)},
        )
        status, used = waited_for(process, began + seconds)
    took = time.monotonic() - began
    memory = used.ru_maxrss // 1024
    print(f"{took:.1f} s, {used.ru_utime + used.ru_stime:.1f} s of a processor, {memory} MiB")
    ended = Ended(os.waitstatus_to_exitcode(status), said.read_text(), memory, here / "reports")
    assert "Traceback" not in ended.said, ended.said
    assert ended.memory < MOST_MEMORY
    # What it puts aside it takes away again, and nothing but its reports lies where it was started.
    assert {path.name for path in here.iterdir()} <= {"reports"}
    assert not list(aside.iterdir())
    return ended


def waited_for(process: subprocess.Popen[bytes], deadline: float) -> tuple[int, resource.struct_rusage]:
    """The status that a process ends with, and what it used, its own children included."""
    while True:
        pid, status, used = os.wait4(process.pid, os.WNOHANG)
        if pid:
            process.returncode = os.waitstatus_to_exitcode(status)
            return status, used
        if time.monotonic() > deadline:
            process.kill()
            process.wait()
            pytest.fail("it does not come to an end")
        time.sleep(0.05)


RESULTS = {NON_CONFORMANT: "non-conformant", INCOMPLETE: "incomplete"}


def not_conformant(ended: Ended) -> None:
    """What could be judged has failed, or nothing could be; the reports say the same as the exit code."""
    assert ended.code in RESULTS, ended.said
    assert document.load(ended.reports / "verdicts.json").result == RESULTS[ended.code]


# Before it is taken for a Prefect: one line, and exit code 2

NO_API = "is not the base URL of a Prefect API"
NO_DOCUMENT = "has no OpenAPI document"

AT_ONCE: dict[str, tuple[Behaviour, str]] = {
    "a body that never ends": (hostile.endless, "more than 16 MiB"),
    "ten gigabytes in ten megabytes": (hostile.bomb, "more than 16 MiB"),
    "a bomb in a bomb": (hostile.nested_bomb, "content coding 'gzip, gzip'"),
    "no gzip though it says so": (hostile.no_gzip, "does not speak HTTP"),
    "less than was announced": (hostile.too_long, "does not speak HTTP"),
    "more than was announced": (hostile.too_short, "does not speak HTTP"),
    "JSON a million deep": (hostile.always(200, hostile.DEEP), "nests deeper than 250"),
    "a redirect to itself": (hostile.going_round, NO_API),
    "a redirect to a file": (hostile.redirecting("file:///etc/passwd"), NO_API),
    "a redirect to no address": (hostile.redirecting("http://["), NO_API),
    "a redirect to another host": (hostile.redirecting("http://elsewhere.invalid/api"), "nor credentials follow"),
    "objects, whatever is asked": (hostile.always(200, b"{}"), NO_API),
    "lists, whatever is asked": (hostile.always(200, b"[]"), NO_DOCUMENT),
    "500, whatever is asked": (hostile.always(500, b"{}"), NO_API),
    "the body of the request before": (hostile.late_by_one(), NO_API),
    "a document that never ends": (with_document(hostile.endless), "more than 16 MiB"),
    "a document that is a bomb": (with_document(hostile.bomb), "more than 16 MiB"),
    "a document a million deep": (with_document(hostile.always(200, hostile.DEEP)), "nests deeper than 250"),
    "a document of a hundred thousand rows": (with_document(hostile.many_rows), "JSON, but not an object"),
    "a document of a hundred thousand operations": (hostile.operations(100_000), "100188 operations"),
    "a document of ten megabytes": (hostile.padded(10_000_000), "larger than the 8 MiB"),
}


@pytest.mark.parametrize("target", AT_ONCE)
def test_a_target_that_is_none_is_refused(target: str) -> None:
    behaviour, says = AT_ONCE[target]
    with serving(behaviour) as (url, _), pytest.raises(TargetError, match=says) as caught:
        discover(url, Access(headers={"Authorization": f"Bearer {SECRET}"}, secrets=(SECRET,)))
    assert "\n" not in str(caught.value)
    assert SECRET not in str(caught.value)


_SHOWN = ("a document that is a bomb", "JSON a million deep")


@pytest.mark.parametrize(
    "target", [pytest.param(name, marks=() if name in _SHOWN else pytest.mark.wide) for name in AT_ONCE]
)
def test_the_command_says_so_in_a_line(target: str, tmp_path: Path) -> None:
    behaviour, says = AT_ONCE[target]
    with serving(behaviour) as (url, _):
        ended = run(url, tmp_path, seconds=120)
    assert ended.code == USAGE
    errors = [line for line in ended.said.splitlines() if line.startswith("Error")]
    assert len(errors) == 1, ended.said
    assert says in errors[0]
    assert not (ended.reports / "verdicts.json").exists()


# An answer of a target that is known


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Silence is one after half a second, and in all two seconds are waited in vain."""
    monkeypatch.setattr(endurance, "ENDURANCE", 2.0)
    monkeypatch.setattr("conformance.target.access.TIMEOUT", 0.5)


@pytest.mark.parametrize(
    ("behaviour", "says"),
    [
        (hostile.endless, "POST /api/deployments/filter answers more than 16 MiB"),
        (hostile.bomb, "more than 16 MiB"),
        (hostile.nested_bomb, "gzip, gzip"),
        (hostile.no_gzip, "can't be unpacked"),
        (hostile.always(200, hostile.DEEP), "nests deeper than 250"),
    ],
)
def test_an_answer_that_is_too_much_is_no_verdict(behaviour: Behaviour, says: str) -> None:
    with serving(once_known(behaviour)) as (url, seen), Client(url, Access(), CONTRACT, Journal()) as client:
        with pytest.raises(Unreadable, match=says):
            client.request("POST", "/deployments/filter", {})
        # It is not asked for again, and the next question has its answer.
        assert len(seen) == 1
        assert client.request("POST", "/flows/filter", {}).json() == []
        assert client.lost is None


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize("behaviour", [hostile.dripping, hostile.dripping_head, hostile.stalling])
def test_a_target_whose_answers_do_not_end_is_given_up(behaviour: Behaviour) -> None:
    with serving(once_known(behaviour)) as (url, seen), Client(url, Access(), CONTRACT, Journal()) as client:
        began = time.monotonic()
        stranger = client.another(url, {})
        for number in range(3):
            with pytest.raises(Unreachable):
                (client, stranger)[number % 2].request("POST", "/deployments/", {"name": "x"})
        while client.lost is None:
            with pytest.raises((Unreachable, Lost)):
                client.request("POST", "/deployments/", {"name": "x"})
        took = time.monotonic() - began
        before = len(seen)
        with pytest.raises(Lost, match="do not come to an end"):
            client.request("GET", "/health")
        assert len(seen) == before
        assert 1.5 < took < 15


def test_an_answer_is_let_go_by_the_last_who_holds_it() -> None:
    """And not when Python looks for rings the next time: of a server that answers with megabytes, that is gigabytes."""
    gc.disable()
    try:
        with serving(hostile.always(200, b"{}")) as (url, _), bounds.BoundedClient() as client:
            response = client.get(f"{url}/health")
            held = weakref.ref(response)
            assert response.json() == {}
            del response
            assert held() is None
    finally:
        gc.enable()


def test_what_is_nested_is_told_from_what_is_said() -> None:
    deep = b"[" * bounds.DEEPEST + b"]" * bounds.DEEPEST
    said = b'["' + b"[" * 1000 + b'", "\\"' + b"{" * 1000 + b'"' + b", {}" * 1000 + b"]"
    for body, read in [(deep, True), (b"[" + deep + b"]", False), (said, True), (b"x" + b"[" * 1000, True)]:
        answering = once_known(hostile.always(200, body))
        with serving(answering) as (url, _), Client(url, Access(), CONTRACT, Journal()) as client:
            if read:
                assert client.request("GET", "/flows/x").content == body
            else:
                with pytest.raises(Unreadable):
                    client.request("GET", "/flows/x")


def test_credentials_stay_where_they_are_sent() -> None:
    access = Access(headers={"Authorization": f"Bearer {SECRET}"}, secrets=(SECRET,))
    with serving(hostile.always(200, b"[]")) as (other, elsewhere):
        sent_there = once_known(hostile.redirecting(f"{other}/flows/filter"))
        with serving(sent_there) as (url, seen), Client(url, access, CONTRACT, Journal()) as client:
            with pytest.raises(Elsewhere):
                client.request("POST", "/deployments/filter", {})
            assert seen[0].headers["authorization"] == f"Bearer {SECRET}"
        with serving(hostile.redirecting(f"{other}/health")) as (url, _), pytest.raises(TargetError, match="follow"):
            discover(url, access)
    assert not elsewhere


def test_the_bounds_are_far_from_what_is_served() -> None:
    largest = hostile.contract()
    assert len(largest) * 10 < documents.MOST_BYTES
    assert len(Contract.parse(largest).operations) * 5 < documents.MOST_OPERATIONS
    with pytest.raises(DocumentError, match="2001 operations"):
        Contract.parse(json.dumps({"openapi": "3.1.0", "paths": {f"/{n}": {"get": {}} for n in range(2001)}}).encode())


# A document that leads astray


@pytest.mark.wide
@pytest.mark.parametrize("scheme", ["http", "file"])
def test_what_a_document_refers_to_is_not_fetched(scheme: str, tmp_path: Path) -> None:
    with serving(hostile.always(200, b'{"type": "string"}')) as (other, elsewhere):
        reference = f"{other}/schema.json" if scheme == "http" else "file:///etc/passwd"
        with serving(hostile.refers_to(reference)) as (url, _):
            not_conformant(run(url, tmp_path, *SMALL, seconds=300))
    assert not elsewhere
    assert all("root:x:0:" not in path.read_text() for path in (tmp_path / "here" / "reports").glob("[!.]*.*"))


@pytest.mark.wide
def test_references_that_go_round_come_to_an_end(tmp_path: Path) -> None:
    with serving(hostile.cyclic) as (url, _):
        not_conformant(run(url, tmp_path, *SMALL, seconds=300))


# A run on a target that is known


SMALL = ("--select", "paging.limit*", "--select", "fuzz.* POST /flows/")
"""Each way of asking: with the world and without, by hand and by the fuzzer."""

KNOWN: dict[str, Behaviour] = {
    "a body that never ends": hostile.endless,
    "ten gigabytes in ten megabytes": hostile.bomb,
    "less than was announced": hostile.too_long,
    "more than was announced": hostile.too_short,
    "a hundred thousand rows": hostile.many_rows,
    "JSON a million deep": hostile.always(200, hostile.DEEP),
    "a redirect to itself": hostile.going_round,
    "a redirect to a file": hostile.redirecting("file:///etc/passwd"),
    "a redirect to another host": hostile.redirecting("http://elsewhere.invalid/api"),
    "objects, whatever is asked": hostile.always(200, b"{}"),
    "lists, whatever is asked": hostile.always(200, b"[]"),
    "500, whatever is asked": hostile.always(500, b"{}"),
    "the body of the request before": hostile.late_by_one(),
}


@pytest.mark.wide
@pytest.mark.parametrize("target", KNOWN)
def test_a_run_comes_to_an_end(target: str, tmp_path: Path) -> None:
    with serving(once_known(KNOWN[target])) as (url, _):
        not_conformant(run(url, tmp_path, *SMALL, seconds=900))


@pytest.mark.wide
@pytest.mark.parametrize("target", [name for name in KNOWN if name != "a body that never ends"])
def test_a_whole_run_comes_to_an_end(target: str, tmp_path: Path) -> None:
    with serving(once_known(KNOWN[target])) as (url, _):
        not_conformant(run(url, tmp_path, seconds=1800))


@pytest.mark.wide
@pytest.mark.parametrize("behaviour", [hostile.dripping, hostile.dripping_head, hostile.stalling])
def test_a_silence_is_waited_for_as_long_as_is_said(behaviour: Behaviour, tmp_path: Path) -> None:
    with serving(behaviour) as (url, _):
        ended = run(url, tmp_path, seconds=150)
    assert ended.code == USAGE
    assert len([line for line in ended.said.splitlines() if line.startswith("Error")]) == 1
