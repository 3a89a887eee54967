"""A run that is cut into shards comes to what the whole one does, and to nothing where a shard is wrong."""

import json
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from conftest import cli, differing, verdicts
from verdict_samples import MUST, OTHER, SHOULD, judged, ledger, planned, waived

from conformance import catalogue
from conformance.contract import Contract, Reading
from conformance.errors import ConformanceError
from conformance.run import plan, shards
from conformance.settings import Settings
from conformance.target import Access, discover
from conformance.verdicts.document import Target
from conformance.verdicts.ledger import ErrorKind, Ledger
from conformance.verdicts.model import Verdict
from conformance.verdicts.transcript import TranscribedLedger, replay

WHOLE = (judged(MUST, "flows"), judged(OTHER, "flows", Verdict.FAILED), judged(SHOULD, "runs"))


def written(folder: Path, number: int, of: int, **settings: Any) -> Path:
    """The reports folder of a shard that judged one check of the suite's catalogue."""
    folder.mkdir()
    made = TranscribedLedger(catalogue.load(), part=True)
    entry = judged("routes.plural", f"POST /things/{number}")
    made.plan(planned(entry))
    made.record(entry)
    made.count("POST /flows/", "201")
    chosen = Settings(shard=f"{number}/{of}", **settings)
    target = Target(url=f"http://127.0.0.1:{number}/api", server="prefect", version="3.9.1", contract_sha256="0" * 64)
    document = b'{"openapi": "3.1.0", "paths": {"/things/": {"post": {"responses": {}}}}}'
    shards.write(folder, chosen, target, document, Reading(), made, datetime.now(UTC), 1.5, {"world": 1.0})
    return folder


@pytest.mark.parametrize("text", ["0/2", "3/2", "1", "1/0", "a/b", "1/2/3", "-1/2", ""])
def test_what_is_no_shard(text: str, tmp_path: Path) -> None:
    with pytest.raises(ConformanceError, match="is no shard"):
        plan.parse_shard(text)


