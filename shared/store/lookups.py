"""Looking facts up before they are bought: what is stored answers, and of those who would buy one only one may."""

from collections.abc import Sequence
from enum import Enum

import msgspec

from shared.store.calls import (
    Landed,
    StoredFact,
    Wanted,
    begin_flights,
    end_flights,
    find_doubted,
    find_facts,
)
from shared.store.pool import Connection


class Availability(Enum):
    """Of a fact that is not in the store."""

    BUY = "buy"
    """Nobody else is about to buy it: the asker may, and then must say that its flight has landed."""
    TAKEN = "taken"
    """Another worker is buying it: look again soon."""
    DOUBTED = "doubted"
    """It may have been bought, and is not to be bought again before an operator has decided."""


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
    hold: bool = False
    """Not to be bought while an earlier purchase of it is in doubt."""

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
    doubted = await _find_doubted(conn, [want for want in missing if want.hold and want.fresh not in stored])
    if landed := [w for w in own if w.fresh in stored or w.token in doubted]:
        await end_flights(conn, [Landed(want.key, want.token) for want in landed])
    return [
        stored.get(want.fresh)
        or (
            Availability.DOUBTED
            if want.token in doubted
            else Availability.BUY
            if want.token in begun
            else Availability.TAKEN
        )
        for want in wants
    ]


async def _find_doubted(conn: Connection, wants: Sequence[Want]) -> set[str]:
    """Tokens of the wants that have to be held."""
    found: set[str] = set()
    for freshness, since in {(want.freshness_seconds, want.since) for want in wants}:
        same = [want for want in wants if (want.freshness_seconds, want.since) == (freshness, since)]
        keys = await find_doubted(conn, {want.key for want in same}, freshness, since)
        found |= {want.token for want in same if want.key in keys}
    return found


async def _find(conn: Connection, wants: Sequence[Want]) -> dict[tuple[str, float, float], StoredFact]:
    found: dict[tuple[str, float, float], StoredFact] = {}
    for freshness, since in {(want.freshness_seconds, want.since) for want in wants}:
        keys = [want.key for want in wants if (want.freshness_seconds, want.since) == (freshness, since)]
        facts = await find_facts(conn, keys, freshness, since)
        found |= {(key, freshness, since): fact for key, fact in facts.items()}
    return found
