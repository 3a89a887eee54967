"""What allure-pytest is told of each check: where it stands in the report, and the exchanges behind it."""

from __future__ import annotations

import allure
import allure_commons
from allure_commons.model2 import Status, TestResult

from conformance.catalogue import Level, Requirement
from conformance.target import Exchange, Journal, Redactor
from conformance.target.curl import command
from conformance.verdicts.printable import printable

_SEVERITY = {
    Level.MUST: allure.severity_level.CRITICAL,
    Level.SHOULD: allure.severity_level.NORMAL,
    Level.MAY: allure.severity_level.MINOR,
}
_LONGEST_BODY = 2000
"""Characters of a body in an attachment; the replay has the whole request."""

_MOST = 12
"""Exchanges in an attachment: the first ones set the scene, the last ones decide."""


_XFAIL = "XFAIL "
"""How allure-pytest begins the message of a failure that was expected."""


class _Waived:
    """Tells Allure of a waived failure what it is: a failure, and a known one. allure-pytest calls it skipped.

    So it is compared with what it was in earlier runs: one that is mended shows as fixed.
    """

    @allure_commons.hookimpl(tryfirst=True)
    def report_result(self, result: TestResult) -> None:
        """Change a result before it is written. A name of half a surrogate pair could not be."""
        for named in (result, *result.labels, *result.parameters):
            for field in ("name", "fullName", "value"):
                if isinstance(text := getattr(named, field, None), str):
                    setattr(named, field, printable(text))
        details = result.statusDetails
        if result.status == Status.SKIPPED and details is not None and str(details.message).startswith(_XFAIL):
            result.status = Status.FAILED
            details.known = True
            details.message = f"waived: {details.message.removeprefix(_XFAIL)}"


def know_waivers() -> None:
    """Have waived failures written as such in this process."""
    name = f"{__name__}.{_Waived.__name__}"
    if not allure_commons.plugin_manager.has_plugin(name):
        allure_commons.plugin_manager.register(_Waived(), name)


def label(requirement: Requirement, chapter: str) -> None:
    """Feature = chapter, story = requirement, severity = level, and a link to the requirement's explanation."""
    allure.dynamic.feature(chapter)
    allure.dynamic.story(f"{requirement.id}: {requirement.title}")
    allure.dynamic.severity(_SEVERITY[requirement.level])
    allure.dynamic.tag(requirement.level.value, requirement.profile.value)
    allure.dynamic.description(f"{requirement.level}: {requirement.text}\n\nSource: {requirement.source}")
    allure.dynamic.link(f"../catalogue.html#{requirement.id}", name=requirement.id)


def title(requirement: Requirement, subject: str) -> None:
    """The name of the entry. It has to be given after the set-up, at whose end allure-pytest gives its own."""
    allure.dynamic.title(f"{requirement.id} · {subject}")


def attach(journal: Journal, redactor: Redactor) -> None:
    """The check's exchanges as text, each with the `curl` that sends it again. Nothing where there are none."""
    exchanges = journal.exchanges
    if not exchanges:
        return
    dropped = journal.dropped + max(0, len(exchanges) - _MOST)
    shown = (*exchanges[: _MOST // 2], *exchanges[-(_MOST // 2) :]) if len(exchanges) > _MOST else exchanges
    parts = [_text(exchange, redactor) for exchange in shown]
    if dropped:
        parts.insert(_MOST // 2, f"… {dropped} more exchanges …")
    allure.attach("\n\n".join(parts), name="exchanges", attachment_type=allure.attachment_type.TEXT)


def _text(exchange: Exchange, redactor: Redactor) -> str:
    body = redactor.text(exchange.response_body[: 4 * _LONGEST_BODY].decode("utf-8", "replace"))
    if len(body) > _LONGEST_BODY:
        body = f"{body[:_LONGEST_BODY]}… ({len(exchange.response_body)} bytes)"
    milliseconds = exchange.seconds * 1000
    return f"$ {command(exchange, redactor)}\n{exchange.status} in {milliseconds:.1f} ms\n{body}"
