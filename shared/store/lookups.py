"""Looking facts up before they are bought: what is stored answers, and of those who would buy one only one may."""

from collections.abc import Sequence
from enum import Enum

import msgspec

from shared.store.calls import Landed, StoredFact, Wanted, begin_flights, end_flights, find_facts
from shared.store.pool import Connection


class Availability(Enum):
    """Of a fact that is not in the store."""

    BUY = "buy"
    """Nobody else is about to buy it: the asker may, and then must say that its flight has landed."""
    TAKEN = "taken"
    """Another worker is buying it: look again soon."""


class Want(msgspec.Struct, frozen=True):
    """A fact that is needed."""

    key: str
    freshness_seconds: float
    since: float
    """Seconds since the epoch. What was bought since then is fresh, too: an item that waits between two calls
    must not buy the first one again.
    """
    job_id: int
    token: str
    """Of the flight that begins with this look-up, if one does."""

    @property
    def fresh(self) -> tuple[str, float, float]:
        """What decides which stored answers will do."""
        return self.key, self.freshness_seconds, self.since


async def look_up(conn: Connection, wants: Sequence[Want]) -> list[StoredFact | Availability]:
    """One answer per want. Outside any transaction: others must see at once who is about to buy."""
    stored = await _find(conn, wants)
    missing = [want for want in wants if want.fresh not in stored]
    if not missing:
        return [stored[want.fresh] for want in wants]
    begun = await begin_flights(conn, [Wanted(want.key, want.job_id, want.token) for want in missing])
    # Between the first look and the start of the flight another one may have landed.
    own = [want for want in missing if want.token in begun]
    stored |= await _find(conn, own)
    if landed := [Landed(want.key, want.token) for want in own if want.fresh in stored]:
        await end_flights(conn, landed)
    return [
        stored.get(want.fresh) or (Availability.BUY if want.token in begun else Availability.TAKEN)
        for want in wants
    ]


async def _find(conn: Connection, wants: Sequence[Want]) -> dict[tuple[str, float, float], StoredFact]:
    found: dict[tuple[str, float, float], StoredFact] = {}
    for freshness, since in {(want.freshness_seconds, want.since) for want in wants}:
        keys = [want.key for want in wants if (want.freshness_seconds, want.since) == (freshness, since)]
        facts = await find_facts(conn, keys, freshness, since)
        found |= {(key, freshness, since): fact for key, fact in facts.items()}
    return found
