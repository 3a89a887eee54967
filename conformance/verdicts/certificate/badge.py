"""A badge of a certificate: the JSON that https://shields.io/badges/endpoint-badge asks for, and an SVG of its own."""

from __future__ import annotations

import json
from typing import Final
from xml.sax.saxutils import escape

from conformance.verdicts.certificate.verification import Verified
from conformance.verdicts.printable import printable

_LABEL: Final = "Prefect API"
_COLOURS: Final = {"brightgreen": "#3a7d0a", "yellow": "#7a6200", "red": "#b3261e"}
_WIDTH: Final = 6.6
"""Of a letter of the badge's font at 11 pixels, on average: `textLength` makes the text fit whatever font there is."""
_PADDING: Final = 12


def endpoint(verified: Verified) -> str:
    """The badge as shields' endpoint JSON, which names the profiles that are certified."""
    message, colour = _said(verified)
    content = {"schemaVersion": 1, "label": _LABEL, "message": message, "color": colour}
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def svg(verified: Verified) -> str:
    """The badge as an SVG without scripts, links or fonts from elsewhere; its title says of what it is."""
    message, colour = _said(verified)
    product = verified.facts.product
    title = _text(f"{product.vendor} {product.name} {product.version}: {message} ({verified.set.id})")
    label, said = _text(_LABEL), _text(message)
    left, right = (round(len(text) * _WIDTH) + _PADDING for text in (_LABEL, message))
    return f"""\
<svg xmlns="http://www.w3.org/2000/svg" width="{left + right}" height="20" role="img" aria-label="{label}: {said}">
<title>{title}</title>
<rect width="{left}" height="20" fill="#555"/>
<rect x="{left}" width="{right}" height="20" fill="{_COLOURS[colour]}"/>
<g fill="#fff" text-anchor="middle" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">
<text x="{left / 2}" y="14" textLength="{left - _PADDING}">{label}</text>
<text x="{left + right / 2}" y="14" textLength="{right - _PADDING}">{said}</text>
</g>
</svg>
"""


def _said(verified: Verified) -> tuple[str, str]:
    """The right side of the badge, and its colour by the name that shields has for it."""
    profiles = verified.scoring.profiles
    certified = [profile.value for profile, its in profiles.items() if its.certified]
    if not certified:
        return f"{verified.set.generation}: not certified", "red"
    names = "all profiles" if len(certified) == len(profiles) else ", ".join(certified)
    return f"{verified.set.generation}: {names}", "brightgreen" if len(certified) == len(profiles) else "yellow"


def _text(text: str) -> str:
    """Text for XML, wherever it stands."""
    return escape(printable(text), {'"': "&quot;", "'": "&apos;"})
