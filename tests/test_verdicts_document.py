"""`verdicts.json`: its published shape, and a loader that takes nothing else."""

from __future__ import annotations

import copy
import json
import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from verdict_samples import CATALOGUE, MAY, MUST, OTHER, SHOULD, build, cell, judged, ledger, pair, waived, with_grammar

from conformance import data
from conformance.settings import Dialect
from conformance.verdicts import document
from conformance.verdicts.coverage import Cell, Pair, State
from conformance.verdicts.document import (
    DocumentError,
    DocumentInconsistentError,
    DocumentSchemaError,
    DocumentTruncatedError,
    DocumentUnreadableError,
    DocumentUnwritableError,
    DocumentVersionError,
)
from conformance.verdicts.ledger import ErrorKind, Ledger
from conformance.verdicts.model import Result, Verdict


def sample() -> document.Document:
    made = ledger(
        judged(MAY, "b"),
        judged(MUST, "z", Verdict.FAILED),
        judged(MUST, "a", Verdict.FAILED),
        judged(SHOULD, "x", Verdict.NOT_APPLICABLE),
        judged(OTHER, "GET /flows/{id}", Verdict.COULD_NOT_RUN),
        waivers=waived((MUST, "a"), (MAY, "b")),
    )
    made.operations(["GET /flows/{id}", "GET /never", "POST /harm"], {"POST /harm": "It would do harm.", "GET /x": "-"})
    made.count("POST /harm", "400")
    made.credit(judged(MUST, "z", Verdict.FAILED), ["GET /flows/{id}", "DELETE /flows/{id}"])
    made.credit(judged(MAY, "GET /flows/{id}"), ["GET /flows/{id}", "POST /harm"])
    made.credit(judged(MAY, "GET /never"), ["GET /flows/{id}"])
    made.credit(judged(OTHER, "c", Verdict.COULD_NOT_RUN), ["GET /flows/{id}"])
    made.count("GET /flows/{id}", "200", 3)
    made.count("GET /flows/{id}", "503")
    made.count("DELETE /flows/{id}", "404", 2)
    return build(with_grammar(made))


def test_what_differs_between_databases_is_a_section() -> None:
    accepted = waived((MUST, "a"), databases=(Dialect.POSTGRESQL,), database=Dialect.SQLITE)
    content = json.loads(document.dump(build(ledger(judged(MUST, "a"), waivers=accepted))))
    assert content["differences"] == [
        {"requirement": MUST, "subject": "a", "databases": ["postgresql"], "reason": "a is known"}
    ]
    assert WHOLE["differences"] == []


WHOLE: dict[str, Any] = json.loads(document.dump(sample()))


def refused(folder: Path, content: Any, kind: type[DocumentError]) -> str:
    path = folder / "verdicts.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
    with pytest.raises(DocumentError) as caught:
        document.load(path)
    assert type(caught.value) is kind
    said = str(caught.value)
    assert "\n" not in said
    assert said.startswith(f"{path}: ")
    return said


def test_the_published_schema_is_one() -> None:
    schema = json.loads((data.fixtures() / "schemas" / "verdicts.schema.json").read_text("utf-8"))
    Draft202012Validator.check_schema(schema)
    assert schema["$id"] == document.SCHEMA
    # Every key of every object is described or is an enumeration that needs no words.
    for name, part in schema["properties"].items():
        assert part.get("description"), name


