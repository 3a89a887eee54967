"""A server that attacks whoever reads of it: no report, page, line or file of a run is more than text by it."""

from __future__ import annotations

import http.server
import io
import itertools
import json
import os
import re
import subprocess
import sys
import threading
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import pytest
from certificate_samples import ISSUED, small_sets
from certificate_samples import run as certified_run
from certificate_samples import written as certified_folder
from jsonschema import Draft202012Validator
from lxml import etree
from markdown_it import MarkdownIt
from page_samples import EVIL, hostile, hostile_contract
from rich.console import Console
from verdict_samples import CATALOGUE, MUST, OTHER, judged, ledger

from conformance import cli as commands
from conformance import data
from conformance.contract import Contract
from conformance.errors import TargetError
from conformance.faults import Fault, Proxy
from conformance.faults.fault import Request, Response, Upstream
from conformance.run import reports, unfinished
from conformance.run.timings import Timings
from conformance.settings import Settings
from conformance.target import Access, Client, Journal, Unreadable, bounds, discover, embedded
from conformance.target.journal import Exchange
from conformance.verdicts import document, matrix, terminal
from conformance.verdicts.certificate import Product, certify
from conformance.verdicts.model import Verdict
from conformance.world import Inventory

OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""What a terminal, or an editor, does something by."""

Command = Callable[..., str]


class Tags(HTMLParser):
    """The tags of a page and their attributes, and what is text in it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.text += data


def harmless(page: str, scripts: int = 0) -> Tags:
    """A page in which all that a server said is text."""
    found = Tags(page)
    assert not {"img", "iframe", "object", "embed", "base", "textarea"} & set(found.tags)
    assert found.tags.count("script") == scripts
    assert not [name for name, _ in found.attributes if name.startswith("on")]
    assert not [value for name, value in found.attributes if name == "href" and "javascript:" in value]
    assert not OBEYED.findall(page)
    return found


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]) -> Command:
    """What a command prints on standard output; it ends with the code that is expected."""

    def told(*arguments: object, code: int = 0) -> str:
        monkeypatch.setattr(sys, "argv", ["prefect-conformance", *map(str, arguments)])
        capsysbinary.readouterr()
        with pytest.raises(SystemExit) as ended:
            commands.main()
        said = capsysbinary.readouterr()
        assert (ended.value.code or 0) == code, said.err
        return said.out.decode("utf-8")

    return told


def written(folder: Path, ended: Verdict = Verdict.FAILED) -> tuple[Any, reports.Written]:
    """The reports of a run on a hostile server."""
    sample = hostile()
    made = ledger(
        judged(MUST, f"GET /{EVIL}", ended, summary=EVIL, details=f"expected: {EVIL}\nreplay:\ncurl '{EVIL}'"),
        judged(OTHER, EVIL, ended, summary=EVIL, details=EVIL, findings=(EVIL,)),
        judged(OTHER, f"{EVIL} \ud800", Verdict.COULD_NOT_RUN, summary=EVIL),
        judged(MUST, EVIL, Verdict.NOT_APPLICABLE, summary=EVIL),
    )
    made.operations([f"POST /{EVIL}"], {f"POST /{EVIL}": EVIL})
    made.count(f"POST /{EVIL}", "500")
    made.error(f"{EVIL} \ud800")
    made.survey(hostile_contract())
    made.close()
    (folder / ".under-way" / "allure-results").mkdir(parents=True)
    run = SimpleNamespace(
        contract=hostile_contract(),
        settings=Settings(url=f"http://x/{EVIL}", reports=folder, allure=False),
        catalogue=CATALOGUE,
        ledger=made,
        target=sample.target,
        started=sample.run.started,
        seconds=1.0,
        lost=None,
        timings=Timings(),
        progress=lambda _: None,
    )
    return run, reports.write(run)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    at = tmp_path_factory.mktemp("hostile") / "reports"
    at.mkdir()
    _, found = written(at)
    assert [line.partition(":")[0] for line in found.missing] == ["allure-report"]
    return at