def test_a_shard_out_of_range_is_one_line(tmp_path: Path) -> None:
    done = cli("run", "--url", "http://127.0.0.1:9/api", "--shard", "3/2", cwd=tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "is no shard" in done.stderr


def test_a_transcript_makes_the_same_ledger() -> None:
    told = TranscribedLedger(ledger().catalogue, waived((OTHER, "flows")))
    told.operations(["POST /flows/", "GET /flows/{id}"])
    told.plan(planned(*WHOLE, judged(MUST, "never")))
    for entry in WHOLE:
        told.record(entry)
    told.count("POST /flows/", "201", 3)
    told.count("POST /flows/", None)
    told.credit(WHOLE[0], ["POST /flows/"])
    told.error("left behind", ErrorKind.CLEAN_UP)
    told.interrupt("Ctrl-C")
    again = Ledger(told.catalogue, waived((OTHER, "flows")))
    again.operations(["POST /flows/", "GET /flows/{id}"])
    replay(json.loads(json.dumps(told.events)), again)
    for made in (told, again):
        made.close()
    assert again.judgements == told.judgements
    assert again.calls == told.calls
    assert again.testing("POST /flows/") == told.testing("POST /flows/") == (MUST,)
    assert (again.errors, again.result(), again.reasons()) == (told.errors, told.result(), told.reasons())


def test_waivers_are_judged_when_all_is_joined() -> None:
    part = TranscribedLedger(ledger().catalogue, waived((MUST, "flows"), (OTHER, "nowhere")), part=True)
    part.plan(planned(*WHOLE))
    for entry in WHOLE:
        part.record(entry)
    part.close()
    assert part.errors == ()
    whole = Ledger(part.catalogue, part.waivers)
    replay(part.events, whole)
    whole.close()
    assert [error.kind for error in whole.errors] == [ErrorKind.WAIVER] * 2


def test_shards_of_one_run_are_joined_in_any_order(tmp_path: Path) -> None:
    folders = [written(tmp_path / str(number), number, 3) for number in (3, 1, 2)]
    assert [shard.number for shard in shards.join(folders)] == [1, 2, 3]
    done = cli("merge", *map(str, folders), "--reports", str(tmp_path / "all"), cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    content = json.loads((tmp_path / "all" / "verdicts.json").read_text())
    assert len(content["verdicts"]) == 3
    assert content["operations"]["POST /flows/"]["calls"] == 3


def wrong(folders: Sequence[Path]) -> str:
    with pytest.raises(ConformanceError) as caught:
        shards.join(folders)
    return str(caught.value)


def test_a_shard_is_missing(tmp_path: Path) -> None:
    folder = written(tmp_path / "1", 1, 3)
    assert wrong([folder]) == "missing: shard 2/3, 3/3"
    done = cli("merge", str(folder), cwd=tmp_path)
    assert (done.returncode, done.stderr.count("\n"), done.stdout) == (2, 1, "")


def test_a_shard_is_there_twice(tmp_path: Path) -> None:
    one, two = written(tmp_path / "1", 1, 2), written(tmp_path / "2", 2, 2)
    assert "shard 1/2 is there twice" in wrong([one, two, one])


@pytest.mark.parametrize(
    ("settings", "says"),
    [({"seed": 1}, "seeds"), ({"select": ("routes.*",)}, "selections"), ({"fuzz": False}, "--no-fuzz")],
)
def test_shards_of_different_runs(settings: dict[str, Any], says: str, tmp_path: Path) -> None:
    folders = [written(tmp_path / "1", 1, 2), written(tmp_path / "2", 2, 2, **settings)]
    with pytest.raises(ConformanceError, match=says):
        shards.join(folders)


@pytest.mark.parametrize(("where", "value", "says"), [("suite", "0.0.1", "suite versions"), ("of", 3, "is 2/3")])
def test_shards_that_do_not_fit(where: str, value: Any, says: str, tmp_path: Path) -> None:
    folders = [written(tmp_path / "1", 1, 2), written(tmp_path / "2", 2, 2)]
    content = json.loads((folders[1] / shards.FILE).read_text())
    (folders[1] / shards.FILE).write_text(json.dumps({**content, where: value}))
    with pytest.raises(ConformanceError, match=says):
        shards.join(folders)


def test_shards_of_two_releases(tmp_path: Path) -> None:
    folders = [written(tmp_path / "1", 1, 2), written(tmp_path / "2", 2, 2)]
    content = json.loads((folders[1] / shards.FILE).read_text())
    content["target"]["version"] = "3.0.0"
    (folders[1] / shards.FILE).write_text(json.dumps(content))
    with pytest.raises(ConformanceError, match="releases"):
        shards.join(folders)


def test_what_is_no_shard_is_not_joined(tmp_path: Path) -> None:
    assert "not the reports folder of a shard" in wrong([tmp_path / "nowhere"])
    (tmp_path / "cut").mkdir()
    (tmp_path / "cut" / shards.FILE).write_text('{"number": 1')
    assert "can't be read" in wrong([tmp_path / "cut"])
    shard = written(tmp_path / "1", 1, 1)
    with pytest.raises(ConformanceError, match="is the folder of a shard"):
        shards.merge([shard], shard, print)


# On a real server


@pytest.fixture(scope="module")
def contract(server: Any) -> Contract:
    return discover(server.url, Access()).contract


@pytest.mark.server
@pytest.mark.parametrize("of", [2, 3, 7])
def test_shards_are_the_whole_and_as_large_as_each_other(of: int, contract: Contract) -> None:
    known = catalogue.load()
    parts = [plan.planned(contract, known, Settings(shard=f"{n}/{of}")) for n in range(1, of + 1)]
    assert Counter(key for part in parts for key in part) == Counter(plan.asked_for(contract, known, Settings()))
    for chapter in known.chapters:
        sizes = [sum(requirement.startswith(f"{chapter}.") for requirement, _ in part) for part in parts]
        if chapter not in plan.ALL_TOGETHER:
            # What is sent once is judged by up to six checks, and some subjects have fewer than others.
            assert max(sizes) - min(sizes) <= 8, chapter
    fuzzed = [{subject for requirement, subject in part if requirement.startswith("fuzz.")} for part in parts]
    assert sum(map(len, fuzzed)) == len(set().union(*fuzzed))


@pytest.mark.server
@pytest.mark.wide
def test_merged_shards_say_what_the_whole_run_says(server: Any, tmp_path: Path) -> None:
    narrow = (
        "--select",
        "routes.plural",
        "--select",
        "filter.any flow*",
        "--select",
        "fuzz.* GET /flows*",
        "--url",
        server.url,
    )
    whole, merged = tmp_path / "whole", tmp_path / "merged"
    whole.mkdir()
    merged.mkdir()
    expected = cli("run", *narrow, cwd=whole)
    for number in (1, 2):
        part = cli("run", *narrow, "--shard", f"{number}/2", "--reports", f"part-{number}", cwd=tmp_path)
        assert part.returncode == 0, part.stdout + part.stderr
    done = cli("merge", "part-2", "part-1", "--reports", str(merged / "reports"), cwd=tmp_path)
    assert (done.returncode, expected.returncode) == (0, 0), done.stdout + done.stderr
    assert differing(verdicts(merged), verdicts(whole)) == {}
    one, other = (json.loads((f / "reports" / "verdicts.json").read_text()) for f in (whole, merged))
    assert one["grammar"] == other["grammar"]
    assert one["counts"] == other["counts"]
    assert {name: o["requirements"] for name, o in one["operations"].items()} == {
        name: o["requirements"] for name, o in other["operations"].items()
    }
    assert list((merged / "reports" / "allure-report").glob("index.html"))
