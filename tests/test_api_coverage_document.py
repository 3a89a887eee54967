"""The coverage of the API in verdicts.json: it is read again, and one that contradicts itself is refused."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from api_coverage_samples import DELETE, EVERYTHING, FILTER, VERSION, surveyed
from verdict_samples import build

from conformance.verdicts import document
from conformance.verdicts.api_coverage import parse_required


def whole() -> dict[str, Any]:
    made = surveyed(*EVERYTHING[:5])
    made.required = parse_required(["operations=50"])
    content: dict[str, Any] = json.loads(document.dump(build(made)))
    return content


WHOLE = whole()


def loaded(folder: Path, content: Any) -> document.Document:
    path = folder / "verdicts.json"
    path.write_text(json.dumps(content), "utf-8")
    return document.load(path)


def test_the_document_has_it_and_is_read_again(tmp_path: Path) -> None:
    found = WHOLE["api_coverage"]
    assert found["level"] == 0
    assert found["criteria"][1]["criterion"] == "operations"
    assert found["criteria"][1]["unseen"] == [
        {"operation": FILTER, "item": ""},
        {"operation": VERSION, "item": ""},
    ]
    assert found["operations"][DELETE] == {
        "operations": {"covered": 1, "total": 1},
        "parameters": {"covered": 1, "total": 1},
        "status-classes": {"covered": 2, "total": 2},
        "parameter-values": {"covered": 1, "total": 1},
        "status-codes": {"covered": 2, "total": 2},
    }
    assert found["required"] == {"operations": 50.0}
    assert json.loads(document.dump(loaded(tmp_path, WHOLE))) == WHOLE


def test_a_document_of_a_suite_that_did_not_measure_it_is_read(tmp_path: Path) -> None:
    older = {key: value for key, value in WHOLE.items() if key != "api_coverage"}
    assert loaded(tmp_path, older).api_coverage is None


COVERED = ("criteria", 1, "covered")


@pytest.mark.parametrize(
    ("place", "value", "says"),
    [
        (("level",), 1, "is of level 0, and is called 1"),
        (("level",), 7, "at $.api_coverage.level"),
        (COVERED, 4, "the coverage of operations is not that of the operations"),
        (("criteria", 0, "covered"), 3, "the coverage of paths names not as many unseen as there are"),
        (("criteria", 0, "covered"), 4, "the coverage of paths is more than there is"),
        (("criteria", 1, "unseen"), [], "the coverage of operations names not as many unseen as there are"),
        (("operations", VERSION, "operations", "covered"), 1, "is not that of the operations"),
        (("operations", VERSION, "operations", "covered"), 2, "GET /version has 2 of 1 operations"),
        (("operations", VERSION, "nonsense"), {"covered": 0, "total": 1}, "'nonsense' is not one of"),
        (("required", "operations"), 60.0, "the result is conformant, and the coverage of operations is 50 %"),
        (("required", "operations"), 0, "at $.api_coverage.required"),
        (("criteria", 0, "criterion"), "operations", "has not each criterion once"),
    ],
)
def test_a_coverage_that_contradicts_itself_is_refused(
    tmp_path: Path, place: tuple[Any, ...], value: Any, says: str
) -> None:
    content = copy.deepcopy(WHOLE)
    inner: Any = content["api_coverage"]
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    with pytest.raises(document.DocumentError) as caught:
        loaded(tmp_path, content)
    assert says in str(caught.value)
