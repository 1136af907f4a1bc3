"""What a worker's breaker goes by: what the worker is configured to, and what operators have set beside it."""

from collections.abc import Callable, Sequence

import msgspec

from shared import log
from shared.domain.breaker import BreakerPolicy
from shared.domain.breaker_policy import PolicyEdits, edited
from shared.domain.provider import Provider
from shared.store.breaker_policies import get_breaker_edits
from shared.store.pool import Connection

_log = log.get(__name__)

#: Is given a policy to go by from now on.
Follow = Callable[[BreakerPolicy], None]


class PolicyEditions:
    """The policy of one provider's breaker. An edit reaches those who follow it with the next `refresh`."""

    def __init__(self, provider: Provider, followers: Sequence[Follow]) -> None:
        self._provider = provider
        self._followers = followers
        self._version = 0

    async def refresh(self, conn: Connection) -> None:
        """Look whether an operator has set something else; before anybody has, what is configured holds."""
        version, fields = await get_breaker_edits(conn, self._provider.service)
        if version == self._version:
            return
        self._version = version
        try:
            policy = edited(self._provider.breaker, msgspec.convert(fields, PolicyEdits))
        except (msgspec.ValidationError, ValueError) as error:
            # Written past the gateway, which checks: what was known so far goes on.
            _log.error("breaker_policy_unusable", provider=self._provider.name, error=str(error))
            return
        for follow in self._followers:
            follow(policy)
        _log.info("breaker_policy_read", provider=self._provider.name, version=version, policy=str(policy))
