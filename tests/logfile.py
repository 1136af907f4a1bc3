"""A fixture that sets up this process's logging as a service does, and undoes it."""

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import pytest
import structlog

from shared import log
from shared.config import Log

Format = Literal["json", "text"]
#: (format, level, secrets) -> the file that lines go to.
Start = Callable[[Format, str, tuple[str, ...]], Path]


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Configures logging into a file; undone afterwards, for it belongs to the whole process."""
    # A logger that is used meanwhile must not keep what it was then.
    configured = structlog.configure
    monkeypatch.setattr(
        structlog, "configure", lambda **how: configured(**how | {"cache_logger_on_first_use": False})
    )
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    levels = {name: logging.getLogger(name).level for name in (*log.NOISY, *sum(log.COMPONENTS.values(), ()))}
    root.handlers = []

    def configure(format_: Format, level: str, secrets: tuple[str, ...]) -> Path:
        path = tmp_path / "log"
        log.configure(Log(format=format_, file=str(path), level=level), service="serp", secrets=secrets)
        return path

    yield configure
    for handler in root.handlers:
        handler.close()
    root.handlers, root.level = handlers, level
    for name, before in levels.items():
        logging.getLogger(name).setLevel(before)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()
