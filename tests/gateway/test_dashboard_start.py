"""Starting from the screen: pasted or uploaded keywords, mapped columns, broken rows, and nothing half started."""

from typing import Any

import pytest

from services.gateway.dashboard import keyword_table
from services.gateway.dashboard.keyword_table import Fault
from shared.store.pool import Connection
from shared.testing.rows import fetch
from tests.gateway.operator import TOKEN, Operator, text_of
from tests.gateway.test_plan import profile

pytestmark = pytest.mark.anyio

START = "/ui/start"


async def started(conn: Connection) -> int:
    (count,) = await fetch(conn, "SELECT count(*) FROM pipelines")
    return int(str(count))


async def check(operator: Operator, status: int = 200, **fields: Any) -> str:
    """The page after the fields were checked."""
    answer = await operator.submit(await operator.see(START), START, step="check", **fields)
    assert answer.status_code == status, text_of(answer.text)
    return answer.text


async def test_pasted_keywords_are_checked_and_started(operator: Operator, conn: Connection) -> None:
    """The check says what would be bought and how many were merged; only then there is a button that starts it."""
    await profile(conn, "serp", "scale_serp", 0.5)
    page = await check(
        operator, keywords="shoes\nShoes \nboots\n", regions=["US", "DE"], types=["organic"], budget="5"
    )

    text = text_of(page)
    assert "serp collection 4 4 8 4.00 0.08" in text
    assert "1 keyword is the same search as another" in text
    assert "At least 4.00 of the budget of 5.00" in text
    assert "later phases rest on stated priors alone" in text
    assert "unknown: keyword metrics" in text
    assert await started(conn) == 0
    done = await operator.do(page, START, step="start")
    assert "Started: 4 searches. 1 keyword merged with others." in done
    assert "0.00 of 5.00 committed" in done
    (config,) = await fetch(conn, "SELECT config FROM pipelines")
    assert isinstance(config, dict)
    assert config["regions"] == ["US", "DE"]


async def test_what_is_over_the_budget_cannot_be_started(operator: Operator, conn: Connection) -> None:
    """The figures are shown, there is no button, and asking to start anyway is no use."""
    await profile(conn, "serp", "scale_serp", 0.5)
    page = await check(operator, keywords="shoes", regions=["US"], types=["organic"], budget="0.25")
    assert "The least it will cost is 1.00, more than the budget of 0.25: a start is refused" in text_of(page)
    assert "Start it" not in page
    answer = await operator.submit(page, START, step="start")
    assert answer.status_code == 422
    assert "the least it will cost is 1.00" in text_of(answer.text)
    assert await started(conn) == 0


async def test_who_may_only_read_may_plan(operator: Operator, conn: Connection) -> None:
    """And is told why nothing is started."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    body = {"name": "eve", "role": "viewer"}
    made = await operator.client.post("/api/v1/keys", json=body, headers=headers)
    assert (await operator.sign_in(made.json()["key"])).status_code == 303
    page = await check(operator, keywords="shoes", regions=["US"], types=["organic"])
    assert "serp collection 1 1 2" in text_of(page)
    answer = await operator.submit(page, START, step="start")
    assert answer.status_code == 403
    assert "it lacks the scope pipelines:write" in text_of(answer.text)
    assert await started(conn) == 0


async def test_columns_of_an_uploaded_file_are_mapped(operator: Operator, conn: Connection) -> None:
    """Known names are found by themselves, others are chosen; the table is kept from one page to the next."""
    file = (
        "k.csv",
        "Suchbegriff;Thema;Marke\nschuhe;Sport;no\nacme schuhe;;yes\n".encode("utf-8-sig"),
        "text/csv",
    )
    page = await check(operator, 422, files={"file": file}, regions=["DE"], types=["news"])
    assert "no column is said to hold the keyword" in text_of(page)
    mapped = await operator.submit(
        page, START, column_keyword="0", column_group="1", column_brand="2", step="check"
    )
    assert "serp collection 2 2 2" in text_of(mapped.text)
    await operator.do(mapped.text, START, step="start")
    (config,) = await fetch(conn, "SELECT config FROM pipelines")
    assert isinstance(config, dict)
    assert config["keywords"] == [
        {"keyword": "schuhe", "group": "Sport"},
        {"keyword": "acme schuhe", "brand": True},
    ]


async def test_a_broken_row_starts_nothing(operator: Operator, conn: Connection) -> None:
    """Every one is listed with its line, also those that only the API's rules find; asking to start anyway is no use."""
    rows = "keyword,group,brand\nshoes,a,no\n,b,no\nboots,c,perhaps\nsocks,d\n"
    page = await check(operator, 422, keywords=rows, regions=["US"])
    text = text_of(page)

    assert "line 3: the keyword is blank" in text
    assert "line 4: brand is 'perhaps'; expected yes or no" in text
    assert "line 5: has 2 cells, the header has 3" in text
    assert (await operator.submit(page, START, step="start")).status_code == 422
    long = await check(operator, 422, keywords="fine\n\n" + "x" * 500, regions=["US"])
    assert "line 3: a keyword has at most 400 characters" in text_of(long)
    assert await started(conn) == 0


