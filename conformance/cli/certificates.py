"""The commands about certificates that need no server."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

import typer

from conformance.catalogue import sets
from conformance.errors import ConformanceError, ExitCode
from conformance.run import folder
from conformance.verdicts import certificate
from conformance.verdicts.certificate import Product, RejectedError, Verified
from conformance.verdicts.console import say, stdout

Vendor = Annotated[str, typer.Option(metavar="NAME", help="Who made the product.")]
ProductName = Annotated[str, typer.Option("--product", metavar="NAME", help="What it is called.")]
ProductVersion = Annotated[str, typer.Option(metavar="VERSION", help="Which version of it was tested.")]
ProductDigest = Annotated[
    str | None,
    typer.Option("--product-sha256", metavar="HEX", help="Digest of an artefact of it, an image say."),
]
SigningKey = Annotated[
    Path | None, typer.Option("--key", metavar="FILE", help="Ed25519 private key (PEM) to sign with.")
]
SetId = Annotated[
    str | None,
    typer.Option("--set", metavar="ID", help="Certification set.", show_default="the newest of the target's release"),
]
_Certificate = Annotated[Path, typer.Argument(metavar="CERTIFICATE", help="certificate.json.")]
_PublicKey = Annotated[
    Path | None, typer.Option("--key", metavar="PUB", help="Ed25519 public key (PEM) of whoever signed it.")
]


def product(vendor: str, name: str, version: str, sha256: str | None) -> Product:
    """What is certified. Raises ConformanceError for a digest that is none, or a name that is empty."""
    for option, value in (("--vendor", vendor), ("--product", name), ("--product-version", version)):
        if not value.strip():
            raise ConformanceError(f"{option} is empty")
    if sha256 is not None and (len(sha256) != 64 or set(sha256) - set("0123456789abcdef")):
        raise ConformanceError(f"--product-sha256 {sha256!r} is no SHA-256: 64 hexadecimal digits in lower case")
    return Product(vendor=vendor, name=name, version=version, sha256=sha256)


def write(reports: Path, of: Product, set_id: str | None, key: Path | None, output: Path | None = None) -> None:
    """Make the certificate of the run in a reports folder, and say what it comes to.

    Raises ConformanceError where there is no such run, it was none to certify by, or the file can't be written.
    """
    folder.require_whole(reports)
    signing = None if key is None else certificate.read_private(key)
    to = output if output is not None else reports / certificate.FILE
    raw = certificate.certify(reports, of, datetime.now(UTC), set_id=set_id, key=signing)
    # What is handed out is what `verify` accepts.
    public = None if signing is None else signing.public_key()
    verified = certificate.verify(raw, today=_today(), key=public, folder=reports)
    try:
        to.write_bytes(raw)
    except OSError as error:
        raise ConformanceError(f"{to}: can't write the certificate: {error.strerror or error}") from error
    _show(to, verified)


def begin(reports: Path, of: Product, set_id: str | None, key: Path | None) -> Callable[[], None]:
    """Before a run whose reports go to a folder: make sure that it can be certified by. Returns what follows the run.

    That writes the certificate, if the run has written its verdicts, and says on a line why not where it can't: the
    run's own result stands whatever comes of it. Raises ConformanceError for a key or a set that is none.
    """
    if key is not None:
        certificate.read_private(key)
    if set_id is not None:
        sets.load(set_id)
    verdicts = reports / certificate.VERDICTS
    before = verdicts.read_bytes() if verdicts.is_file() else None

    def conclude() -> None:
        if not verdicts.is_file() or verdicts.read_bytes() == before:
            return  # the run could not begin, and has said why
        try:
            write(reports, of, set_id, key)
        except ConformanceError as error:
            say(stdout(), f"no certificate: {error}")

    return conclude


def certificate_(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The reports folder of a whole run.")],
    vendor: Vendor,
    product_: ProductName,
    product_version: ProductVersion,
    product_sha256: ProductDigest = None,
    set_: SetId = None,
    key: SigningKey = None,
    output: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where to write it.", show_default="RUN/certificate.json")
    ] = None,
) -> None:
    """Write the certificate of a run that is finished: what `certify` does after its run.

    Ends with 0, whatever is certified, and 2 where the run is none to certify by.
    """
    write(run, product(vendor, product_, product_version, product_sha256), set_, key, output)


def verify(
    file: _Certificate,
    key: _PublicKey = None,
    evidence: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The reports folder of the run, to compare with.")
    ] = None,
) -> None:
    """Find out offline whether a certificate is what it says.

    Ends with 0 valid, 1 rejected, each reason on a line, 2 where that can't be said: no such file, no key for a signed
    one.
    """
    _show(file, _verified(file, key, evidence))


def badge(
    file: _Certificate,
    key: _PublicKey = None,
    output: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where to write them.", show_default="beside the certificate")
    ] = None,
) -> None:
    """Write badge.json (the endpoint of a shields.io badge) and badge.svg, of a certificate that is verified first."""
    verified = _verified(file, key, None)
    to = output if output is not None else file.parent
    for name, text in (("badge.json", certificate.endpoint(verified)), ("badge.svg", certificate.svg(verified))):
        try:
            (to / name).write_text(text, "utf-8")
        except OSError as error:
            raise ConformanceError(f"{to / name}: can't write the badge: {error.strerror or error}") from error
        say(stdout(), str(to / name))


def _verified(file: Path, key: Path | None, evidence: Path | None) -> Verified:
    public = None if key is None else certificate.read_public(key)
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise ConformanceError(f"{file}: can't read the certificate: {error.strerror or error}") from error
    try:
        return certificate.verify(raw, today=_today(), key=public, folder=evidence)
    except RejectedError as error:
        for reason in error.reasons:
            say(stdout(), f"{file}: rejected: {reason}")
        raise typer.Exit(ExitCode.NON_CONFORMANT) from error


def _show(file: Path, verified: Verified) -> None:
    say(stdout(), f"{file}: valid")
    for line in certificate.lines(verified):
        say(stdout(), line)


def _today() -> date:
    return datetime.now(UTC).date()