def test_it_has_the_promised_shape() -> None:
    assert WHOLE["schema"] == "urn:prefect-conformance:verdicts:1"
    assert WHOLE["result"] == "non-conformant"
    assert WHOLE["suite"] == {"version": "0.1.0"}
    assert WHOLE["target"] == {
        "url": "http://127.0.0.1:4200/api",
        "server": "prefect",
        "version": "3.9.1",
        "contract_sha256": "0" * 64,
        "compared_with": "3.9.1",
        "added": [],
        "database": "sqlite",
    }
    assert WHOLE["run"] == {"seed": 7, "started": "2026-01-02T03:04:05Z", "seconds": 12.346, "workers": 2}
    assert WHOLE["counts"] == {"passed": 1, "failed": 1, "waived": 1, "not-applicable": 1, "could-not-run": 1}
    assert WHOLE["verdicts"][0] == {
        "requirement": MUST,
        "level": "MUST",
        "profile": "guidelines",
        "subject": "a",
        "verdict": "waived",
        "summary": "a is failed",
        "waiver": "a is known",
    }
    assert WHOLE["operations"] == {
        "DELETE /flows/{id}": {
            "calls": 2,
            "statuses": {"404": 2},
            "account": "unanswered",
            "requirements": [MUST],
        },
        "GET /flows/{id}": {
            "calls": 4,
            "statuses": {"200": 3, "503": 1},
            "account": "answered",
            "requirements": [MUST, MAY],
        },
        "GET /never": {"calls": 0, "statuses": {}, "account": "unanswered", "requirements": []},
        "POST /harm": {
            "calls": 1,
            "statuses": {"400": 1},
            "account": "ineligible",
            "requirements": [],
            "ineligible": "It would do harm.",
        },
    }
    assert [error["kind"] for error in WHOLE["errors"]] == ["waiver"]
    assert WHOLE["timings"] == {"world": 1.5, "checks": 2.25}
    grammar = WHOLE["grammar"]
    assert grammar["cells"][0] == {
        "collection": "flows",
        "criterion": "name",
        "operator": "any_",
        "state": "covered",
        "nullable": False,
        "hit": 2,
        "miss": 1,
        "null": 0,
    }
    assert grammar["related"][0] == {"collection": "flows", "by": "runs", "state": "covered", "questions": 4}
    assert grammar["combinations"] == [
        {"collection": "flows", "by": ["pools", "runs"], "questions": 1},
        {"collection": "flows", "by": ["runs"], "questions": 3},
    ]
    assert grammar["uncovered"] == [
        {"name": "flows.end.before_", "lacks": ["miss", "null"]},
        {"name": "runs.tags.all_", "lacks": ["hit", "miss", "null"]},
        {"name": "runs by flows", "lacks": []},
    ]
    assert grammar["unknown"] == ["POST /moons/filter", "flows.text.query", "flows by moons"]
    assert grammar["totals"] == {
        "cells": {"covered": 2, "uncovered": 2, "left-out": 0, "deprecated": 1, "unknown": 1},
        "related": {"covered": 2, "uncovered": 1, "left-out": 0, "deprecated": 0, "unknown": 1},
    }


def test_verdicts_stand_in_the_order_of_the_catalogue() -> None:
    assert [(entry["requirement"], entry["subject"]) for entry in WHOLE["verdicts"]] == [
        (MUST, "a"),
        (MUST, "z"),
        (OTHER, "GET /flows/{id}"),
        (SHOULD, "x"),
        (MAY, "b"),
    ]


def test_operations_that_never_worked_are_told_from_those_never_called() -> None:
    made = sample()
    assert made.never_called == ("GET /never",)
    assert made.never_succeeded == ("DELETE /flows/{id}",)
    assert made.unanswered == ("DELETE /flows/{id}", "GET /never")
    assert made.ineligible == ("POST /harm",)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    made = sample()
    path = tmp_path / "new" / "verdicts.json"
    document.write(made, path)
    assert document.load(path) == made
    document.write(made, path)
    assert [entry.name for entry in path.parent.iterdir()] == ["verdicts.json"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_a_run_that_never_found_its_target_has_a_document(tmp_path: Path) -> None:
    made = Ledger(CATALOGUE)
    made.interrupt("Ctrl-C")
    whole = build(made).model_copy(update={"target": document.Target()})
    document.write(whole, tmp_path / "verdicts.json")
    assert document.load(tmp_path / "verdicts.json").result is Result.INCOMPLETE


def test_a_document_in_error_is_not_written_and_the_older_one_stays(tmp_path: Path) -> None:
    path = tmp_path / "verdicts.json"
    path.write_text("older", "utf-8")
    made = sample()
    with pytest.raises(DocumentInconsistentError):
        document.write(made.model_copy(update={"result": Result.CONFORMANT}), path)
    with pytest.raises(DocumentSchemaError, match=r"at \$\.run\.workers"):
        document.write(made.model_copy(update={"run": made.run.model_copy(update={"workers": 0})}), path)
    assert path.read_text("utf-8") == "older"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_takes_no_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DocumentUnwritableError, match="can't write the verdicts"):
        document.write(sample(), tmp_path / "file" / "verdicts.json")


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(DocumentUnreadableError, match="can't read the verdicts: No such file"):
        document.load(tmp_path / "none.json")


