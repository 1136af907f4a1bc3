"""A report is computed once and kept until something it rests on changes."""

import asyncio
from typing import Any
from uuid import UUID

import msgspec
import pytest
from litestar.testing import AsyncTestClient

from services.gateway.reports import csv, parts, xlsx
from services.gateway.reports.wanted import Wanted
from shared.domain.report_schema import Report
from shared.store.kept_reports import KINDS
from shared.store.pool import Connection
from shared.testing.pipelines import finish_pipeline, start_pipeline
from shared.testing.rows import fetch
from tests.gateway.storage_market import report as market_report
from tests.gateway.test_report_files import sheets

pytestmark = pytest.mark.anyio

COMPANY = {"name": "Acme", "domains": ["acme.com"]}


async def started(conn: Connection) -> tuple[UUID, str]:
    pipeline_id = await start_pipeline(conn, company=COMPANY, keywords=["a", "b"])
    return pipeline_id, f"/api/v1/pipeline/{pipeline_id}/report"


async def made_at(client: AsyncTestClient[Any], path: str) -> str:
    """When the report that is served was computed."""
    answer = await client.get(path)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["meta"]["generated_at"])


async def test_nothing_is_computed_twice(client: AsyncTestClient[Any], conn: Connection) -> None:
    """Neither for the next reader nor for those who ask at once, whatever form they ask for."""
    pipeline_id, path = await started(conn)
    await finish_pipeline(conn, pipeline_id)
    moments = await asyncio.gather(*[made_at(client, path) for _ in range(4)])
    page = await client.get(f"{path}?format=html")

    assert len({*moments, await made_at(client, path)}) == 1
    assert moments[0][:19] in page.text  # the second it was made in, as the page says it


async def test_what_is_done_and_said_shows_at_once(client: AsyncTestClient[Any], conn: Connection) -> None:
    """An item that ended, a waiver and a word about a domain each make another report; taken back, the word is gone."""
    pipeline_id, path = await started(conn)
    moments = [await made_at(client, path)]
    await finish_pipeline(conn, pipeline_id)
    moments.append(await made_at(client, path))
    await client.put(f"{path}/waivers/mass", json={"reason": "a test", "actor": "ana"})
    moments.append(await made_at(client, path))
    said = {"name": "Rival plc", "platform": False, "reason": "their imprint", "actor": "ana"}
    assert (await client.put("/api/v1/companies/rival.example", json=said)).status_code == 200
    named = (await client.get(path)).json()
    moments.append(named["meta"]["generated_at"])
    assert (await client.delete("/api/v1/companies/rival.example?reason=a%20mistake")).status_code == 204
    unnamed = (await client.get(path)).json()

    assert len(set(moments)) == 4
    assert "Rival plc" in {row["name"] for row in named["companies"]}
    assert "Rival plc" not in {row["name"] for row in unnamed["companies"]}


async def test_a_report_of_the_end_is_none_of_a_pipeline_that_works_again(
    client: AsyncTestClient[Any], conn: Connection
) -> None:
    """However long it took to make: it says that it is final."""
    pipeline_id, path = await started(conn)
    await finish_pipeline(conn, pipeline_id)
    assert (await client.get(path)).json()["meta"]["final"]
    await conn.execute("UPDATE kept_reports SET seconds = 1000")
    await conn.execute("UPDATE pipelines SET state = 'running', ended_at = NULL")
    assert not (await client.get(path)).json()["meta"]["final"]


async def test_each_question_has_its_own_answer(client: AsyncTestClient[Any], conn: Connection) -> None:
    """By another curve or against another pipeline; a curve of the reader's own, and what is published, is not kept."""
    pipeline_id, path = await started(conn)
    earlier, _ = await started(conn)
    for one in (pipeline_id, earlier):
        await finish_pipeline(conn, one)
    asked = (path, f"{path}?curve=backlinko", f"{path}?against={earlier}")
    moments = [await made_at(client, question) for question in asked]
    own = "position,percent\n" + "\n".join(f"{n},{11 - n}" for n in range(1, 11))
    by_own = (await client.post(path, content=own)).json()
    kept = await fetch(conn, "SELECT variant FROM kept_reports WHERE pipeline_id = %s", pipeline_id)

    assert moments == [await made_at(client, question) for question in asked]
    assert len({*moments, by_own["meta"]["generated_at"]}) == 4
    assert len(kept) == 3


async def test_only_the_newest_kinds_are_kept(client: AsyncTestClient[Any], conn: Connection) -> None:
    """What people said before is asked for by nobody."""
    pipeline_id, path = await started(conn)
    for number in range(KINDS + 2):
        body = {"reason": f"reason {number}", "actor": "ana"}
        await client.put(f"{path}/waivers/mass", json=body)
        await made_at(client, path)
    variants = await fetch(conn, "SELECT variant FROM kept_reports WHERE pipeline_id = %s", pipeline_id)
    of_parts = await fetch(
        conn, "SELECT DISTINCT variant FROM kept_report_parts WHERE pipeline_id = %s", pipeline_id
    )

    assert len(variants) == KINDS
    assert set(variants) == set(of_parts)


def test_the_parts_make_the_same_report() -> None:
    """To the last bit, as JSON, as a workbook and as a table."""
    made = market_report()
    split = parts.split(made)
    needed = {
        form: {name: split[name] for name in parts.needed(Wanted(form))} for form in ("json", "csv", "xlsx")
    }

    document = parts.render(needed["json"], Wanted("json"))
    again = msgspec.json.decode(document, type=Report)
    assert again == made
    assert document == msgspec.json.encode(made)
    assert parts.render(needed["csv"], Wanted("csv", "companies")) == csv.render(made, "companies")
    assert sheets(again) == sheets(made)
    assert parts.render(needed["xlsx"], Wanted("xlsx"))[:2] == xlsx.render(made)[:2]
