"""The ledger of one provider: intents with the day they are counted in."""

from collections.abc import Sequence

from shared.store.calls import Intent, insert_calls, open_day
from shared.store.pool import Connection


class Ledger:
    """Writes intents. Opens a day, with its limit, before the first call of it."""

    def __init__(self, units_a_day: float | None) -> None:
        self._units_a_day = units_a_day
        self._opened: tuple[str, str] | None = None

    async def insert(self, conn: Connection, intents: Sequence[Intent]) -> list[str]:
        """Per intent: `calls.SENT`, "quota", `calls.SET_ASIDE`, "budget", `calls.MONEY_SET_ASIDE`, or "" when its job is no longer held."""
        for intent in intents:
            if intent.day and self._opened != (intent.source, intent.day):
                await open_day(conn, intent.source, intent.day, self._units_a_day)
                self._opened = intent.source, intent.day
        verdicts = await insert_calls(conn, intents)
        return [verdicts.get(intent.call_id, "") for intent in intents]
