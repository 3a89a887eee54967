"""The coverage of the API in shards: what each has seen is judged when they are joined."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from api_coverage_samples import CONTRACT, DOCUMENT, EVERYTHING, FILTER, VERSION, exchange, seen
from verdict_samples import judged, planned

from conformance import catalogue
from conformance.contract import Contract, Reading
from conformance.errors import ConformanceError
from conformance.run import shards
from conformance.settings import Settings
from conformance.target import Exchange
from conformance.verdicts.document import Target
from conformance.verdicts.transcript import TranscribedLedger


def shard(folder: Path, number: int, *exchanges: Exchange, **settings: Any) -> Path:
    """The reports folder of one of two shards, which has judged a check and seen these exchanges."""
    folder.mkdir()
    made = TranscribedLedger(catalogue.load(), part=True)
    entry = judged("routes.plural", f"POST /things/{number}")
    made.plan(planned(entry))
    made.record(entry)
    made.survey(CONTRACT)
    made.see(seen(*exchanges))
    chosen = Settings(shard=f"{number}/2", **settings)
    target = Target(url="http://127.0.0.1/api", server="prefect", version="3.9.1", contract_sha256="0" * 64)
    raw = json.dumps(DOCUMENT).encode()
    shards.write(folder, chosen, target, raw, Reading(), made, datetime.now(UTC), 1.5, {})
    return folder


@pytest.mark.parametrize(
    ("wanted", "code", "reasons"),
    [
        ((), 0, []),
        (("operations=100", "paths=100"), 0, []),
        (("status-codes=90",), 3, ["coverage of status-codes is 71.4 % (5 of 7), and 90 % is required"]),
    ],
)
def test_what_shards_have_seen_is_judged_when_they_are_joined(
    wanted: tuple[str, ...], code: int, reasons: list[str], tmp_path: Path
) -> None:
    one = shard(tmp_path / "1", 1, *EVERYTHING[:4], require_coverage=wanted)
    two = shard(tmp_path / "2", 2, exchange(FILTER, 200), exchange(VERSION, 200), require_coverage=wanted)
    # Allure's page is of no interest here.
    assert shards.merge([two, one], tmp_path / "all", print) == code
    content = json.loads((tmp_path / "all" / "verdicts.json").read_text())
    assert content["reasons"] == reasons
    assert [measure["covered"] for measure in content["api_coverage"]["criteria"][:2]] == [3, 4]
    assert (tmp_path / "all" / "api-coverage.html").is_file()
    assert Contract.parse((tmp_path / "all" / "contract.json").read_bytes()).operations.keys() == {*CONTRACT.operations}


def test_shards_agree_on_what_is_required(tmp_path: Path) -> None:
    one = shard(tmp_path / "1", 1, require_coverage=("operations=100",))
    with pytest.raises(ConformanceError, match="opinions on --require-coverage"):
        shards.join([one, shard(tmp_path / "2", 2)])
