"""Logs: one event a line, with its context, and no secret whichever way it came in."""

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
import structlog

from shared import log
from shared.config import Log
from tests.logfile import Format, Start, start

__all__ = ["start"]

SECRET = 's3cr3t/9f+8e"7d'
FORMATS: tuple[Format, Format] = ("json", "text")


def events(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_json_line_holds_event_context_and_values(start: Start) -> None:
    """One object a line, with time and level; line ends inside values stay inside."""
    path = start("json", "info", (SECRET,))
    structlog.contextvars.bind_contextvars(job_id=7)

    log.get("shared.x").info("item_completed", item_id=1, title="a\nb", cost=0.5, missing=None)

    (event,) = events(path)
    assert event.pop("ts").endswith("Z")
    assert event == {
        "event": "item_completed", "level": "info", "service": "serp", "job_id": 7, "item_id": 1, "title": "a\nb",
        "cost": 0.5, "missing": None,
    }  # fmt: skip


def test_text_line_is_readable(start: Start) -> None:
    """For a person at a terminal; without colours, which a file would keep."""
    path = start("text", "info", (SECRET,))

    log.get("shared.x").warning("record_delayed", units=3)

    (line,) = path.read_text().splitlines()
    assert "warning" in line
    assert "record_delayed" in line
    assert "units=3" in line
    assert "\x1b" not in line


@pytest.mark.parametrize("format_", FORMATS)
def test_lines_of_libraries_look_the_same(start: Start, format_: Format) -> None:
    """What comes through the standard library has the same form and the same context."""
    path = start(format_, "info", (SECRET,))

    logging.getLogger("some.library").warning("took %d s", 3)

    (line,) = path.read_text().splitlines()
    assert "took 3 s" in line
    assert "serp" in line


def _raise(text: str) -> None:
    nothing: dict[str, int] = {}
    try:
        nothing.pop(text)
    except KeyError as error:
        raise RuntimeError(f"outer {text}") from error


def _own_exception() -> None:
    try:
        _raise(SECRET)
    except RuntimeError:
        log.get("shared.x").exception("call_failed")


def _library_exception() -> None:
    try:
        _raise(SECRET)
    except RuntimeError:
        logging.getLogger("some.library").exception("oh %s", SECRET)


LEAKS: dict[str, Callable[[], None]] = {
    "event": lambda: log.get("x").info(f"key {SECRET} refused"),
    "value": lambda: log.get("x").info("e", url=f"https://a.example/?api_key={SECRET}"),
    "encoded in a URL": lambda: log.get("x").info("e", url=f"https://a.example/?q={quote(SECRET, safe='')}"),
    "nested": lambda: log.get("x").info("e", request={"headers": [("X-Key", SECRET)]}),
    "name of a field": lambda: log.get("x").info("e", **{SECRET: 1}),
    "error as a value": lambda: log.get("x").info("e", error=ValueError(SECRET)),
    "bytes": lambda: log.get("x").info("e", body=SECRET.encode()),
    "path": lambda: log.get("x").info("e", path=Path("/tmp") / SECRET),  # noqa: S108  nothing is written
    "bound context": lambda: log.get("x").bind(token=SECRET).info("e"),
    "context variable": lambda: (structlog.contextvars.bind_contextvars(token=SECRET), log.get("x").info("e"))[1],
    "exception": _own_exception,
    "a library's exception": _library_exception,
    "a library's arguments": lambda: logging.getLogger("some.library").warning("GET %s", {"key": SECRET}),
}  # fmt: skip


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("leak", LEAKS.values(), ids=LEAKS)
def test_secret_is_in_no_line(start: Start, leak: Callable[[], None], format_: Format) -> None:
    """Not in events, values, errors or tracebacks; what stood there is shown as stars."""
    path = start(format_, "info", (SECRET,))

    leak()

    written = path.read_text()
    assert "***" in written
    assert SECRET not in written
    assert "9f" not in written  # nor in any escaped form
    if format_ == "json":
        assert len(events(path)) == 1


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("secret", [f"lsk_{'0198c1aa' * 4}_x-Y_{'q9' * 20}", f"whsec_{'q9+/' * 10}q9=="])
def test_keys_and_webhook_secrets_are_in_no_line(start: Start, secret: str, format_: Format) -> None:
    """No process is told of those it makes for others: they are known by how they begin."""
    path = start(format_, "info", ())

    log.get("x").info(
        f"key {secret} refused", url=f"https://a.example/?k={quote(secret, safe='')}&n=1", body=f"a\n{secret}"
    )
    log.get("x").info(
        "e", headers=[("Authorization", f"Bearer {secret}")], note="keys begin with lsk_ or whsec_"
    )
    try:
        _raise(secret)
    except RuntimeError:
        log.get("x").exception("call_failed")

    written = path.read_text()
    assert "q9" not in written
    assert written.count("***") >= 5
    assert "&n=1" in written
    assert "keys begin with lsk_ or whsec_" in written


def test_traceback_is_kept_around_the_secret(start: Start) -> None:
    """Redacted, the error can still be found in the code."""
    path = start("json", "info", (SECRET,))

    _own_exception()

    (event,) = events(path)
    assert "RuntimeError: outer ***" in event["exception"]
    assert "KeyError: '***'" in event["exception"]
    assert "in _raise" in event["exception"]
    assert event["level"] == "error"


@pytest.mark.parametrize("secret", ["", "a", "serp"])
def test_short_secret_is_not_looked_for(start: Start, secret: str) -> None:
    """An unset one, or a word: stars in place of it would make lines unreadable and hide nothing."""
    path = start("json", "info", (secret,))

    log.get("x").info("a serp event")

    assert events(path)[0]["event"] == "a serp event"


async def _call() -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(200))
    async with httpx.AsyncClient(transport=transport) as client:
        await client.get(f"https://a.example/?api_key={SECRET}")


