"""Worker processes come to their end: drained when there is time, cut off when there is not, never left behind."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import redis

from services.gateway.standalone.process import is_group_alive
from shared.broker.build import build_broker, publish
from shared.broker.middleware.lifecycle import BOOT_FAILED, STOP_FAILED
from shared.domain.message import Message
from shared.testing.eventually import eventually

pytestmark = pytest.mark.anyio

WORKER = "tests.broker.journaling_worker:broker"
QUEUE = "serp"
#: Longer than the worker's own grace and Dramatiq's polling.
END_SECONDS = 12.0


class Worker:
    """Dramatiq's processes for the journaling worker, in a group of their own."""

    def __init__(self, home: Path, url: str) -> None:
        self.home = home
        self._url = url
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, grace_seconds: float) -> None:
        environment = {
            **os.environ,
            "JOURNAL_HOME": str(self.home),
            "JOURNAL_REDIS_URL": self._url,
            "JOURNAL_GRACE_SECONDS": str(grace_seconds),
        }
        options = [
            "--processes=1",
            "--threads=2",
            "--worker-fork-timeout=10",
            "--worker-shutdown-timeout=5000",
        ]
        with (self.home / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "dramatiq", WORKER, *options],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    @property
    def log(self) -> bytes:
        return (self.home / "log").read_bytes()

    @property
    def journal(self) -> list[str]:
        path = self.home / "journal"
        return path.read_text().splitlines() if path.exists() else []

    @property
    def pid(self) -> int:
        assert self._process
        return self._process.pid

    def send(self, job_id: int) -> None:
        broker = build_broker(self._url)
        publish(broker, QUEUE, [Message(job_id, 0)])
        broker.close()
        broker.client.close()

    def terminate(self) -> None:
        """SIGTERM, as a supervisor sends it: to the main process, which passes it on."""
        os.kill(self.pid, signal.SIGTERM)

    async def ended(self) -> int:
        """The exit code, as soon as nothing of it is left."""
        assert self._process
        process = self._process
        await eventually(lambda: process.poll() is not None and not is_group_alive(process.pid), END_SECONDS)
        return process.returncode

    def kill(self) -> None:
        if self._process:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


@pytest.fixture
def worker(tmp_path: Path, redis_url: str) -> Iterator[Worker]:
    worker = Worker(tmp_path, redis_url)
    yield worker
    worker.kill()


async def working(worker: Worker, grace_seconds: float = 1.0) -> None:
    """It is up, and in the middle of job 1."""
    worker.start(grace_seconds)
    await asyncio.to_thread(worker.send, 1)
    await eventually(lambda: "job 1 begins" in worker.journal)


async def test_sigterm_lets_jobs_end_and_takes_no_more(worker: Worker, redis_url: str) -> None:
    """What was begun is finished between drain and stop; what was not stays in the queue for others."""
    await working(worker, grace_seconds=30.0)
    worker.terminate()
    await eventually(lambda: "draining" in worker.journal)
    await asyncio.to_thread(worker.send, 2)
    (worker.home / "let jobs end").touch()
    assert await worker.ended() == 0
    assert worker.journal[1:] == ["job 1 begins", "draining", "job 1 ends", "drained", "stopped"]
    with redis.Redis.from_url(redis_url) as client:
        assert client.llen("{landscape}:serp") == 1


async def test_a_second_sigterm_while_draining_leaves_nothing(worker: Worker) -> None:
    """Dramatiq's main thread ends at once then; the loop's thread may not go on by itself."""
    await working(worker)
    worker.terminate()
    await eventually(lambda: "draining" in worker.journal)
    worker.terminate()
    await worker.ended()
    assert "job 1 ends" not in worker.journal


async def test_a_second_sigterm_before_draining_leaves_nothing(worker: Worker) -> None:
    """Dramatiq looks once a second whether it shall stop; a second signal meanwhile skips every hook."""
    await working(worker)
    worker.terminate()
    await eventually(lambda: b"Stopping worker process" in worker.log)
    worker.terminate()
    await worker.ended()
    assert worker.journal[1:] == ["job 1 begins"], "too late: the drain had begun"


async def test_a_drain_that_hangs_is_cut_off(worker: Worker) -> None:
    """After its grace a stopping worker is gone, whatever it still waits for."""
    await working(worker)
    worker.terminate()
    assert await worker.ended() == STOP_FAILED
    assert "drained" not in worker.journal


async def test_a_worker_that_cannot_start_does_not_live_on(worker: Worker) -> None:
    """Dramatiq would go on consuming without what the start should have opened."""
    (worker.home / "do not start").touch()
    worker.start(grace_seconds=30.0)
    assert await worker.ended() == BOOT_FAILED
    assert worker.journal == []
    assert b"as asked" in worker.log
