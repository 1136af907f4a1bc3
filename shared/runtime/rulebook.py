"""What a provider's errors mean: its rules as the record has them now, else as it declares them."""

import time

from shared import log
from shared.domain.category import ErrorRule, categorize
from shared.domain.error_rule import in_force
from shared.domain.provider import Provider
from shared.errors import ProviderError
from shared.store.error_rules import declare_rules, find_rules, rules_version
from shared.store.pool import Connection, Pool, unit_of_work

_log = log.get(__name__)

#: How often a leader makes sure that what it declares is in the record.
DECLARE_SECONDS = 60.0
#: One rule raises the same alarm no more often.
ALERT_SECONDS = 60.0


class Rulebook:
    """The rules of one provider. An edit reaches it with the next `refresh`."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self._rules = provider.errors
        self._version: tuple[int, int] | None = None
        self._alerts: dict[ErrorRule, float] = {}

    def categorize(self, error: ProviderError) -> ErrorRule:
        """The rule the error falls under."""
        return categorize(error, self._rules)

    def raise_alert(self, rule: ErrorRule, error: ProviderError) -> None:
        """Say it loudly, if the rule asks for that."""
        now = time.monotonic()
        if rule.alerts and now >= self._alerts.get(rule, now):
            self._alerts[rule] = now + ALERT_SECONDS
            _log.error(
                "provider_alert", provider=self._provider.name, category=rule.category, error=str(error)
            )

    async def refresh(self, conn: Connection) -> None:
        """Read the rules again if any was changed. Before the provider's leader declared them, its own hold."""
        version = await rules_version(conn, self._provider.name)
        if version == self._version:
            return
        try:
            rows = await find_rules(conn, self._provider.name)
            rules = in_force([row.data for row in rows])
            for rule in rules:
                rule.policy(self._provider.retry)
        except ValueError as error:  # written past the gateway, which checks: the rules known so far go on
            _log.error("error_rules_unusable", provider=self._provider.name, error=str(error))
        else:
            self._rules = rules if rows else self._provider.errors
            _log.info("error_rules_read", provider=self._provider.name, rules=len(rules), rows=len(rows))
        self._version = version


class Declaring:
    """The leader's round that puts the provider's own rules into the record."""

    def __init__(self, pool: Pool, provider: Provider) -> None:
        self._pool = pool
        self._provider = provider

    async def round(self) -> float:
        """Nothing changes unless this version declares something else; seconds until the next round."""
        async with unit_of_work(self._pool) as conn:
            await declare_rules(conn, self._provider)
        return DECLARE_SECONDS