@pytest.mark.anyio
@pytest.mark.parametrize("level", ["info", "debug"])
async def test_http_library_writes_no_request_lines(start: Start, level: str) -> None:
    """They would carry the keys of some providers, and double the volume."""
    path = start("json", level, (SECRET,))

    await _call()
    for name in (
        "httpx",
        "httpcore.connection",
        "aiohttp.access",
        "aiohttp.client",
        "dramatiq.worker.Thread",
    ):
        logging.getLogger(name).info("GET https://a.example/")

    assert path.read_text() == ""


def test_level_is_the_least_that_is_written(start: Start) -> None:
    """For our own events and for those of libraries."""
    path = start("json", "WARNING", (SECRET,))

    for logger in (log.get("x"), logging.getLogger("some.library")):
        logger.info("quiet")
        logger.warning("loud")

    assert [event["event"] for event in events(path)] == ["loud", "loud"]


def test_lines_go_to_stderr_without_a_file(start: Start, capfd: pytest.CaptureFixture[str]) -> None:
    """Standard output belongs to what a command has to say."""
    log.configure(Log(), service="serp")

    log.get("x").info("e")

    out, err = capfd.readouterr()
    assert out == ""
    assert json.loads(err)["event"] == "e"


def test_log_file_that_was_moved_away_is_made_anew(start: Start) -> None:
    """The rotating program needs no signal."""
    path = start("json", "info", (SECRET,))
    log.get("x").info("old")
    path.rename(path.with_suffix(".1"))

    log.get("x").info("new")

    assert [event["event"] for event in events(path)] == ["new"]


def test_value_that_is_no_json_is_written_all_the_same(start: Start) -> None:
    """A log line must never be what breaks the work."""
    path = start("json", "info", (SECRET,))

    log.get("x").info("e", half="\ud800", object=object(), set={1}, nan=float("nan"))

    assert len(path.read_text().splitlines()) == 1
