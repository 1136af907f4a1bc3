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
from typing import Any, NamedTuple, cast
from uuid import UUID

import msgspec
import pytest

from shared.domain import phases
from shared.domain.basis import Basis
from shared.domain.changes import movers
from shared.domain.lineage import CONFIGURATION, evidence, items
from shared.domain.phases import PHASES
from shared.domain.report import build_report
from shared.domain.report_columns import TABLES, columns
from shared.domain.report_schema import Report
from shared.domain.results import (
    AnalysisResult,
    CompanyResult,
    Ranking,
    Score,
    SearchResult,
    VideoResult,
    VolumeResult,
)
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


class Month:
    """Whose answers are given; another one's differ."""

    name = ""


def random_of(key: str) -> Random:
    """Chance of its own for every key and month."""
    return Random(hash_of(Month.name + key))


def serp(key: str) -> SearchResult:
    """A page of its own for every search: gaps, shared positions, places beyond 20, blocks with owners."""
    chance = random_of(key)
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
    chance = random_of(key)
    known = chance.random() < 0.9
    price = chance.randrange(10**5, 10**7) if chance.random() < 0.7 else None
    return VolumeResult(volume=chance.choice([0, 10, 90, 880]), cpc_micros=price) if known else VolumeResult()


def analysis(key: str) -> AnalysisResult:
    """Some scores void."""
    chance = random_of(key)
    scores = {
        name: Score(None if chance.random() < 0.2 else 10 * chance.random(), 9.0, "quote")
        for name in ("persona:Buyer", "persona:Engineer", "dimension:Price")
    }
    kind, mood = chance.choice(["blog", "product"]), chance.choice(["positive", "neutral"])
    return AnalysisResult("m", "h", "1", scores, journey_phase="Validation", page_type=kind, sentiment=mood)


def company(key: str) -> CompanyResult:
    """Of most domains, by one field or another, under a name that fits or does not."""
    chance = random_of(key)
    if chance.random() < 0.2:
        return CompanyResult(matched=False)
    return CompanyResult(
        True,
        name=chance.choice([key.partition(".")[0].title(), "Another Name Ltd"]),
        domain=chance.choice([key, ""]),
        matched_by=chance.choice(["domain", "website", "name"]),
        headcount=chance.randrange(1, 9999),
        founded=1999,
        revenue=10**7,
        size_from=11,
        size_to=50,
    )


def video(key: str) -> VideoResult:
    """Of two channels; the likes of some are hidden."""
    chance = random_of(key)
    channel = chance.choice(["Acme TV", "Rival TV"])
    likes = chance.choice([None, 3])
    return VideoResult(
        found=True, channel_id=channel[0], channel=channel, views=chance.randrange(999), likes=likes, comments=4,
        subscribers=chance.randrange(99),
    )  # fmt: skip


class Made(NamedTuple):
    """A report with what it was made from."""

    report: Report
    rows: ReportRows
    pipeline_id: str
    earlier: str


@pytest.fixture
async def made(conn: Connection, monkeypatch: pytest.MonkeyPatch) -> Made:
    """A finished pipeline in which no two searches are alike, compared with one of other answers, keywords and curve."""
    answers = {
        phases.SERP_COLLECTION: serp,
        phases.KEYWORD_METRICS: volume,
        phases.CONTENT_ANALYSIS: analysis,
        phases.COMPANY_ENRICHMENT: company,
        phases.VIDEO_ENRICHMENT: video,
    }
    for phase, answer in answers.items():
        monkeypatch.setitem(pipelines._ANSWERS, phase, answer)
    monkeypatch.setattr(Month, "name", "october ")
    earlier = await _finished(conn, range(1, 9), curve="backlinko")
    monkeypatch.setattr(Month, "name", "")
    pipeline_id = await _finished(conn, range(8))
    (config, rows), (before_config, before) = [
        ((await get_pipeline(conn, one)).config, await report_rows(conn, one))
        for one in (pipeline_id, earlier)
    ]
    report = build_report(
        rows,
        config,
        pipeline_id=str(pipeline_id),
        state="completed",
        created_at=WHEN,
        generated_at=WHEN,
        movers=movers(rows, config, before, before_config),
    )
    return Made(report, rows, str(pipeline_id), str(earlier))