def test_no_truncation_is_accepted(tmp_path: Path) -> None:
    text = document.dump(build(ledger(judged(MUST, "a")))).rstrip()
    for end in range(len(text)):
        refused(tmp_path, text[:end], DocumentTruncatedError)


@pytest.mark.parametrize("text", ["", "NaN", "<html>", '{"schema": 1, "schema": 2}', "[" * 100_000])
def test_what_is_not_json(tmp_path: Path, text: str) -> None:
    refused(tmp_path, text, DocumentTruncatedError)


@pytest.mark.parametrize("content", [[], 3, None, "x", {}, {"schema": 1}, {**WHOLE, "schema": f"{document.SCHEMA}0"}])
def test_another_schema(tmp_path: Path, content: Any) -> None:
    refused(tmp_path, json.dumps(content), DocumentVersionError)


def _places(content: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a JSON value, as the keys that lead there."""
    inner = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    return [at, *(place for key, value in inner for place in _places(value, (*at, key)))]


def _changed(place: tuple[Any, ...], change: Any = None, *, drop: bool = False) -> Any:
    content = copy.deepcopy(WHOLE)
    inner: Any = content
    for key in place[:-1]:
        inner = inner[key]
    if drop:
        del inner[place[-1]]
    else:
        inner[place[-1]] = change
    return content


_OPEN = ("operations", "timings", "errors", "reasons", "differences")
_FIXED = ("calls", "statuses", "kind", "message")

NEEDED = [
    place
    for place in _places(WHOLE)
    # Of the open parts, one entry more or less makes as good a document.
    if place
    and (place[0] not in _OPEN or len(place) == 1 or place[-1] in _FIXED)
    # A query that the suite has no meaning for follows from nothing else.
    and place != ("grammar", "unknown", 0)
]
"""Every place that a document can't do without."""

JUNK = (None, -1, "", {"x": "y"}, ["x", 1], "two\nlines", True)


def _fits(place: tuple[Any, ...], junk: Any) -> bool:
    """Whether `junk` is as good as what stands there."""
    match place, junk:
        case (("target", _), None) | (("run", "seed"), -1):
            return True
        case ((("target", "url" | "server" | "version") | ("verdicts", _, "waiver")), "two\nlines"):
            return True
        case ("grammar", "cells", number, "nullable"), True:
            found = WHOLE["grammar"]["cells"][number]
            return bool(found["nullable"] or found["state"] == "unknown")
        case ("grammar", "cells", number, "criterion" | "operator"), "":
            # Of these, no other part tells the name.
            return WHOLE["grammar"]["cells"][number]["state"] in ("covered", "deprecated")
        case _:
            # A pass needs no summary.
            return bool(place[-1] == "summary" and not junk and WHOLE["verdicts"][place[1]]["verdict"] == "passed")


MISPLACED = [
    (place, junk)
    for place in _places(WHOLE)
    # Of the cells, one of each kind is enough.
    if place and not (place[:2] == ("grammar", "cells") and place[2:3] in ((1,), (5,)))
    for junk in JUNK
    if not _fits(place, junk)
]


def _loads(folder: Path, content: Any) -> bool:
    try:
        _load(folder, content)
    except DocumentError:
        return False
    return True


def test_nothing_can_be_left_out(tmp_path: Path) -> None:
    assert [place for place in NEEDED if _loads(tmp_path, _changed(place, drop=True))] == []


def test_nothing_can_be_replaced_by_junk(tmp_path: Path) -> None:
    assert len(MISPLACED) > 1000
    assert [(place, junk) for place, junk in MISPLACED if _loads(tmp_path, _changed(place, junk))] == []


@pytest.mark.parametrize(
    "place",
    [
        (),
        ("target",),
        ("run",),
        ("verdicts", 0),
        ("grammar",),
        ("grammar", "totals"),
        ("grammar", "totals", "cells"),
        (*("grammar", "cells"), 0),
        ("grammar", "related", 0),
        ("grammar", "combinations", 0),
        ("grammar", "uncovered", 0),
    ],
)
def test_nothing_can_be_added(tmp_path: Path, place: tuple[Any, ...]) -> None:
    said = refused(tmp_path, _changed((*place, "extra"), 1), DocumentSchemaError)
    assert "'extra' was unexpected" in said


def _load(folder: Path, content: Any) -> document.Document:
    path = folder / "verdicts.json"
    path.write_text(json.dumps(content), "utf-8")
    return document.load(path)


CELLS = ("grammar", "cells")


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        (("counts", "passed"), 2, "counts says 2 passed, and there are 1"),
        (("result",), "conformant", "the result is conformant, and the verdicts are not"),
        (("verdicts", 1, "subject"), "a", "verbs.must on 'a' has 2 verdicts"),
        (("operations", "GET /flows/{id}", "calls"), 3, "GET /flows/{id} has more answers than calls"),
        (("operations", "GET /flows/{id}", "account"), "unanswered", "is called unanswered, and is answered"),
        (("operations", "POST /harm", "account"), "unanswered", "is called unanswered, and is ineligible"),
        (("operations", "GET /never", "account"), "ineligible", "is called ineligible, and is unanswered"),
        (("reasons",), [], "the result is non-conformant, and no reason is given"),
        ((*CELLS, 0, "hit"), 0, "flows.name.any_ is covered, and its questions say otherwise"),
        ((*CELLS, 0, "nullable"), True, "flows.name.any_ is covered, and its questions say otherwise"),
        ((*CELLS, 0, "state"), "left-out", "flows.name.any_ is left-out, and its questions say otherwise"),
        ((*CELLS, 2, "state"), "covered", "flows.end.before_ is covered, and its questions say otherwise"),
        ((*CELLS, 2, "miss"), 1, "the uncovered parts are not those of the grammar"),
        ((*CELLS, 2, "state"), "left-out", "the uncovered parts are not those of the grammar"),
        ((*CELLS, 3, "state"), "unknown", "flows.old.ge_ is unknown, and not among the unknown"),
        ((*CELLS, 4, "state"), "deprecated", "flows.text.query is deprecated, and among the unknown"),
        ((*CELLS, 0), WHOLE["grammar"]["cells"][1], "flows.state.type.any_ stands 2 times"),
        (("grammar", "related", 0, "questions"), 3, "flows by runs has 3 questions, and its combinations have 4"),
        (("grammar", "related", 0), WHOLE["grammar"]["related"][1], "flows by pools stands 2 times"),
        (("grammar", "related", 0, "by"), "suns", "flows by suns has 4 questions, and its combinations have 0"),
        (("grammar", "combinations", 1, "by"), ["stars"], "flows by runs has 4 questions, and its combinations have 1"),
        (("grammar", "combinations", 1, "by"), ["runs", "stars"], "flows was asked by stars, which the grammar lacks"),
        (("grammar", "combinations", 0, "by"), ["runs", "pools"], "flows by runs and pools is not sorted"),
        (("grammar", "combinations", 0, "by"), ["runs"], "flows by runs, combined stands 2 times"),
        (("grammar", "uncovered"), [], "the uncovered parts are not those of the grammar"),
        (("grammar", "uncovered", 0, "lacks"), ["null"], "the uncovered parts are not those of the grammar"),
        (("grammar", "unknown"), ["POST /moons/filter"], "flows.text.query is unknown, and not among the unknown"),
        (("grammar", "totals", "cells", "covered"), 3, "the totals of the grammar are not those of its parts"),
        (("grammar", "totals", "related", "unknown"), 0, "the totals of the grammar are not those of its parts"),
    ],
)
def test_what_contradicts_itself(tmp_path: Path, place: tuple[Any, ...], value: Any, said: str) -> None:
    assert said in refused(tmp_path, _changed(place, value), DocumentInconsistentError)


