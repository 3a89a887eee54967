"""The badge of a certificate: what it says, and that names in it stay text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from certificate_samples import HOSTILE, ISSUED, PLURAL_NAME, TODAY, of, run, written

from conformance.verdicts.certificate import certify, endpoint, svg, verify
from conformance.verdicts.model import Verdict

F = Verdict.FAILED

pytestmark = pytest.mark.usefixtures("small_sets")


@pytest.mark.parametrize(
    ("changes", "message", "colour"),
    [
        ({}, "9.9.9: all profiles", "brightgreen"),
        ({PLURAL_NAME: F}, "9.9.9: core, extended, robustness, security, client", "yellow"),
    ],
)
def test_a_badge_says_what_is_certified(changes: Any, message: str, colour: str, tmp_path: Path) -> None:
    verified = of(tmp_path, changes)
    assert json.loads(endpoint(verified)) == {
        "schemaVersion": 1,
        "label": "Prefect API",
        "message": message,
        "color": colour,
    }
    tree = ElementTree.fromstring(svg(verified))
    assert [text.text for text in tree.iter("{http://www.w3.org/2000/svg}text")] == ["Prefect API", message]


def test_a_badge_of_nothing_is_red(tmp_path: Path) -> None:
    verified = of(tmp_path, errors=("it crashed",))
    assert json.loads(endpoint(verified))["message"] == "9.9.9: not certified"
    assert json.loads(endpoint(verified))["color"] == "red"


def test_names_in_a_badge_stay_text(tmp_path: Path) -> None:
    raw = certify(written(tmp_path, run()), HOSTILE, ISSUED)
    drawn = svg(verify(raw, today=TODAY))
    tree = ElementTree.fromstring(drawn)
    assert {element.tag.partition("}")[2] for element in tree.iter()} == {"svg", "title", "rect", "g", "text"}
    assert "<script>alert(1)</script>" in (tree.findtext("{http://www.w3.org/2000/svg}title") or "")
    assert "\x1b" not in drawn
    assert "\u202e" not in drawn
