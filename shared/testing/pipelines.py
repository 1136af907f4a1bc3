"""Pipelines brought to their end without any process: what workers would record, through the store's own verbs."""

from collections.abc import Callable
from typing import Any, cast
from uuid import UUID

import msgspec
from uuid_utils.compat import uuid7

from shared.domain import phases
from shared.domain.facts import fact_key
from shared.domain.item import Item
from shared.domain.job import Plan
from shared.domain.phases import CLOSING, PHASES, found_in
from shared.domain.pipeline import freeze
from shared.domain.provider import FactRef
from shared.domain.results import (
    AnalysisResult,
    CompanyResult,
    PageResult,
    Ranking,
    Score,
    SearchResult,
    StrengthResult,
    VideoResult,
    VolumeResult,
)
from shared.domain.start import parse
from shared.store.calls import Intent, insert_calls
from shared.store.counters import end_pipelines
from shared.store.jobs import Claim, claim_job, complete_job, create_jobs
from shared.store.outcomes import BoughtFact, Ending, Evidence, Record, Settlement, record
from shared.store.pipelines import initialize_pipeline
from shared.store.pool import Connection

HOLDER = "tests"
#: One phase that feeds another.
SEARCHES_AND_VIDEOS = (phases.SERP_COLLECTION, phases.VIDEO_ENRICHMENT)
LEASE_SECONDS = 60.0
#: Charged per call, and what that costs.
UNITS, MONEY = 2.0, 0.01
_ALL = 100_000


async def start_pipeline(conn: Connection, **body: Any) -> UUID:
    """A pipeline as the API would start it; by default of one keyword in one region, searches and videos only."""
    body["config"] = {"phases": SEARCHES_AND_VIDEOS} | body.get("config", {})
    request = parse(msgspec.json.encode({"keywords": ["test"], "regions": ["US"]} | body))
    async with conn.transaction():
        return await initialize_pipeline(conn, freeze(request).config)


async def finish_pipeline(conn: Connection, pipeline_id: UUID) -> None:
    """Do all its work, phase by phase, and end it."""
    for phase in PHASES:
        while claim := await claim_all(conn, pipeline_id, phase):
            await record_all(conn, claim)
    async with conn.transaction():
        await end_pipelines(conn, [phase.name for phase in PHASES.values() if phase.mandatory])


async def claim_all(conn: Connection, pipeline_id: UUID, phase: str) -> Claim | None:
    """All due items of a phase that may share a call, in one claimed job; None when nothing is due."""
    cursor = await conn.execute(
        "SELECT batch_key FROM ready WHERE pipeline_id = %s AND phase = %s ORDER BY 1 LIMIT 1",
        (pipeline_id, phase),
    )
    first = cast("tuple[str] | None", await cursor.fetchone())
    if first is None:
        return None
    plan = Plan(str(pipeline_id), batch_key=first[0], chunk=0, size=_ALL, priority=0)
    async with conn.transaction():
        messages = await create_jobs(conn, phase, PHASES[phase].service, [plan])
        if not messages:
            return None
        return await claim_job(
            conn, messages[0], phase=phase, holder=HOLDER, lease_seconds=LEASE_SECONDS, known={}
        )


async def record_all(conn: Connection, claim: Claim) -> None:
    """Complete every item of a claimed job, each by a call of its own unless nothing is bought, and close the job."""
    if claim.phase in CLOSING:
        await _record_unbought(conn, claim)
        return
    intents = [
        Intent(
            str(uuid7()),
            claim.pipeline_id,
            claim.job_id,
            claim.fence,
            PHASES[claim.phase].service,
            "answers",
            1,
            money=MONEY,
        )
        for _ in claim.items
    ]
    async with conn.transaction():
        await insert_calls(conn, intents)
    async with conn.transaction():
        await record(
            conn,
            [_completed(claim, item, intent) for item, intent in zip(claim.items, intents, strict=True)],
        )
        await complete_job(conn, claim.job_id, claim.fence)


def answer(phase: str, item: Item) -> msgspec.Struct:
    """What the pretended provider says: two sites and a video per search, something about everything else."""
    return _ANSWERS[phase](item.key)


def _search(key: str) -> SearchResult:
    video = f"video{abs(hash_of(key)) % 10**6:06d}"
    return SearchResult(
        (
            Ranking(1, "https://www.acme.com/a", "acme.com", title="Acme", source="Acme"),
            Ranking(2, "https://rival.example/b", "rival.example", title="Rival"),
            Ranking(3, f"https://www.youtube.com/watch?v={video}", "youtube.com", title="Film"),
        )
    )


_ANSWERS: dict[str, Callable[[str], msgspec.Struct]] = {
    phases.KEYWORD_METRICS: lambda _: VolumeResult(volume=1000, competition="LOW"),
    phases.SERP_COLLECTION: _search,
    phases.COMPANY_ENRICHMENT: lambda key: CompanyResult(
        matched=True, company_id=key, name=key.title(), domain=key
    ),
    phases.VIDEO_ENRICHMENT: lambda key: VideoResult(
        found=True, title=f"Film {key}", channel="Acme", views=1000
    ),
    phases.CONTENT_SCRAPING: lambda key: PageResult(found=True, url=f"https://{key}", title=key, words=500),
    phases.CONTENT_ANALYSIS: lambda _: AnalysisResult(
        "model", "hash", "1", {"market_relevance": Score(7.0, 8.0, "a quote")}, sentiment="neutral"
    ),
    phases.DSI_CALCULATION: lambda _: StrengthResult(()),
}


def _stored(result: msgspec.Struct) -> Any:
    """The answer as a provider's fact holds it: what the result was read from."""
    answered = msgspec.to_builtins(result)
    return {"result": answered, "credits": 1.0} if isinstance(result, SearchResult) else answered


def hash_of(text: str) -> int:
    """The same in every process."""
    return int(fact_key("", "", text, {}).replace("-", ""), 16)


async def _record_unbought(conn: Connection, claim: Claim) -> None:
    endings = [
        Record(
            ending=Ending(claim.pipeline_id, item.item_id, claim.job_id, claim.phase, "completed", spent=1),
            evidence=Evidence(answer(claim.phase, item), ()),
        )
        for item in claim.items
    ]
    async with conn.transaction():
        await record(conn, endings)
        await complete_job(conn, claim.job_id, claim.fence)


def _completed(claim: Claim, item: Item, intent: Intent) -> Record:
    result = answer(claim.phase, item)
    key = fact_key(intent.provider, intent.endpoint, item.key, {"pipeline": claim.pipeline_id})
    return Record(
        Settlement(intent.call_id, claim.phase, "settled", "ok", 200, UNITS, MONEY, 0.1),
        (BoughtFact(key, intent.call_id, intent.provider, intent.endpoint, item.key, {}, _stored(result)),),
        Ending(claim.pipeline_id, item.item_id, claim.job_id, claim.phase, "completed", spent=1),
        Evidence(
            result,
            (FactRef(key, intent.call_id),),
            tuple(found_in(claim.phase, item.key, result, claim.settings.rules)),
        ),
    )
