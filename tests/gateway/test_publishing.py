"""Publishing a report over HTTP: gates and waivers, overrides, click curves, comparison and lineage."""

import json
from typing import Any

import pytest
from litestar.testing import AsyncTestClient

from shared.domain.report_columns import columns
from shared.store.pool import Connection
from shared.testing.pipelines import finish_pipeline, start_pipeline

pytestmark = pytest.mark.anyio

COMPANY = {"name": "Acme", "domains": ["acme.com"]}
EVERYTHING = ["serp_collection", "keyword_metrics", "company_enrichment", "video_enrichment"]
CURVE = "position,percent\n" + "\n".join(
    f"{n},{share}" for n, share in enumerate((28, 26, 24, 4, 4, 4, 2, 2, 1, 1), 1)
)


async def finished(conn: Connection, **body: Any) -> str:
    """A pipeline in which everything was done."""
    given = {"company": COMPANY, "config": {"phases": EVERYTHING}} | body
    pipeline_id = await start_pipeline(conn, **given)
    await finish_pipeline(conn, pipeline_id)
    return f"/api/v1/pipeline/{pipeline_id}/report"


async def test_an_unfit_report_is_not_published(client: AsyncTestClient[Any], conn: Connection) -> None:
    """409 with every reason by its gate; to be looked at it is there all the same, and says so."""
    path = await finished(conn, regions=["US", "DE"])
    refused = await client.get(f"{path}?publish=true")
    seen = (await client.get(path)).json()["publication"]

    assert refused.status_code == 409
    assert "regions: " in refused.json()["detail"]
    assert seen["publishable"] is False
    assert "very same figures" in next(g["reasons"][0] for g in seen["gates"] if g["gate"] == "regions")


async def test_a_waiver_lets_it_pass_and_is_printed(client: AsyncTestClient[Any], conn: Connection) -> None:
    """Until it is taken back."""
    path = await finished(conn, regions=["US", "DE"])
    gates = [g for g in (await client.get(path)).json()["publication"]["gates"] if not g["passed"]]
    for gate in gates:
        body = {"reason": f"a test <market> of {gate['gate']}", "actor": "ana"}
        assert (await client.put(f"{path}/waivers/{gate['gate']}", json=body)).status_code == 200
    page = await client.get(f"{path}?publish=true&format=html")

    assert page.status_code == 200
    assert "ana: a test &lt;market&gt; of regions" in page.text
    listed = (await client.get(f"{path}/waivers")).json()["items"]
    assert [waiver["gate"] for waiver in listed] == sorted(gate["gate"] for gate in gates)
    assert (await client.delete(f"{path}/waivers/regions")).status_code == 204
    assert (await client.get(f"{path}?publish=true")).status_code == 409
    assert (await client.delete(f"{path}/waivers/regions")).status_code == 404


@pytest.mark.parametrize(("gate", "body", "status"), [("mess", {"reason": "x"}, 404), ("mass", {}, 422)])
async def test_a_waiver_needs_a_gate_and_a_reason(
    client: AsyncTestClient[Any], conn: Connection, gate: str, body: dict[str, str], status: int
) -> None:
    """Nothing is waived by mistake."""
    path = await finished(conn)

    assert (await client.put(f"{path}/waivers/{gate}", json=body)).status_code == status
    assert (await client.get(f"{path}/waivers")).json()["items"] == []


async def test_a_person_says_whose_a_domain_is(client: AsyncTestClient[Any], conn: Connection) -> None:
    """In every report from now on, by any host of it; until that is dropped."""
    path = await finished(conn)
    body = {"name": "Rival Holding", "reason": "its imprint says so", "actor": "ana"}
    said = await client.put("/api/v1/companies/www.rival.example", json=body)

    assert [row["domain"] for row in said.json()["items"]] == ["rival.example"]
    (match,) = [m for m in (await client.get(path)).json()["matches"] if m["domain"] == "rival.example"]
    assert (match["name"], match["named_by"], match["said_by"]) == ("Rival Holding", "person", "ana")
    assert (await client.delete("/api/v1/companies/rival.example")).status_code == 204
    assert (await client.get("/api/v1/companies")).json()["items"] == []


async def test_an_uploaded_curve_changes_the_figures(client: AsyncTestClient[Any], conn: Connection) -> None:
    """28, 26 and 24 %: Acme has 28 of 78; the pipeline's own curve stays what it is."""
    path = await finished(conn, config={"phases": EVERYTHING, "corrections": False})
    own = (await client.post(f"{path}?curve=mine", content=CURVE)).json()
    built_in = (await client.get(f"{path}?curve=backlinko")).json()
    before = (await client.get(path)).json()

    assert own["companies"][0]["share_of_voice"] == pytest.approx(28 / 78)
    assert (own["method"]["curve"]["id"], built_in["method"]["curve"]["id"]) == ("mine", "backlinko")
    assert before["method"]["curve"]["id"] == "sistrix-2020"
    refused = await client.post(path, content="position,percent\n1,200")
    assert (refused.status_code, refused.json()["type"]) == (422, "/errors/input")
    assert (await client.get(f"{path}?curve=serpvoyager")).status_code == 422


async def test_two_pipelines_are_compared(client: AsyncTestClient[Any], conn: Connection) -> None:
    """The same results twice: nothing moved but by what the second one asked for beside."""
    first = (await finished(conn)).split("/")[4]
    path = await finished(conn, keywords=["test", "other"])
    moved = (await client.get(f"{path}?against={first}")).json()["movers"]
    strange = (await finished(conn, keywords=["strange"])).split("/")[4]

    assert moved
    assert {row["rank_effect"] for row in moved} == {0.0}
    assert (await client.get(f"{path}?against={strange}")).json()["errors"][0]["pointer"] == "?against"


async def test_every_cell_leads_to_stored_answers(client: AsyncTestClient[Any], conn: Connection) -> None:
    """Every column of every row that holds something; what rests on nothing stored is from the start."""
    path = await finished(conn, landscapes=[{"name": "Half", "keywords": ["test"]}])
    report = (await client.get(path)).json()
    lead_nowhere = []
    for table in ("companies", "pages", "videos", "keywords", "markets", "channels", "publishers", "matches"):
        assert report[table]
        for column in columns(table):
            row = report[table][0]
            if row[column] in {None, ""} if not isinstance(row[column], list) else not row[column]:
                continue
            asked = {"table": table, "column": column, "row": _json(row)}
            origin = (await client.get(f"{path}/lineage", params=asked)).json()
            if not origin["sources"]:
                lead_nowhere.append((table, column))
            assert all(source["call_id"] and source["fetched_at"] for source in origin["sources"])

    assert lead_nowhere == []


async def test_an_answer_comes_along_when_asked_for(client: AsyncTestClient[Any], conn: Connection) -> None:
    """As it was stored; a column that does not exist is a problem."""
    path = await finished(conn)
    asked = {"table": "companies", "column": "rank", "row": '{"company": "acme.com", "region": "US"}'}
    with_answers = (await client.get(f"{path}/lineage", params={**asked, "answers": "true"})).json()
    wrong = await client.get(f"{path}/lineage", params={**asked, "column": "ranc"})

    assert with_answers["sources"][0]["answer"]["result"]["rankings"][0]["domain"] == "acme.com"
    assert with_answers["items"] == {"serp_collection": 3, "keyword_metrics": 1}
    assert "did you mean" in wrong.json()["errors"][0]["detail"]
    assert (await client.get(f"{path}/lineage", params={**asked, "row": "["})).status_code == 422


def _json(row: dict[str, Any]) -> str:
    return json.dumps({name: value for name, value in row.items() if not isinstance(value, list)})
