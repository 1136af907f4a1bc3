"""The page's matrices: each company's share of landscapes, themes and SERP features, field by field as in the report."""

from collections.abc import Sequence

import msgspec
import pytest

from services.gateway.reports.html import render
from services.gateway.reports.matrix import (
    COLUMNS,
    DARKEST,
    HEAD,
    LIGHTEST,
    LINES,
    WIDTH,
    Matrix,
    feature_matrix,
    landscape_matrix,
    theme_matrix,
)
from services.gateway.reports.wording import percent
from shared.domain.report_insights import FeatureOwner, ThemeShare
from shared.domain.report_rows import ReportRows
from shared.domain.report_schema import Company, Report
from tests.gateway.storage_market import Page, build, config, market, report, rows, titled


@pytest.fixture(scope="module")
def made() -> Report:
    """The market, with an answer and ads on every second page."""
    searches = [
        msgspec.structs.replace(
            row,
            blocks=("ads", "answer_box") if number % 2 else (),
            owners={
                "ads": tuple(sorted({found.domain for found in row.rankings[5:9]})),
                "answer_box": (row.rankings[0].domain,),
            },
        )
        if row.content_type == "organic"
        else row
        for number, row in enumerate(market())
    ]
    return build(rows(searches), config())


def headline(made: Report) -> list[Company]:
    """Web results, all regions."""
    return [
        row
        for row in made.companies
        if (row.landscape, row.region, row.content_type) == (None, None, "organic")
    ]


def shares(plot: Matrix | None) -> dict[tuple[str, str, str], float]:
    """By kind, line and company."""
    assert plot is not None
    return {
        (line.kind, line.name, company.company): field.share
        for line in plot.lines
        for company, field in zip(plot.companies, line.fields, strict=True)
        if field.share is not None
    }


def drawn(text: str, name: str) -> Sequence[str]:
    """The texts of a drawing, in order."""
    svg = text.partition(f'aria-labelledby="{name}-name"')[2].partition("</svg>")[0]
    return [text for tag, text in Page(f"<svg {svg}</svg>").texts if tag == "text"]


def test_fields_of_themes_are_the_reports_shares(made: Report) -> None:
    """No figure is lost, made up or put at another company; sentiment says nothing about what content is about."""
    plot = theme_matrix(made, headline(made))
    assert plot is not None
    names = {row.company for row in plot.companies}
    wanted = {
        (row.axis, row.theme, row.company): row.share
        for row in made.theme_shares
        if row.company in names and row.axis != "sentiment"
    }

    assert shares(plot) == wanted
    assert len(wanted) > 20
    assert [line.opens for line in plot.lines] == [True, True, True, False]


def test_fields_of_landscapes_are_the_reports_shares_of_voice(made: Report) -> None:
    """In web results, all regions."""
    plot = landscape_matrix(made, headline(made), "organic")
    assert plot is not None
    names = {row.company for row in plot.companies}

    assert shares(plot) == {
        ("", row.landscape, row.company): row.share_of_voice
        for row in made.companies
        if row.landscape
        and (row.content_type, row.region) == ("organic", None)
        and row.company in names
        and row.share_of_voice
    }
    assert [line.name for line in plot.lines] == ["Business", "Grid & scale"]


def test_fields_of_features_are_the_reports_ownership(made: Report) -> None:
    """All regions together."""
    plot = feature_matrix(made, headline(made))
    assert plot is not None
    names = {row.company for row in plot.companies}

    assert shares(plot) == {
        ("", row.feature, row.company): row.ownership
        for row in made.feature_owners
        if row.region is None and row.company in names and row.ownership
    }
    assert {line.name for line in plot.lines} == {"ads", "featured_snippet"}


def test_a_wrong_figure_would_be_seen(made: Report) -> None:
    """Another share in the report is another field in the drawing and in its table, and no other field changes."""
    client = next(row.company for row in headline(made) if row.role == "client")
    planted = tuple(
        msgspec.structs.replace(row, ownership=0.4321)
        if (row.region, row.feature, row.company) == (None, "ads", client)
        else row
        for row in made.feature_owners
    )
    changed = msgspec.structs.replace(made, feature_owners=planted)
    before, after = (shares(feature_matrix(one, headline(one))) for one in (made, changed))

    assert {at for at in before if before[at] != after[at]} == {("", "ads", client)}
    assert "43.2%" in drawn(render(changed), "feature-matrix")
    assert "43.2%" in Page(render(changed)).cells
    assert "43.2%" not in drawn(render(made), "feature-matrix")