@pytest.mark.parametrize(
    ("name", "scripts"), [("index.html", 3), ("catalogue.html", 0), ("coverage.html", 0), ("api-coverage.html", 0)]
)
def test_every_page_is_text(name: str, scripts: int, folder: Path) -> None:
    found = harmless((folder / name).read_text("utf-8"), scripts)
    if name in ("index.html", "api-coverage.html"):
        assert "<script>alert(1)</script>" in found.text


def test_the_coverage_of_a_hostile_grammar_is_text(tmp_path: Path) -> None:
    reports.pages(hostile(), CATALOGUE, tmp_path)
    for name, scripts in [("index.html", 3), ("coverage.html", 0), ("api-coverage.html", 0)]:
        assert "<script>alert(1)</script>" in harmless((tmp_path / name).read_text("utf-8"), scripts).text


def test_what_programs_read_is_well_formed(folder: Path) -> None:
    raw = (folder / "verdicts.json").read_bytes()
    schema = json.loads((data.fixtures() / "schemas" / "verdicts.schema.json").read_text("utf-8"))
    assert list(Draft202012Validator(schema).iter_errors(json.loads(raw))) == []
    assert document.load(folder / "verdicts.json").counts[Verdict.FAILED] == 2
    assert not OBEYED.findall(raw.decode("ascii"))
    junit = etree.parse(folder / "junit.xml")
    etree.XMLSchema(etree.parse(data.fixtures() / "schemas" / "junit.xsd")).assertValid(junit)
    assert not OBEYED.findall((folder / "junit.xml").read_text("utf-8"))
    assert {element.tag for element in junit.iter()} <= {
        *("testsuites", "testsuite", "testcase", "failure", "error", "skipped")
    }
    kept = json.loads((folder / "contract.json").read_bytes().decode("utf-8"))
    assert list(kept["paths"]) == [f"/{EVIL}"]


def test_allure_is_told_as_data(folder: Path) -> None:
    results = folder / "allure-results"
    made = [json.loads(path.read_text("utf-8")) for path in results.glob("*.json")]
    assert any("<script>alert(1)</script>" in one["name"] for one in made)
    assert not OBEYED.findall("".join(one["name"] + one["statusDetails"]["message"] for one in made))
    lines = (results / "environment.properties").read_text("ascii").splitlines()
    assert all(re.match(r"[a-z]+=", line) for line in lines)
    assert {path.suffix for path in results.iterdir()} == {".json", ".properties"}


def test_the_terminal_is_told_and_obeys_nothing(tmp_path: Path) -> None:
    run, found = written(tmp_path)
    console = Console(file=io.StringIO(), width=120, highlight=False, markup=False, emoji=False)
    reports.show(run, found, console)
    assert isinstance(console.file, io.StringIO)
    said = console.file.getvalue()
    assert "<script>alert(1)</script>" in said
    assert not OBEYED.findall(said)
    assert terminal.rerun(found.document.verdicts[0]).count("\n") == 0


def test_the_page_of_a_job_is_text(folder: Path, command: Command) -> None:
    page = command("summary", folder)
    assert not OBEYED.findall(page)
    harmless(MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(page))
    annotations = command("summary", folder, "--format", "annotations")
    assert not OBEYED.findall(annotations)
    for line in annotations.splitlines():
        assert re.match(r"::(error|warning|notice) [^\n]*?::", line)
        assert "::" not in line.partition("::")[2].partition("::")[2]


@pytest.mark.parametrize("form", ["text", "json", "markdown"])
def test_a_difference_is_text(form: str, folder: Path, tmp_path: Path, command: Command) -> None:
    written(tmp_path, Verdict.PASSED)
    told = command("diff", tmp_path, folder, "--format", form, code=1)
    assert not OBEYED.findall(told)
    if form == "json":
        assert json.loads(told)["verdicts"]["counts"]["regressed"] == 2
    if form == "markdown":
        harmless(MarkdownIt("commonmark", {"html": True}).enable(["table"]).render(told))


