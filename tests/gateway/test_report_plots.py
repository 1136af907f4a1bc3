"""The page's drawings: what is where in them, and that nobody needs to see them to read the figures."""

import gzip
import re

import msgspec
import pytest

from services.gateway.reports.html import render
from services.gateway.reports.plots import BANDS, BUBBLES, HEIGHT, LARGEST, TOP, WIDTH, bubbles, trend
from shared.domain.changes import movers
from shared.domain.report_insights import Mover
from shared.domain.report_schema import Company, Report
from tests.gateway.storage_market import Page, config, market, report, rows

#: Of the page, as it goes over the wire.
PAGE_BYTES = 80 * 1024


@pytest.fixture(scope="module")
def made() -> Report:
    """The market compared with another one, by another curve."""
    moved = movers(rows(market()), config(), rows(market(seed=8)), config(curve="backlinko"))
    return msgspec.structs.replace(report(), movers=moved)


def headline(made: Report) -> list[Company]:
    """Web results, all regions."""
    return [
        row
        for row in made.companies
        if (row.landscape, row.region, row.content_type) == (None, None, "organic")
    ]


def test_bubbles_stand_by_coverage_and_position(made: Report) -> None:
    """More searches further right, better positions further up, clicks as areas; the client and its competitors always."""
    found = bubbles(headline(made))
    assert found is not None
    for one in found.listed:
        for other in found.listed:
            assert (one.x > other.x) == (one.row.keyword_coverage > other.row.keyword_coverage)  # type: ignore[operator]  # known where it is drawn
            assert (one.y > other.y) == (one.row.average_position > other.row.average_position)  # type: ignore[operator]
    largest = max(found.listed, key=lambda bubble: bubble.row.expected_clicks or 0)
    assert largest.radius == LARGEST
    assert found.drawn[0] == largest
    assert all(0 < b.x < WIDTH and TOP <= b.y < HEIGHT for b in found.listed)
    parties = {
        row.company for row in headline(made) if row.role in {"client", "competitor"} and row.appearances
    }
    assert parties <= {b.row.company for b in found.listed}
    assert len(found.listed) <= BUBBLES + len(parties)


def test_bands_fill_the_whole_and_the_method_is_a_stop_of_its_own(made: Report) -> None:
    """From then by its own method, over then by this one, to now."""
    found = trend(made.movers, "organic")
    assert found is not None
    assert found.broken
    assert len(found.bands) == BANDS + 1
    for stop in range(3):
        assert sum(band.shares[stop] for band in found.bands) == pytest.approx(1)
    client = next(row for row in made.movers if row.role == "client" and row.content_type == "organic")
    shares = next(band.shares for band in found.bands if band.role == "client")
    assert shares == [client.before, client.before + client.method_effect, client.now]


def test_without_another_method_there_is_no_break() -> None:
    """Two stops, and no line."""
    moved = movers(rows(market()), config(), rows(market(seed=8)), config())
    found = trend(moved, "organic")
    text = render(msgspec.structs.replace(report(), movers=moved))

    assert found is not None
    assert not found.broken
    assert 'class="break"' not in text


def test_names_of_bands_keep_to_their_room(made: Report) -> None:
    """One that is only a little too long is cut, too: what runs over the edge of a drawing cannot be seen."""
    moved = tuple(msgspec.structs.replace(row, name="Battery Storage Group Ltd") for row in made.movers)
    text = render(msgspec.structs.replace(made, movers=moved))
    svg = text.partition('aria-labelledby="trend-name"')[2].partition("</svg>")[0]
    names = {label.rpartition(" ")[0] for label in re.findall(r'<text class="label"[^>]*>([^<]*)<', svg)}

    assert "Battery Storage Group…" in names
    assert max(map(len, names)) == 22


@pytest.mark.parametrize("moved", [(), "none known"])
def test_nothing_is_drawn_of_nothing(made: Report, moved: tuple[Mover, ...] | str) -> None:
    """Without an earlier pipeline, or where one of the two has no share."""
    if isinstance(moved, str):
        moved = tuple(msgspec.structs.replace(row, before=0.0) for row in made.movers)
    assert trend(moved, "organic") is None
    assert bubbles([]) is None


def test_drawings_have_names_descriptions_and_tables(made: Report) -> None:
    """Their labels lead to elements of the page, and every figure stands in a table below; no script, no colour of its own."""
    text = render(made)
    page = Page(text)
    ids = {str(attributes["id"]) for _, attributes in page.elements if "id" in attributes}
    planes = [svg for svg in page.all("svg") if svg.get("class") == "plane"]

    assert [plane["aria-labelledby"] for plane in planes] == [
        "bubbles-name",
        "landscape-matrix-name",
        "trend-name",
        "concentration-name",
        "theme-matrix-name",
    ]
    for plane in planes:
        assert plane["role"] == "img"
        assert {plane["aria-labelledby"], plane["aria-describedby"]} <= ids
    assert {"#reach", "#movers"} <= {link.get("href") for link in page.all("a")}
    for row in headline(made)[:BUBBLES]:
        if row.average_position:
            assert f"{row.average_position:.1f}" in page.cells
    assert not [
        shape
        for name in ("circle", "polygon", "polyline", "rect")
        for shape in page.all(name)
        if "fill" in shape or "style" in shape
    ]


def test_the_page_is_light(made: Report) -> None:
    """With every drawing that can be made."""
    assert len(gzip.compress(render(made).encode(), 6)) <= PAGE_BYTES