async def _finished(conn: Connection, words: range, **config: str) -> UUID:
    pipeline_id = await start_pipeline(
        conn,
        keywords=[f"word {n}" for n in words],
        regions=["US", "DE"],
        company={"name": "Acme", "domains": ["acme.com"]},
        competitors=[{"name": "Rival", "domains": ["rival.example", "rival.de"]}],
        personas=[{"name": "Buyer"}, {"name": "Engineer"}],
        landscapes=[
            {"name": "Even", "keywords": [f"word {n}" for n in words if n % 2 == 0]},
            {"name": "One", "keywords": [f"word {words[1]}"]},
        ],
        config={"phases": list(PHASES), **config},
    )
    await finish_pipeline(conn, pipeline_id)
    return pipeline_id


def recomputed(url: str, made: Made, file: Path) -> dict[str, Any]:
    """What the script prints."""
    command = [sys.executable, str(SCRIPT), url, made.pipeline_id, str(file), made.earlier]
    # Its other files lie beside it: not found by themselves where Python is told not to trust the script's directory.
    environment = {**os.environ, "PYTHONPATH": str(SCRIPT.parent)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout, done.stderr
    return dict(json.loads(done.stdout))


async def test_a_second_script_finds_the_same_numbers(made: Made, postgres_url: str, tmp_path: Path) -> None:
    """To nine places, of every table, of every named landscape, and every column of the contract that holds a number."""
    file = tmp_path / "report.json"
    file.write_bytes(msgspec.json.encode(made.report))
    found = await asyncio.to_thread(recomputed, postgres_url, made, file)

    numbers = {
        (table, name)
        for table in TABLES
        for name, kind in columns(table).items()
        if kind in {"number", "count"}
    }
    done = {(table, name) for table, names in found["columns"].items() for name in names}
    assert found["first"] == []
    assert numbers - done == set()
    assert found["compared"] > 6_000
    assert {row.landscape for row in made.report.companies} == {None, "Even", "One"}


async def test_a_wrong_number_in_any_column_is_found(made: Made, postgres_url: str, tmp_path: Path) -> None:
    """One of each column, wherever it holds one."""
    told = msgspec.to_builtins(made.report)
    spoilt = 0
    for table in TABLES:
        for name, kind in columns(table).items():
            row = next((row for row in told[table] if isinstance(row[name], int | float)), None)
            if row is not None and kind in {"number", "count"}:
                row[name] += 1
                spoilt += 1
    file = tmp_path / "report.json"
    file.write_bytes(msgspec.json.encode(told))
    found = await asyncio.to_thread(recomputed, postgres_url, made, file)

    assert spoilt > 100
    assert found["different"] >= spoilt


async def test_every_effect_is_there_to_be_recomputed(made: Made) -> None:
    """Places, volumes, keywords and method: none is 0 throughout."""
    effects = ("rank_effect", "volume_effect", "keyword_effect", "method_effect")
    assert all(any(getattr(row, name) for row in made.report.movers) for name in effects)


def test_the_second_script_imports_nothing_of_ours() -> None:
    """A defect of ours cannot be in it."""
    imported = {
        (node.module or "") if isinstance(node, ast.ImportFrom) else node.names[0].name
        for file in SCRIPT.parent.glob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Import | ast.ImportFrom)
    }

    assert not [name for name in imported if name.split(".")[0] in {"shared", "services", "tests"}]


async def test_every_cell_of_every_table_leads_to_stored_answers(made: Made, conn: Connection) -> None:
    """All rows and columns that hold something, by the items behind them; the configuration stands for itself."""
    report, rows = made.report, made.rows
    pipeline = await get_pipeline(conn, UUID(made.pipeline_id))
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
