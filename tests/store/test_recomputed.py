"""Every number of a report, computed again from the stored responses by a script that imports nothing of ours."""

import ast
import asyncio
import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any, cast
from uuid import UUID

import msgspec
import pytest

from shared.domain import phases
from shared.domain.basis import Basis
from shared.domain.lineage import CONFIGURATION, evidence, items
from shared.domain.phases import PHASES
from shared.domain.report import build_report
from shared.domain.report_columns import TABLES, columns
from shared.domain.report_schema import Report
from shared.domain.results import AnalysisResult, Ranking, Score, SearchResult, VideoResult, VolumeResult
from shared.store.lineage import list_sources
from shared.store.pipelines import get_pipeline
from shared.store.pool import Connection
from shared.store.report_rows import ReportRows, report_rows
from shared.testing import pipelines
from shared.testing.pipelines import finish_pipeline, hash_of, start_pipeline

pytestmark = pytest.mark.anyio

SCRIPT = Path(__file__).parents[1] / "independent/recompute.py"
SITES = ("acme.com", "rival.example", "rival.de", "blog.org", "wikipedia.org", "shop.vn", "docs.io")
BLOCKS = (
    "ads",
    "ai_overview",
    "answer_box",
    "knowledge_graph",
    "sitelinks",
    "related_questions",
    "local_results",
)
WHEN = datetime(2026, 11, 23, tzinfo=UTC)


def serp(key: str) -> SearchResult:
    """A page of its own for every search: gaps, shared positions, places beyond 20, blocks with owners."""
    chance = Random(hash_of(key))
    found = [
        Ranking(
            position,
            f"https://www.{(site := chance.choice(SITES))}/p{chance.randrange(4)}?utm_source=x",
            site,
            title=f"{site} {position}",
            source=site,
        )
        for position in sorted(chance.choices(range(1, 24), k=12))
    ]
    video = f"https://www.youtube.com/watch?v=video{chance.randrange(9):06d}"
    blocks: dict[str, tuple[str, ...]] = {b: (chance.choice(SITES),) for b in BLOCKS if chance.random() < 0.3}
    return SearchResult(
        (*found, Ranking(24, video, "youtube.com", source="Acme TV")),
        features=tuple(sorted(blocks)),
        owners=blocks,
    )


def volume(key: str) -> VolumeResult:
    """Of most keywords, and a price of fewer."""
    chance = Random(hash_of(key))
    known = chance.random() < 0.9
    price = chance.randrange(10**5, 10**7) if chance.random() < 0.7 else None
    return VolumeResult(volume=chance.choice([0, 10, 90, 880]), cpc_micros=price) if known else VolumeResult()


def analysis(key: str) -> AnalysisResult:
    """Some scores void."""
    chance = Random(hash_of(key))
    scores = {
        f"persona:{name}": Score(None if chance.random() < 0.2 else 10 * chance.random(), 9.0, "quote")
        for name in ("Buyer", "Engineer")
    }
    return AnalysisResult(
        "m", "h", "1", scores, journey_phase="Validation", page_type=chance.choice(["blog", "product"])
    )


@pytest.fixture
async def made(conn: Connection, monkeypatch: pytest.MonkeyPatch) -> tuple[Report, ReportRows, str]:
    """A finished pipeline in which no two searches are alike, with its rows and its id."""
    answers = {
        phases.SERP_COLLECTION: serp,
        phases.KEYWORD_METRICS: volume,
        phases.CONTENT_ANALYSIS: analysis,
        phases.VIDEO_ENRICHMENT: lambda key: VideoResult(
            found=True, channel_id="c", channel="Acme TV", views=hash_of(key) % 999, likes=3, comments=4
        ),
    }
    for phase, answer in answers.items():
        monkeypatch.setitem(pipelines._ANSWERS, phase, answer)
    pipeline_id = await start_pipeline(
        conn,
        keywords=[f"word {n}" for n in range(8)],
        regions=["US", "DE"],
        company={"name": "Acme", "domains": ["acme.com"]},
        competitors=[{"name": "Rival", "domains": ["rival.example", "rival.de"]}],
        personas=[{"name": "Buyer"}, {"name": "Engineer"}],
        config={"phases": list(PHASES)},
    )
    await finish_pipeline(conn, pipeline_id)
    rows = await report_rows(conn, pipeline_id)
    pipeline = await get_pipeline(conn, pipeline_id)
    report = build_report(
        rows,
        pipeline.config,
        pipeline_id=str(pipeline_id),
        state=pipeline.state,
        created_at=WHEN,
        generated_at=WHEN,
    )
    return report, rows, str(pipeline_id)


def recomputed(url: str, pipeline_id: str, file: Path) -> dict[str, Any]:
    """What the script prints."""
    command = [sys.executable, str(SCRIPT), url, pipeline_id, str(file)]
    # Its second file lies beside it: not found by itself where Python is told not to trust the script's directory.
    environment = {**os.environ, "PYTHONPATH": str(SCRIPT.parent)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout, done.stderr
    return dict(json.loads(done.stdout))


async def test_a_second_script_finds_the_same_numbers(
    made: tuple[Report, ReportRows, str], postgres_url: str, tmp_path: Path
) -> None:
    """To nine places: shares, bands, bounds, positions, strength, markets, gaps, features, pages, media."""
    report, _, pipeline_id = made
    file = tmp_path / "report.json"
    file.write_bytes(msgspec.json.encode(report))
    found = await asyncio.to_thread(recomputed, postgres_url, pipeline_id, file)

    assert found["first"] == []
    assert found["compared"] > 2_000


def test_the_second_script_imports_nothing_of_ours() -> None:
    """A defect of ours cannot be in it."""
    imported = {
        (node.module or "") if isinstance(node, ast.ImportFrom) else node.names[0].name
        for file in SCRIPT.parent.glob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Import | ast.ImportFrom)
    }

    assert not [name for name in imported if name.split(".")[0] in {"shared", "services", "tests"}]


async def test_every_cell_of_every_table_leads_to_stored_answers(
    made: tuple[Report, ReportRows, str], conn: Connection
) -> None:
    """All rows and columns that hold something, by the items behind them; the configuration stands for itself."""
    report, rows, pipeline_id = made
    pipeline = await get_pipeline(conn, UUID(pipeline_id))
    basis = Basis(rows, pipeline.config)
    stored: dict[str, set[str]] = {}
    for phase in PHASES:
        cursor = await conn.execute("SELECT key FROM items WHERE phase = %s", (phase,))
        known = [str(key) for (key,) in cast("list[tuple[str]]", await cursor.fetchall())]
        sources = await list_sources(conn, pipeline.pipeline_id, phase, known)
        stored[phase] = {source.key for source in sources}
    cells, nowhere = 0, []
    for table in TABLES:
        for row in getattr(report, table):
            told = {name: getattr(row, name) for name in columns(table)}
            for column, value in told.items():
                if value in (None, "", ()):
                    continue
                cells += 1
                found = items(basis, rows, table, column, told)
                resolved = [key for phase, keys in found.items() for key in keys if key in stored[phase]]
                missing = [key for phase, keys in found.items() for key in keys if key not in stored[phase]]
                if missing or not (resolved or CONFIGURATION in evidence(table, column)):
                    nowhere.append((table, column))

    assert cells > 500
    assert nowhere == []
