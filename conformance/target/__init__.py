"""The server under test: finding it, talking to it, and starting one where none was given."""

from conformance.target.client import BUSY, Busy, Client, Unreachable, Witness, WouldWrite, only_reads
from conformance.target.discovery import Target, discover, parse_headers, parse_url
from conformance.target.guarded import Guarded
from conformance.target.journal import Exchange, Journal
from conformance.target.redaction import Redactor

__all__ = [
    "BUSY",
    "Busy",
    "Client",
    "Exchange",
    "Guarded",
    "Journal",
    "Redactor",
    "Target",
    "Unreachable",
    "Witness",
    "WouldWrite",
    "discover",
    "only_reads",
    "parse_headers",
    "parse_url",
]