def test_a_result_that_no_failure_bears_out(tmp_path: Path) -> None:
    content = json.loads(document.dump(build(ledger(judged(MUST, "a")))))
    refused(tmp_path, {**content, "result": "non-conformant", "reasons": ["x"]}, DocumentInconsistentError)
    refused(tmp_path, {**content, "reasons": ["x"]}, DocumentInconsistentError)
    for kind in ("suite", "clean-up"):
        error = {"kind": kind, "message": "x"}
        refused(tmp_path, {**content, "errors": [error]}, DocumentInconsistentError)


def test_a_day_that_no_calendar_has(tmp_path: Path) -> None:
    refused(tmp_path, _changed(("run", "started"), "2026-02-30T00:00:00Z"), DocumentSchemaError)


@settings(max_examples=50)
@given(st.text(), st.text(min_size=1), st.text())
def test_any_text_of_a_server_survives(summary: str, error: str, why: str) -> None:
    made = ledger(judged(MUST, "a"), judged(MUST, "b", Verdict.FAILED, summary=summary))
    made.error(f"x{error}", ErrorKind.WAIVER)
    made.interrupt(why)
    document.dump(build(made))


NAMES = st.text(max_size=6) | st.sampled_from(["a", "b.c", "x by y", "two\nlines", " ", "\ud800"])


