"""The report of the reference load: 338 keywords, 5 regions, 3 content types, 129,000 rows, 24 landscapes."""

import json
import resource
import subprocess
import sys
import time
from datetime import UTC, datetime
from random import Random
from uuid import UUID

import pytest

from services.gateway.reports import html, xlsx
from services.gateway.reports.reading import Reading, build
from services.gateway.reports.wanted import Wanted
from shared.domain import keys
from shared.domain.phases import PHASES
from shared.domain.pipeline import PipelineConfig
from shared.domain.report_rows import AnalysisRow, CompanyRow, ReportRows, SearchRow, VideoRow, VolumeRow
from shared.domain.results import CompanyResult, Ranking, VideoResult
from shared.domain.start import Company, Keyword, Landscape, Pages, Persona
from shared.store.pipelines import Pipeline

REGIONS = ("US", "GB", "DE", "SA", "VN")
KEYWORDS = [f"keyword {n}" for n in range(338)]
SITES = [f"site{n}.com" for n in range(1288)]
MOST_SECONDS, MOST_MEGABYTES = 5.0, 300


def load() -> ReportRows:
    """The rows."""
    chance = Random(1)
    searches = []
    for number, (keyword, region, type_) in enumerate(
        (k, r, t) for k in KEYWORDS for r in REGIONS for t in ("organic", "news", "video")
    ):
        ranked = []
        for position in range(1, 27 if type_ != "video" else 25):
            site = SITES[int(len(SITES) * chance.random() ** 3)]
            url = f"https://www.{site}/p{chance.randrange(30)}"
            if type_ == "video":
                site, url = "youtube.com", f"https://www.youtube.com/watch?v=v{chance.randrange(12000):010d}"
            ranked.append(Ranking(position, url, site, title=f"A page that ranks {position}", source=site))
        blocks = ("ads", "related_questions") if chance.random() < 0.5 else ()
        owners = {block: (SITES[chance.randrange(50)],) for block in blocks}
        searches.append(SearchRow(number, keyword, region, type_, tuple(ranked), blocks, owners))
    pages = {keys.page_key(r.url) for s in searches if s.content_type == "organic" for r in s.rankings}
    return ReportRows(
        searches,
        volumes=[
            VolumeRow(k, r, chance.choice([10, 90, 880, 2400]), 900_000) for k in KEYWORDS for r in REGIONS
        ],
        videos=[
            VideoRow(f"v{n:010d}", VideoResult(True, title="t", channel=f"c{n % 900}", views=n))
            for n in range(12_000)
        ],
        companies=[CompanyRow(site, CompanyResult(True, name=site)) for site in SITES],
        analyses=[
            AnalysisRow(page, {"persona:A": 5.0, "persona:B": 7.5}, "Validation", "blog", "neutral")
            for page in sorted(pages)[:5261]
        ],
    )


def measure() -> dict[str, float]:
    """Seconds of wall and of processor, and megabytes beyond what the rows themselves and Python take."""
    rows = load()
    config = PipelineConfig(
        keywords=tuple(map(Keyword, KEYWORDS)),
        regions=REGIONS,
        content_types=("organic", "news", "video"),
        pages=Pages(3, 3, 3),
        curve="sistrix-2020",
        phases=tuple(PHASES),
        device="desktop",
        company=Company("Three", ("site3.com",)),
        competitors=(Company("Five", ("site5.com",)),),
        landscapes=tuple(Landscape(f"Part {n}", tuple(KEYWORDS[14 * n : 14 * n + 14])) for n in range(24)),
        personas=(Persona("A"), Persona("B")),
        corrections=True,
    )
    now = datetime.now(UTC)
    pipeline = Pipeline(
        pipeline_id=UUID(int=1),
        state="completed",
        priority=0,
        created_at=now,
        ended_at=now,
        config=config,
        config_hash="",
    )
    figures: dict[str, float] = {"rows": sum(len(row.rankings) for row in rows.searches)}
    wall, cpu = time.perf_counter(), time.process_time()
    report = build(Reading(pipeline, rows), Wanted())
    figures |= {
        "build_seconds": round(time.perf_counter() - wall, 2),
        "build_cpu_seconds": round(time.process_time() - cpu, 2),
        "build_megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    wall = time.perf_counter()
    page = html.render(report)
    figures |= {"page_seconds": round(time.perf_counter() - wall, 2), "page_kilobytes": len(page) // 1024}
    wall = time.perf_counter()
    book = xlsx.render(report)
    figures |= {
        "workbook_seconds": round(time.perf_counter() - wall, 2),
        "workbook_kilobytes": len(book) // 1024,
        "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    return figures


@pytest.mark.benchmark
def test_report_of_the_reference_load() -> None:
    """In a process of its own, for its memory; the page and the workbook come on top."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.test_report"],
        capture_output=True,
        text=True,
        timeout=110,
        check=True,
    )
    figures = json.loads(done.stdout)
    print(f"\n{json.dumps(figures)}")

    assert figures["build_cpu_seconds"] < MOST_SECONDS
    assert figures["build_megabytes"] < MOST_MEGABYTES


if __name__ == "__main__":
    print(json.dumps(measure()))
