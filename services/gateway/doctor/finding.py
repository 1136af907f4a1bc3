"""What a check found: that all is well, something worth knowing, or something to fix and how."""

import json
from collections.abc import Iterable
from enum import StrEnum
from urllib.parse import quote, quote_plus, urlsplit

import msgspec


class Verdict(StrEnum):
    """How bad it is."""

    OK = "ok"
    NOTE = "note"
    """Nothing to do, unless it is not what was meant."""
    FIX = "FIX"


class Finding(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of the doctor's, and what belongs below it."""

    check: str
    """What was looked at, as in "redis"."""
    verdict: Verdict
    detail: str
    fix: str = ""
    """The next step, where there is something to fix."""
    differences: tuple[str, ...] = ()
    """Of a provider's answer: a line per field."""


def ok(check: str, detail: str) -> Finding:
    """All is well."""
    return Finding(check, Verdict.OK, detail)


def note(check: str, detail: str, fix: str = "") -> Finding:
    """Worth knowing; `fix` is for those who meant something else."""
    return Finding(check, Verdict.NOTE, detail, fix)


def wrong(check: str, detail: str, fix: str) -> Finding:
    """Something to fix."""
    return Finding(check, Verdict.FIX, detail, fix)


def hide(finding: Finding, secrets: Iterable[str]) -> Finding:
    """The finding without any of these texts: servers and providers repeat what they were given."""
    spellings = {
        spelling
        for secret in secrets
        if secret
        for spelling in (secret, json.dumps(secret)[1:-1], quote(secret, safe=""), quote_plus(secret))
    }
    longest_first = sorted(spellings, key=len, reverse=True)

    def hidden(text: str) -> str:
        for spelling in longest_first:
            text = text.replace(spelling, "***")
        return text

    return msgspec.structs.replace(
        finding,
        detail=hidden(finding.detail),
        fix=hidden(finding.fix),
        differences=tuple(map(hidden, finding.differences)),
    )


def one_line(error: BaseException) -> str:
    """An error's text without its line breaks; its type where it has none."""
    return " ".join(str(error).split()) or type(error).__name__


def scheme(url: str) -> str:
    """As in "redis"; empty when it is no URL."""
    try:
        return urlsplit(url).scheme
    except ValueError:
        return ""


def address(url: str) -> str:
    """host:port of a URL, without the credentials in it; empty when it names no host."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:  # no port is that large
        return ""
    return f"{host}:{port}" if port else host
