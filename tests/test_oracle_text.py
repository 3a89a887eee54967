"""The text search of logs and events, against hand-written tables."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.oracle import holds
from conformance.oracle.text import query

TEXT = 'Connection timeout: 100% of a_b\\c "quoted" to host-1 École conformance.net'


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("", True),
        ("  \t\n", True),
        ("timeout", True),
        ("TIMEOUT", True),
        ("imeou", True),
        ("timeouts", False),
        ("nothing timeout", True),
        ("nothing else", False),
        ("timeout -nothing", True),
        ("timeout -connection", False),
        ("timeout !connection", False),
        ("-nothing", True),
        ("-connection -nothing", False),
        ("+timeout", True),
        ("+timeout +connection", True),
        ("+timeout +nothing", False),
        ("+timeout nothing", False),
        ("+timeout connection", True),
        ("+nothing connection", False),
        ('"connection timeout"', True),
        ('"timeout connection"', False),
        ('"timeout connection" host', True),
        ('-"connection timeout"', False),
        ('-"timeout connection"', True),
        ('+"of a_b"', True),
        ('+"of a_b" -host', False),
        ('"timeout: 100', True),
        ('"nothing', False),
        ('"\\"quoted\\""', True),
        ('"\\"quote\\""', False),
        ('"a_b\\\\c"', True),
        ("a_b\\c", True),
        ("axb", False),
        ("1%", False),
        ("100%", True),
        ("host-1", True),
        ("host -1", False),
        ("host - 1", True),
        ("nothing -", False),
        ("-", True),
        ("+", True),
        ('""', True),
        ('" "', True),
        ('-""', True),
        ('nothing"timeout"', True),
        ('"timeout"-host', False),
        ("--1", False),
        ("++1", False),
        ("école", True),
        ("conformance.net", True),
    ],
)
def test_a_search(search: str, found: bool) -> None:
    assert query(TEXT, search) is found
    assert holds("query", TEXT, search) is found


def test_nothing_is_found_where_there_is_no_text() -> None:
    assert not query(None, "a")
    assert not query(None, "-a")
    assert not query("", "a")
    assert query("", "-a")


WORDS = st.text(st.sampled_from('ab%_\\" -!+'), max_size=12)


@given(WORDS, WORDS, WORDS)
def test_more_to_exclude_or_to_require_never_finds_more(text: str, search: str, more: str) -> None:
    # In quotes, whatever the term is: escaped as the rules say.
    term = '"' + more.replace("\\", "\\\\").replace('"', '\\"') + '"'
    closed = search if search.count('"') == 0 else ""
    for sign in "-+":
        if query(text, f"{closed} {sign}{term}"):
            assert query(text, closed)


@given(WORDS, WORDS)
def test_a_quoted_term_is_found_just_where_it_stands(text: str, term: str) -> None:
    quoted = '"' + term.replace("\\", "\\\\").replace('"', '\\"') + '"'
    assert query(text, quoted) is (not term.strip() or term in text)
    assert query(text, f"+{quoted}") is (not term.strip() or term in text)
    assert query(text, f"-{quoted}") is (not term.strip() or term not in text)