def test_proposed_waivers_are_toml(folder: Path, command: Command) -> None:
    text = command("waivers", "propose", folder)
    assert not OBEYED.findall(text)
    (one, two) = tomllib.loads(text)["waiver"]
    assert {one["subject"], two["subject"]} == {f"GET /{EVIL}", EVIL}
    assert {one["reason"], two["reason"]} == {""}


def test_a_table_of_runs_is_one(folder: Path) -> None:
    odd = document.load(folder / "verdicts.json")
    odd = odd.model_copy(update={"target": odd.target.model_copy(update={"version": "1 |\n| <b> | `x`"})})
    text = matrix.table([hostile(), odd])
    assert not OBEYED.findall(text)
    found = harmless(MarkdownIt("commonmark", {"html": True}).enable(["table"]).render(text))
    assert found.tags.count("tr") == 3
    assert "b" not in found.tags


def test_a_certificate_and_its_badge_are_text(tmp_path: Path, command: Command) -> None:
    with small_sets():
        certified_folder(tmp_path, certified_run(target={"server": EVIL, "url": f"http://x/{EVIL}"}))
        raw = certify(tmp_path, Product(vendor=EVIL, name=EVIL, version=EVIL), ISSUED)
        (tmp_path / "certificate.json").write_bytes(raw)
        assert not OBEYED.findall(command("verify", tmp_path / "certificate.json", "--evidence", tmp_path))
        assert not OBEYED.findall(command("badge", tmp_path / "certificate.json"))
    svg = (tmp_path / "badge.svg").read_text("utf-8")
    tags = {element.tag.partition("}")[2] for element in ElementTree.fromstring(svg).iter()}
    assert not {"script", "image", "foreignObject", "a"} & tags
    assert not OBEYED.findall(svg + (tmp_path / "badge.json").read_text("utf-8"))
    assert json.loads((tmp_path / "badge.json").read_bytes())["schemaVersion"] == 1


# What comes over the wire