def test_the_drawing_and_its_table_say_the_same(made: Report) -> None:
    """Every share stands in its field and in a cell; nobody needs the shade."""
    text = render(made)
    cells = Page(text).cells
    for name, plot in (
        ("theme-matrix", theme_matrix(made, headline(made))),
        ("feature-matrix", feature_matrix(made, headline(made))),
        ("landscape-matrix", landscape_matrix(made, headline(made), "organic")),
    ):
        figures = [percent(share) for share in shares(plot).values()]
        assert [figure for figure in drawn(text, name) if "%" in figure] == figures
        assert set(figures) <= set(cells)


def test_the_darker_the_larger(made: Report) -> None:
    """The largest share is darkest, and stays light enough for its figure; fields stand within the drawing."""
    plot = theme_matrix(made, headline(made))
    assert plot is not None
    fields = [field for line in plot.lines for field in line.fields]
    known = sorted((field.share, field.shade) for field in fields if field.share is not None)

    assert [shade for _, shade in known] == sorted(shade for _, shade in known)
    assert known[-1][1] == pytest.approx(DARKEST)
    assert known[0][1] >= LIGHTEST
    assert max(field.x for field in fields) + plot.wide < WIDTH
    assert all(HEAD <= line.y < plot.height for line in plot.lines)


def test_client_and_competitors_have_a_column_though_they_have_nothing(made: Report) -> None:
    """An empty column is what they want to know; the strongest others fill what is left, and the rest is counted."""
    owners = tuple(row for row in made.feature_owners if row.role not in {"client", "competitor"})
    plot = feature_matrix(msgspec.structs.replace(made, feature_owners=owners), headline(made))
    assert plot is not None

    assert {"client", "competitor"} <= {row.role for row in plot.companies}
    assert len(plot.companies) == COLUMNS
    owning = {row.company for row in owners if row.region is None and row.ownership}
    assert plot.companies_left_out == len(owning) + 3 - COLUMNS


def test_the_largest_themes_are_drawn(made: Report) -> None:
    """More than fit are cut by clicks and counted; the others stay in the report's order."""
    known = next(row for row in made.theme_shares if row.axis == "persona")
    theme = next(row for row in made.themes if row.axis == "persona" and row.region is None)
    count = LINES + 5
    many = msgspec.structs.replace(
        made,
        themes=tuple(
            msgspec.structs.replace(theme, theme=f"T{n:02d}", expected_clicks=float(n)) for n in range(count)
        ),
        theme_shares=tuple(msgspec.structs.replace(known, theme=f"T{n:02d}") for n in range(count)),
    )
    plot = theme_matrix(many, headline(made))
    assert plot is not None

    assert [line.name for line in plot.lines] == [f"T{n:02d}" for n in range(5, count)]
    assert plot.lines_left_out == 5
    assert "5 more of the themes left out here." in render(many)


@pytest.mark.parametrize(("themes", "owners"), [((), ()), ("unlisted", "unknown")])
def test_nothing_is_drawn_of_nothing(
    made: Report, themes: tuple[ThemeShare, ...] | str, owners: tuple[FeatureOwner, ...] | str
) -> None:
    """Nothing was analysed or recorded, nobody of it is among the companies, or one landscape is all there is."""
    if isinstance(themes, str):
        themes = tuple(msgspec.structs.replace(row, company="nobody.example") for row in made.theme_shares)
    if isinstance(owners, str):
        owners = tuple(msgspec.structs.replace(row, ownership=None) for row in made.feature_owners)
    bare = msgspec.structs.replace(made, theme_shares=themes, feature_owners=owners)
    one = report(landscapes=config().landscapes[:1])

    assert theme_matrix(bare, headline(made)) is None
    assert feature_matrix(bare, headline(made)) is None
    assert landscape_matrix(one, headline(one), "organic") is None
    assert "theme-matrix" not in render(bare)
    assert "-matrix-name" not in render(build(ReportRows([]), config(), "running"))


def test_whose_web_results_are_is_asked_of_web_results() -> None:
    """Also where another content type comes first."""
    made = report(content_types=("video", "organic", "news"))
    wanted = theme_matrix(made, headline(made))
    assert wanted is not None

    assert wanted.companies[0].name in drawn(render(made), "theme-matrix")


def test_names_in_a_matrix_stay_text() -> None:
    """Markup in a theme is shown, also in its drawing."""
    page = Page(render(titled("<b>x</b>")))

    assert "b" not in {name for name, _ in page.elements}
    assert ("text", "<b>x</b>") in page.texts
