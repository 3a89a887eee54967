"""The server under test: finding it, talking to it, and starting one where none was given."""

from conformance.target.access import Access
from conformance.target.client import BUSY, Busy, Client, Lost, Unreachable, Unreadable, Witness, WouldWrite, only_reads
from conformance.target.csrf import Csrf
from conformance.target.database import Database, parse_database
from conformance.target.discovery import Target, added, discover, parse_url
from conformance.target.guarded import Guarded
from conformance.target.journal import Exchange, Journal
from conformance.target.redaction import Redactor
from conformance.target.sightings import Sightings

__all__ = [
    "BUSY",
    "Access",
    "Busy",
    "Client",
    "Csrf",
    "Database",
    "Exchange",
    "Guarded",
    "Journal",
    "Lost",
    "Redactor",
    "Sightings",
    "Target",
    "Unreachable",
    "Unreadable",
    "Witness",
    "WouldWrite",
    "added",
    "discover",
    "only_reads",
    "parse_database",
    "parse_url",
]
