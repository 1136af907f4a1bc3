"""Named points at which a process may be made to die, as by the kernel: for tests that prove what a death costs."""

import os
import signal
from typing import Final, Literal, get_args
from urllib.parse import urlsplit

from shared import log
from shared.errors import ConfigError

_log = log.get(__name__)

FaultPoint = Literal[
    "after_claim",  # the job and its items are this process's, nothing else has happened
    "after_answer",  # the provider has answered and charged, nothing of it is recorded
    "before_commit",  # the outcomes' transaction is written and not yet committed
    "after_commit",  # it is committed, the job's lease not given back and its message not acknowledged
]
FAULT_POINTS: Final[tuple[FaultPoint, ...]] = get_args(FaultPoint)

#: [point, how many more times it is passed]; empty, and every pass costs a look at it, unless a test armed one.
_armed: list[tuple[FaultPoint, int]] = []


def arm(order: str, service: str, base_url: str | None) -> None:
    """Make this process die at a point: `after_claim:3` is the third time it gets there. An empty order does nothing.

    Raises ConfigError unless the provider of `service` is played by a stand-in on this machine: whoever pays for
    calls must not be able to arm it, by whatever mistake. `base_url` is the configured address, None the provider's own.
    """
    if not order:
        return
    if urlsplit(base_url or "").hostname not in {"127.0.0.1", "localhost", "::1"}:
        raise ConfigError(
            f"LANDSCAPE_RUNTIME__FAULT_POINT kills this process and is for tests alone: it needs {service}'s"
            f" provider to be a stand-in on this machine; unset it, or set LANDSCAPE_PROVIDERS__{service.upper()}__BASE_URL"
        )
    point, _, times = order.partition(":")
    _armed[:] = [(name, int(times)) for name in FAULT_POINTS if name == point]
    _log.warning("fault_point_armed", point=point, passes=int(times))


def passing(point: FaultPoint) -> None:
    """This process is at the point. Does not return when it is the pass it was armed for."""
    if not _armed or _armed[0][0] != point:
        return
    left = _armed[0][1] - 1
    if left == 0:
        _log.warning("fault_point_reached", point=point)
        os.kill(os.getpid(), signal.SIGKILL)
    _armed[0] = (point, left)
