"""A worker that writes down what becomes of it, for test_lifecycle.py to run: `dramatiq tests.broker.journaling_worker:broker`."""

import os
from pathlib import Path

from shared.broker.build import build_broker, register
from shared.broker.middleware.lifecycle import Lifecycle
from shared.domain.message import Message
from shared.testing.eventually import eventually

QUEUE = "serp"
GRACE_SECONDS = float(os.environ["JOURNAL_GRACE_SECONDS"])
_home = Path(os.environ["JOURNAL_HOME"])
_working: set[int] = set()


def _write(line: str) -> None:
    with (_home / "journal").open("a") as journal:
        journal.write(f"{line}\n")


async def _start() -> None:
    if (_home / "do not start").exists():
        raise RuntimeError("as asked")
    _write(f"started {os.getpid()}")


async def _drain() -> None:
    _write("draining")
    await eventually(lambda: not _working, 600.0)
    _write("drained")


async def _stop() -> None:
    _write("stopped")


async def _work(message: Message) -> None:
    _working.add(message.job_id)
    _write(f"job {message.job_id} begins")
    await eventually((_home / "let jobs end").exists, 600.0)
    _write(f"job {message.job_id} ends")
    _working.discard(message.job_id)


broker = build_broker(
    os.environ["JOURNAL_REDIS_URL"], [Lifecycle(_start, _drain, _stop, grace_seconds=GRACE_SECONDS)]
)
register(broker, QUEUE, _work)