@settings(max_examples=50)
@given(
    st.lists(st.tuples(NAMES, NAMES, st.sampled_from([*State]), st.booleans())),
    st.lists(st.tuples(NAMES, st.sampled_from([*State]))),
    st.lists(NAMES),
    st.data(),
)
def test_any_grammar_of_a_server_survives(
    cells: list[Any], pairs: list[Any], unknown: list[str], data_: st.DataObject
) -> None:
    """Whatever names a document holds and whatever of it is counted, the document of the run is one."""
    made = ledger(judged(MUST, "a"), filtered=data_.draw(st.booleans()))
    states = {State.DEPRECATED: State.DEPRECATED, State.UNKNOWN: State.UNKNOWN}
    told = [
        Cell(collection="flows", criterion=c, operator=o, state=states.get(s, State.UNCOVERED), nullable=n)
        for c, o, s, n in cells
    ]
    by = [Pair(collection="flows", by=key, state=states.get(s, State.UNCOVERED)) for key, s in pairs]
    checked = data_.draw(st.lists(st.sampled_from([part.name for part in (*told, *by)] or ["a"])))
    made.know(told, by, [*unknown, *(part.name for part in (*told, *by)[:2])], checked)
    keys = st.lists(st.sampled_from([key for key, _ in pairs] or ["a"]), min_size=1)
    numbers = st.fixed_dictionaries({side: st.integers(0, 2) for side in ("hit", "miss", "null")})
    names = st.sampled_from([part.name for part in told] or ["stranger"])
    for _ in range(2):
        related = data_.draw(st.lists(st.tuples(st.just("flows"), keys, st.integers(1, 3))))
        made.cover({"cells": data_.draw(st.dictionaries(names, numbers)), "related": related})
    document.dump(build(made))


def test_a_run_that_was_asked_for_a_part_answers_for_that_part(tmp_path: Path) -> None:
    made = ledger(judged(MUST, "flows.end.before_"), judged(MUST, "flows by pools"), filtered=True)
    document.write(build(with_grammar(made)), tmp_path / "verdicts.json")
    grammar = document.load(tmp_path / "verdicts.json").grammar
    assert [gap.name for gap in grammar.uncovered] == ["flows.end.before_"]
    assert [c.name for c in grammar.cells if c.state is State.LEFT_OUT] == ["runs.tags.all_"]
    assert [p.name for p in grammar.related if p.state is State.LEFT_OUT] == ["runs by flows"]
    assert grammar.asked


def test_leaving_out_what_is_not_of_the_grammar_leaves_it_whole() -> None:
    grammar = sample().grammar
    whole = [judged(MUST, part.name) for part in (*grammar.cells, *grammar.related)]
    filtered = build(with_grammar(ledger(*whole, filtered=True))).grammar
    assert filtered == build(with_grammar(ledger(*whole))).grammar


def test_of_a_run_about_something_else_there_is_nothing_to_tell() -> None:
    made = ledger(judged(MUST, "GET /flows/{id}"), filtered=True)
    made.know([cell("flows.name.any_")], [pair("flows by runs")], ["POST /moons/filter"], ["flows.name.any_"])
    grammar = build(made).grammar
    assert not grammar.asked
    assert grammar.uncovered == ()
