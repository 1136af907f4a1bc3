"""Structured logs: one JSON object or one readable line per event, with bound context and no secrets."""

import json
import logging
import re
import sys
from collections.abc import Iterable
from contextlib import AbstractContextManager
from logging.handlers import WatchedFileHandler
from typing import Any, cast
from urllib.parse import quote, quote_plus

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from shared.config import Log

#: Loggers that print request lines, whose URLs carry the keys of some providers.
NOISY = ("httpx", "httpcore", "urllib3", "aiohttp", "aiohttp.access", "dramatiq", "psycopg.pool")

#: Modules whose lines one switch governs: `LANDSCAPE_LOG__CIRCUIT_BREAKER` and the like.
COMPONENTS = {
    "circuit_breaker": ("shared.runtime.mirror", "shared.broker.gate"),
    "job_queue": (
        "shared.runtime.dispatcher",
        "shared.runtime.process",
        "shared.runtime.reaper",
        "shared.runtime.heartbeat",
        "shared.runtime.dead_letters",
    ),
    "performance_metrics": ("shared.runtime.performance",),
}

#: API keys and secrets of webhooks, as they are written down or encoded in a URL: no setting names them.
_MADE = re.compile(r"(?:lsk|whsec)_[\w%+/=-]{16,}", re.ASCII)
#: Shorter ones occur in ordinary words; no real key or token is that short. Characters.
REDACTED_LENGTH = 6


def configure(settings: Log, *, service: str, secrets: Iterable[str] = ()) -> None:
    """Set up structlog and the standard library's loggers for this process."""
    handler: logging.Handler = (
        # Several processes may append to one file; rotation is logrotate's.
        WatchedFileHandler(settings.path) if settings.path else logging.StreamHandler(sys.stderr)
    )
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="ts"),
        _add(service),
        structlog.processors.format_exc_info,
    ]
    render: Processor = (
        structlog.dev.ConsoleRenderer(colors=False)
        if settings.format == "text"
        else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        # A line nobody writes costs next to nothing.
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, render, _redact(secrets)],
        )
    )
    level = "DEBUG" if settings.debug_enabled else settings.level.upper()
    logging.basicConfig(handlers=[handler], level=level, force=True)
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)
    for component, names in COMPONENTS.items():
        switch: bool | None = getattr(settings, component)
        own = logging.NOTSET if switch is None else logging.DEBUG if switch else logging.ERROR
        for name in names:
            logging.getLogger(name).setLevel(own)


def _add(service: str) -> Processor:
    def add(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        return {**event, "service": service}

    return add


def _redact(secrets: Iterable[str]) -> Processor:
    """On the finished line: whatever a secret was part of, here it is text."""
    spellings = {
        spelling
        for secret in secrets
        if len(secret) >= REDACTED_LENGTH
        for spelling in (
            secret,
            json.dumps(secret)[1:-1],
            repr(secret)[1:-1],
            quote(secret, safe=""),
            quote_plus(secret),
        )
    }
    longest_first = sorted(spellings, key=len, reverse=True)

    def redact(_logger: WrappedLogger, _method: str, line: Any) -> Any:
        for spelling in longest_first:
            if spelling in line:
                line = line.replace(spelling, "***")
        return _MADE.sub("***", line)

    return redact


def get(name: str) -> structlog.stdlib.BoundLogger:
    """A logger; bind context with structlog.contextvars."""
    return cast("structlog.stdlib.BoundLogger", structlog.get_logger(name))


def said(name: str) -> Any:
    """What lines written now say of this, by what is bound; None when they do not."""
    return structlog.contextvars.get_contextvars().get(name)


def bound(**context: Any) -> AbstractContextManager[None]:
    """Every line written meanwhile, in this task and those it makes, says this too."""
    return cast("AbstractContextManager[None]", structlog.contextvars.bound_contextvars(**context))
