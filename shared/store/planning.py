"""What a plan reads: the providers' terms, the facts that are there, and what earlier pipelines came to."""

from collections.abc import Sequence
from typing import Any, Final, cast

import msgspec

from shared.domain.phases import PHASES
from shared.domain.pipeline import DataSource
from shared.domain.plan import Seen, Terms, shape
from shared.store import queries
from shared.store.pool import Connection

_SQL = queries.load("planning")

#: Earlier pipelines that are learnt from.
EARLIER: Final = 20


class Profile(msgspec.Struct, frozen=True):
    """What a service's workers know of their provider."""

    service: str
    provider: str
    source: str
    """As facts and days name it: a stand-in has its own."""
    unit: str
    unit_price: float | None
    concurrency: int
    requests_per_second: float
    """0: no limit."""
    units_per_day: float | None
    day_zone: str
    freshness_seconds: float

    @property
    def terms(self) -> Terms:
        """As a plan wants them."""
        return Terms(
            self.unit, self.unit_price, self.concurrency, self.requests_per_second, self.units_per_day
        )


async def save_profile(conn: Connection, profile: Profile) -> None:
    """The latest worker's word counts."""
    await conn.execute(_SQL["save_profile"], msgspec.structs.asdict(profile))


async def list_profiles(conn: Connection) -> dict[str, Profile]:
    """Of services whose workers have run, by service."""
    cursor = await conn.execute(_SQL["list_profiles"])
    found = [Profile(*cast("tuple[Any, ...]", row)) for row in await cursor.fetchall()]
    return {profile.service: profile for profile in found}


async def find_held(conn: Connection, keys: Sequence[str], freshness_seconds: float) -> set[str]:
    """Those of these facts that would answer now."""
    parameters = {"keys": list(keys), "freshness": freshness_seconds}
    cursor = await conn.execute(_SQL["find_held"], parameters)
    return {cast("str", row[0]) for row in await cursor.fetchall()}


async def select_experience(conn: Connection, data_source: DataSource) -> list[Seen]:
    """The phases of the latest pipelines that ended well, and took nothing over."""
    parameters = {"data_source": data_source, "limit": EARLIER}
    cursor = await conn.execute(_SQL["select_experience"], parameters)
    rows = cast("list[tuple[Any, ...]]", await cursor.fetchall())
    items = {(row[0], row[5]): row[6] or 0 for row in rows}
    seen = []
    for pipeline_id, keywords, regions, types, pages, phase, found, bought, calls, units in rows:
        of = shape(keywords, len(regions), {type_: pages[type_] for type_ in types})
        upstream = PHASES[phase].upstream if phase in PHASES else ()
        above = sum(items.get((pipeline_id, name), 0) for name in upstream)
        seen.append(Seen(of, phase, found or 0, above, bought, calls, units))
    return seen