@contextmanager
def answering(send: Callable[[http.server.BaseHTTPRequestHandler], None]) -> Iterator[str]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            with suppress(OSError):  # whoever asked has had enough
                send(self)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("content-length", 0)))
            self.do_GET()

        def log_message(self, *_: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as httpd:
        threading.Thread(target=httpd.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{httpd.server_port}/api"
        httpd.shutdown()


def _endless(handler: http.server.BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.end_headers()
    while True:
        handler.wfile.write(b"[" * 65536)


def _no_gzip(handler: http.server.BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("content-encoding", "gzip")
    handler.send_header("content-length", "9")
    handler.end_headers()
    handler.wfile.write(b"<b>nogzip")


@pytest.mark.parametrize(("send", "says"), [(_endless, "more than 1 MiB"), (_no_gzip, "incorrect header")])
def test_what_can_not_be_read_is_no_verdict(send: Any, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "MOST_BYTES", 2**20)
    contract = Contract({"openapi": "3.1.0", "paths": {}})
    with answering(send) as url, Client(url, Access(), contract, Journal(), stranger=True) as client:
        with pytest.raises(Unreadable, match=says):
            client.send_once("GET", f"{url}/flows/1", b"", {})
        with pytest.raises(TargetError) as caught:
            discover(url, Access())
    assert "\n" not in str(caught.value)


def test_of_large_answers_fewer_are_kept() -> None:
    journal = Journal()
    body = bytes(10 * 2**20)
    one = Exchange(None, "GET", "http://x", {}, b"", 200, {}, body, 0.1)
    for number in range(40):
        journal.record(replace(one, url=f"http://x/{number}"))
    kept = [exchange.url for exchange in journal.exchanges]
    assert len(kept) + journal.dropped == 40
    assert len(kept) <= 7
    assert (kept[0], kept[-1]) == ("http://x/0", "http://x/39")


def test_what_has_no_utf8_is_kept_between_processes(tmp_path: Path) -> None:
    found = Inventory(members={"flows": {MARK: (MARK,)}}, partial=frozenset({MARK}))
    unfinished.remember(tmp_path, found)
    assert unfinished.before(tmp_path) == found


# A whole run

MARK = f"{EVIL} \ud800"
HEADERS = ((b"x-evil", b"<script>alert(1)</script>\x1b[2J \xff\xfe"), (b"server", b"<img src=x onerror=alert(1)>\x9b"))


LARGE = itertools.count()
"""Large answers: a few are enough, and each takes the machine a while."""


async def _attack(request: Request, upstream: Upstream) -> Response:
    answer = await upstream(request)
    if request.path == "/openapi.json":
        return answer
    answer = replace(answer, headers=(*(h for h in answer.headers if h[0] != b"server"), *HEADERS))
    if request.method == "GET" and request.path.startswith("/flows/") and answer.is_success:
        return replace(answer.with_json({"id": MARK, "name": MARK, MARK: MARK}))
    if request.path == "/flows/filter" and answer.is_success and next(LARGE) < 6:
        return answer.with_json([{"id": MARK, "name": "x" * 10_000_000, MARK: MARK}])
    if request.path == "/flows/count":
        body = b'"\xff\xfe\x1b[2J<script>' + b"\xc3" * 1000
        kept = tuple(header for header in answer.headers if header[0] != b"content-length")
        return replace(answer, body=body, headers=(*kept, (b"content-length", str(len(body)).encode())))
    if not answer.is_success:
        return answer.with_json({"detail": MARK, MARK: [MARK]})
    return answer


ATTACK = Fault("attack", MUST, "everything", "whatever it says is an attack", _attack)
MEMORY = 1_000_000
"""Kilobytes."""


@pytest.mark.server
@pytest.mark.wide
def test_a_run_on_a_hostile_server_is_judged_and_told(server: embedded.EmbeddedServer, tmp_path: Path) -> None:
    script = Path(sys.executable).with_name("prefect-conformance")
    chosen = ("verbs.* GET /flows/{id}", "verbs.* * /flows/", "refusals.* */flows/*", "* POST /flows/filter")
    selected = [part for pattern in chosen for part in ("--select", pattern)]
    with Proxy(server.url) as proxy, (tmp_path / "said").open("wb") as said:
        proxy.fault = ATTACK
        run = subprocess.Popen(
            [str(script), "run", "--url", proxy.url, "--exclusive", "--no-fuzz", "--no-allure", *selected],
            cwd=tmp_path,
            stdout=said,
            stderr=subprocess.STDOUT,
        )
        _, status, usage = os.wait4(run.pid, 0)
        run.returncode = os.waitstatus_to_exitcode(status)
    output = (tmp_path / "said").read_bytes().decode("utf-8")
    assert run.returncode == 1, output[-3000:]
    assert "Traceback" not in output
    assert not OBEYED.findall(output)
    at = tmp_path / "reports"
    found = document.load(at / "verdicts.json")
    assert found.counts[Verdict.FAILED] > 0
    assert any("<script>alert(1)</script>" in entry.details for entry in found.verdicts)
    for name, scripts in [("index.html", 3), ("catalogue.html", 0), ("coverage.html", 0), ("api-coverage.html", 0)]:
        harmless((at / name).read_text("utf-8"), scripts)
    etree.XMLSchema(etree.parse(data.fixtures() / "schemas" / "junit.xsd")).assertValid(etree.parse(at / "junit.xml"))
    for path in (at / "allure-results").glob("*.json"):
        for attachment in json.loads(path.read_text("utf-8")).get("attachments", ()):
            assert (at / "allure-results" / Path(attachment["source"]).name).is_file()
    sizes = {str(path.relative_to(at)): path.stat().st_size for path in at.rglob("*") if path.is_file()}
    assert max(sizes.values()) < 2_000_000, sizes
    assert usage.ru_maxrss < MEMORY