async def test_wrong_fields_are_named_where_they_are(operator: Operator, conn: Connection) -> None:
    """And what was typed is still there."""
    fields = {"keywords": "shoes", "other_regions": "US, XX", "types": ["video"], "budget": "much"}
    page = await check(
        operator, 422, **fields, company_name="Acme", company_domains="nowhere", competitors="Contoso"
    )
    text = text_of(page)

    assert "unknown region 'XX'" in text
    assert "'nowhere' is not a domain somebody registered" in text
    assert "must be a number" in text
    assert 'value="Acme"' in page
    assert await started(conn) == 0
    assert "must not be empty" in text_of(await check(operator, 422, keywords="", regions=[]))


async def test_companies_and_personas_reach_the_configuration(operator: Operator, conn: Connection) -> None:
    """One a line, as the hints say."""
    page = await check(
        operator,
        keywords="shoes",
        regions=["US"],
        types=["organic"],
        company_name="Acme",
        company_domains="acme.com, acme.de",
        competitors="Contoso = contoso.com\nFabrikam=fabrikam.com,fabrikam.net\n",
        personas="Developer: wants examples",
    )
    await operator.do(page, START, step="start")
    (config,) = await fetch(conn, "SELECT config FROM pipelines")
    assert isinstance(config, dict)
    assert config["company"]["domains"] == ["acme.com", "acme.de"]
    assert [c["name"] for c in config["competitors"]] == ["Contoso", "Fabrikam"]
    assert config["personas"] == [{"name": "Developer", "description": "wants examples"}]


@pytest.mark.parametrize(
    ("text", "header", "rows"),
    [
        ("", [], []),
        ("shoes\n\nred, shoes\n", [], [(1, ["shoes"]), (3, ["red, shoes"])]),
        ("\n\nkeyword,group\na,b\n", ["keyword", "group"], [(4, ["a", "b"])]),
        ("keyword\nshoes\n", ["keyword"], [(2, ["shoes"])]),
        ('keyword,group\n"a\nb",c\nd,e\n', ["keyword", "group"], [(2, ["a\nb", "c"]), (4, ["d", "e"])]),
        ("\ufeffQuery\tTopic\na\tb\n", ["Query", "Topic"], [(2, ["a", "b"])]),
    ],
)
def test_tables_are_recognised(text: str, header: list[str], rows: list[Any]) -> None:
    """Lines are counted as an editor counts them, whatever stands between the cells."""
    table = keyword_table.read(text)

    assert (table.header, table.rows) == (header, rows)


def test_what_is_no_table_is_a_fault() -> None:
    """With the line where an editor finds it."""
    assert keyword_table.decode(b"a\nb\n\xff") == Fault(3, "is not UTF-8; save the file as UTF-8")
    assert keyword_table.read('keyword,group\n"a,b\n').faults[0].detail.startswith("is no CSV")
