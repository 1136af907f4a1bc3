"""The report's tables as CSV: every field, nothing made up, and nothing a spreadsheet would run."""

import asyncio
import csv
import io
from datetime import UTC, datetime

import msgspec
import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.cli import exits, group
from services.gateway.cli.offline import Offline
from services.gateway.reports.csv import TABLES, Table, harmless, render
from services.gateway.reports.wanted import Wanted
from shared.domain.changes import movers
from shared.domain.phases import PHASES
from shared.domain.pipeline import PipelineConfig
from shared.domain.report import Report, build_report
from shared.domain.report_rows import AnalysisRow, CompanyRow, ReportRows, SearchRow, VideoRow, VolumeRow
from shared.domain.results import CompanyResult, Ranking, VideoResult
from shared.domain.start import Company, Keyword, Pages
from shared.testing.pipelines import finish_pipeline, start_pipeline

WHEN = datetime(2026, 11, 23, tzinfo=UTC)


def report(rows: ReportRows) -> Report:
    """A report of one keyword in one region."""
    config = PipelineConfig(
        keywords=(Keyword("k"), Keyword("other")),
        regions=("US",),
        content_types=("organic", "news", "video"),
        pages=Pages(),
        curve="sistrix-2020",
        phases=tuple(PHASES),
        device="desktop",
        company=Company("Acme", ("acme.com", "acme.de")),
        competitors=(Company("Rival", ("rival.org",)),),
    )
    return build_report(
        rows,
        config,
        pipeline_id="p",
        state="completed",
        created_at=WHEN,
        generated_at=WHEN,
        movers=movers(rows, config, rows, config),
    )


def some(title: str = "Title", **volumes: int) -> Report:
    """A search with two results and what is known about them."""
    video = Ranking(3, "https://youtu.be/abcdefghijk", "youtube.com", title)
    ranked = (
        Ranking(1, "https://rival.org/a", "rival.org", title),
        Ranking(2, "https://x.org", "x.org"),
        video,
    )
    return report(
        ReportRows(
            [
                SearchRow(1, "k", "US", "organic", ranked, ("ads",), {"ads": ("rival.org",)}),
                SearchRow(2, "other", "US", "video", (video,)),
                SearchRow(3, "k", "US", "news", ranked),
            ],
            videos=[VideoRow("abcdefghijk", VideoResult(found=True, title=title, views=5))],
            volumes=[VolumeRow(keyword, "US", volume) for keyword, volume in volumes.items()],
            analyses=[AnalysisRow("rival.org/a", {"persona:Buyer": 7.0}, "Validation", "blog", "neutral")],
            companies=[CompanyRow("x.org", CompanyResult(True, name=title, industries=("Media", "Retail")))],
        )
    )


def table(of: Report, name: Table) -> list[dict[str, str]]:
    """The rows as a reader of CSV sees them."""
    return list(csv.DictReader(io.StringIO(render(of, name).decode(), newline="")))


@pytest.mark.parametrize("name", TABLES)
def test_every_table_has_all_rows_and_fields_of_the_json(name: Table) -> None:
    """Names of fields are the same; an unknown figure is an empty cell."""
    found = some()
    rows = msgspec.to_builtins(getattr(found, name))

    assert rows
    for read, row in zip(table(found, name), rows, strict=True):
        assert list(read) == list(row)
        for field, value in row.items():
            match value:
                case None:
                    assert read[field] == ""
                case bool():
                    assert read[field] == str(value).lower()
                case float() | int():
                    assert float(read[field]) == value
                case list() | tuple():
                    assert read[field] == "; ".join(value)
                case _:
                    assert read[field] == value


@pytest.mark.parametrize("name", TABLES)
def test_an_empty_table_is_its_header(name: Table) -> None:
    """A reader finds the fields it expects."""
    content = render(msgspec.structs.replace(some(), **{name: ()}), name)

    assert content.count(b"\r\n") == 1
    assert content.decode().split(",")[0].isidentifier()


def test_lines_and_quotes_are_those_of_the_standard() -> None:
    """CRLF ends a row; commas, quotes and line breaks in a text are quoted."""
    title = 'He said "no", twice\nand left'
    content = render(some(title), "videos")

    assert content.split(b"\r\n")[0].startswith(b"id,found,title,")
    assert b'"He said ""no"", twice\nand left"' in content
    assert table(some(title), "videos")[0]["title"] == title
    assert content.endswith(b"\r\n")


def test_text_is_utf8() -> None:
    """Titles come from all over the world."""
    assert "Größe, 尺寸".encode() in render(some("Größe, 尺寸"), "pages")


@pytest.mark.parametrize(
    "lead", ["=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20"]
)
@pytest.mark.parametrize(("name", "field"), [("pages", "title"), ("videos", "title"), ("companies", "name")])
def test_no_cell_is_a_formula(lead: str, name: Table, field: str) -> None:
    """Whatever a title says, a spreadsheet shows it."""
    attack = f'{lead}cmd|"/c calc"!A0'
    cells = [row[field] for row in table(some(attack), name)]

    assert f"'{attack}" in cells
    assert not [cell for cell in cells if cell.startswith(lead)]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("-5", "-5"),
        ("-5.25", "-5.25"),
        ("-5-2", "'-5-2"),
        ("-", "'-"),
        ("--5", "'--5"),
        ("+5", "'+5"),
        ("-٣", "'-٣"),
        ("a=b", "a=b"),
        (" =1", " =1"),
        ("", ""),
    ],
)
def test_plain_negative_numbers_stay_numbers(text: str, shown: str) -> None:
    """They run nothing, and quoting them would make them texts."""
    assert harmless(text) == shown


@given(st.text())
def test_any_text_comes_back_whole(text: str) -> None:
    """Behind at most one apostrophe, and never as the start of a formula."""
    shown = harmless(text)

    assert shown in {text, f"'{text}"}
    assert shown[:1] not in {"=", "+", "@", "\t", "\r", "\n"}


def test_figures_are_written_in_full() -> None:
    """What is computed from the CSV is what would be computed from the JSON."""
    found = some(k=333)
    (gap,) = found.gaps

    assert float(table(found, "gaps")[0]["opportunity"]) == gap.opportunity
    assert table(found, "gaps")[0]["volume"] == "333"


def test_a_table_is_read_from_the_stores_alone(postgres_url: str) -> None:
    """With nothing running but the database, as `landscape report --format csv --table pages` does it."""

    async def pipeline() -> str:
        async with await psycopg.AsyncConnection.connect(postgres_url, autocommit=True) as conn:
            pipeline_id = await start_pipeline(conn)
            await finish_pipeline(conn, pipeline_id)
            return str(pipeline_id)

    pages = Offline(postgres_url).report(asyncio.run(pipeline()), Wanted("csv", "pages"))

    urls = {row["url"] for row in csv.DictReader(io.StringIO(pages.decode(), newline=""))}
    assert "https://www.acme.com/a" in urls


@pytest.mark.parametrize(
    "words", [("--table", "prices"), ("--table", "pages", "--format", "json"), ("--format", "xlsx")]
)
def test_a_wrong_form_is_a_usage_error(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    """Before anything is asked or started."""
    with pytest.raises(SystemExit) as end:
        group.main(["report", *words])

    assert end.value.code == exits.USAGE
    assert capsys.readouterr().err.startswith("error: ")
