"""Conformance suite of the Prefect REST API.

One question about any server that claims to speak that API: does it keep the contract, and if not,
exactly where?
"""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("prefect-conformance")
except PackageNotFoundError:  # a checkout on sys.path that nobody installed
    __version__ = "0+unknown"
