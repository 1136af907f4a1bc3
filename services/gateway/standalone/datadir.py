"""The data directory of one-machine mode: its layout, its lock, its token."""

import fcntl
import os
import secrets
import time
from pathlib import Path

from services.gateway.standalone.process import is_alive
from shared.errors import ConfigError

#: What a killed supervisor left behind needs up to 15 s to stop.
WAIT_SECONDS = 20.0


class DataDir:
    """`postgres/`, `redis/`, `logs/`, `token`, `run.json`, and `lock`."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path).resolve()
        self.run_file = self.path / "run.json"
        self._lock = self.path / "lock"

    def create(self) -> None:
        """Make it, for this user alone. Raises ConfigError when that is impossible."""
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            (self.path / "logs").mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise ConfigError(
                f"cannot use data directory {self.path}: {error.strerror}; pass another --data-dir"
            ) from None

    def log(self, name: str) -> Path:
        """Where a process of this name logs."""
        return self.path / "logs" / f"{name}.log"

    def acquire(self) -> int:
        """The lock's descriptor. Every process of this directory inherits it: it is free when all of them are gone.

        Waits for the remains of a killed supervisor; raises ConfigError naming the pid of a living one.
        """
        descriptor = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        deadline = time.monotonic() + WAIT_SECONDS
        while not _lock(descriptor):
            owner = int(os.pread(descriptor, 32, 0) or b"0")
            if owner and is_alive(owner):
                os.close(descriptor)
                raise ConfigError(
                    f"{self.path} is in use by process {owner}; stop it, or pass another --data-dir"
                )
            if time.monotonic() > deadline:
                os.close(descriptor)
                raise ConfigError(
                    f"{self.path} is still in use by what process {owner} left behind; stop that first"
                )
            time.sleep(0.1)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        return descriptor

    def is_in_use(self) -> bool:
        """Whether a living supervisor holds the lock."""
        try:
            descriptor = os.open(self._lock, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            return not _lock(descriptor) and is_alive(int(os.pread(descriptor, 32, 0) or b"0"))
        finally:
            os.close(descriptor)

    def token(self) -> str:
        """The API's bearer token, made once and kept."""
        return secret_file(self.path / "token")


def secret_file(path: Path) -> str:
    """The secret in this file; a new one, readable by this user alone, when there is none yet."""
    if not path.exists():
        write_private(path, secrets.token_urlsafe(24))
    return path.read_text().strip()


def write_private(path: Path, text: str) -> None:
    """Replace a file as a whole; it is never readable by others, and never half written."""
    part = path.with_name(f"{path.name}.part")
    part.unlink(missing_ok=True)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    part.replace(path)


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
