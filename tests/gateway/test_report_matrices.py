"""The page's matrices: each company's share of landscapes, themes and SERP features, field by field as in the report."""

import re
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
from shared.domain.report_insights import Feature, FeatureOwner, ThemeShare
from shared.domain.report_rows import ReportRows
from shared.domain.report_schema import Company, Report
from shared.domain.start import Landscape
from tests.gateway.storage_market import KEYWORDS, Page, build, config, market, report, rows, titled


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
    """More than fit are cut by clicks and counted, as are those of whom only these are; the rest stays in order."""
    known = next(row for row in made.theme_shares if row.axis == "persona")
    theme = next(row for row in made.themes if row.axis == "persona" and row.region is None)
    count = LINES + 5
    many = msgspec.structs.replace(
        made,
        themes=tuple(
            msgspec.structs.replace(theme, theme=f"T{n:02d}", expected_clicks=float(n)) for n in range(count)
        ),
        theme_shares=(
            *(msgspec.structs.replace(known, theme=f"T{n:02d}") for n in range(count)),
            msgspec.structs.replace(known, theme="T00", company="t00.example", role="other"),
        ),
    )
    plot = theme_matrix(many, headline(made))
    assert plot is not None

    assert [line.name for line in plot.lines] == [f"T{n:02d}" for n in range(5, count)]
    assert plot.lines_left_out == 5
    assert plot.companies_left_out == 1
    assert "t00.example" not in {row.company for row in plot.companies}
    text = render(many)
    assert "5 more of the themes left out here." in text
    assert "1 more company left out here." in text


def test_the_largest_landscapes_are_drawn() -> None:
    """More than fit are cut by the clicks of their markets and counted, not by where they stand."""
    whole = tuple(Landscape(f"L{n:02d}", KEYWORDS) for n in range(1, LINES + 1))
    many = report(landscapes=(Landscape("Small", KEYWORDS[:1]), *whole))
    plot = landscape_matrix(many, headline(many), "organic")
    assert plot is not None

    assert [line.name for line in plot.lines] == [row.name for row in whole]
    assert plot.lines_left_out == 1
    assert "1 more landscape left out here." in Page(render(many)).text


def test_an_owner_that_ranks_nowhere_has_its_column(made: Report) -> None:
    """Whom a feature leads to need not be among the web results: the largest owner is drawn, the others are counted."""
    known = next(row for row in made.feature_owners if row.region is None and row.role == "other")
    absent = [
        msgspec.structs.replace(
            known, feature="ads", company=f"{name}.example", name=name.title(), ownership=owned
        )
        for name, owned in (("most", 0.99), ("least", 1e-9))
    ]
    planted = msgspec.structs.replace(made, feature_owners=(*made.feature_owners, *absent))
    before, plot = (feature_matrix(one, headline(one)) for one in (made, planted))
    assert before is not None
    assert plot is not None
    listed = {row.company for row in planted.feature_owners if row.region is None and row.ownership}

    assert [row.role for row in plot.companies[:3]] == ["client", "competitor", "competitor"]
    assert plot.companies[3].company == "most.example"
    assert shares(plot)["", "ads", "most.example"] == 0.99
    assert "least.example" not in {row.company for row in plot.companies}
    assert plot.companies_left_out == len(listed | {row.company for row in plot.companies}) - COLUMNS
    assert plot.companies_left_out == before.companies_left_out + 2
    assert "Most" in drawn(render(planted), "feature-matrix")


def test_columns_go_to_those_with_the_largest_shares(made: Report) -> None:
    """Of what is drawn, not of the whole market."""
    for plot, known in (
        (
            feature_matrix(made, headline(made)),
            [(r, r.ownership or 0) for r in made.feature_owners if r.region is None],
        ),
        (
            theme_matrix(made, headline(made)),
            [(r, r.share) for r in made.theme_shares if r.axis != "sentiment"],
        ),
    ):
        assert plot is not None
        best: dict[str, float] = {}
        for row, share in known:
            if row.role not in {"client", "competitor"}:
                best[row.company] = max(share, best.get(row.company, 0.0))
        strongest = sorted(best, key=lambda company: (-best[company], company))

        assert [row.company for row in plot.companies[3:]] == strongest[: COLUMNS - 3]


def test_names_keep_to_their_room(made: Report) -> None:
    """A name that is only a little too long is cut, too: what runs over the edge of a drawing cannot be seen."""
    long = "Abcdefghijklmnopqrstuvwxyz, Ltd and Sons"
    named = msgspec.structs.replace(
        made,
        theme_shares=tuple(
            msgspec.structs.replace(row, name=long[: 17 + n % 6], theme=long[: 28 + n % 6])
            for n, row in enumerate(made.theme_shares)
        ),
    )
    text = render(named)
    svg = text.partition('aria-labelledby="theme-matrix-name"')[2].partition("</svg>")[0]
    heads = re.findall(r'<text class="head[^>]*>([^<]*)<', svg)
    labels = [label for label in re.findall(r'text-anchor="end">([^<]*)<', svg) if label.startswith("Abc")]

    assert max(map(len, heads)) == 17
    assert max(map(len, labels)) == 28
    assert {label[-1] for label in (*heads, *labels)} >= {"…"}


def test_given_names_are_not_reworded() -> None:
    """What people named stays as it is; names of ours, of features and kinds, are made readable."""
    given = report(landscapes=(Landscape("HR_cloud", KEYWORDS[:4]), Landscape("Rest", KEYWORDS[4:])))
    named = msgspec.structs.replace(
        given,
        theme_shares=tuple(
            msgspec.structs.replace(row, axis="journey_phase", theme="Plant_manager")
            for row in given.theme_shares
            if row.axis == "persona"
        ),
        feature_owners=(FeatureOwner(None, "people_also_ask", "a.example", "A_b", "other", 1, 0.5),),
        features=(Feature(None, "people_also_ask", 1, 1, 1.0, 1.0, None),),
    )
    text = render(named)

    assert "HR_cloud" in drawn(text, "landscape-matrix")
    assert {"journey phase", "Plant_manager"} <= set(drawn(text, "theme-matrix"))
    assert {"people also ask", "A_b"} <= set(drawn(text, "feature-matrix"))
    assert {"HR_cloud", "Plant_manager", "people also ask"} <= set(Page(text).cells)
    assert "HR cloud" not in Page(text).text


@pytest.mark.parametrize(("themes", "owners"), [((), ()), ("sentiment", "unknown")])
def test_nothing_is_drawn_of_nothing(
    made: Report, themes: tuple[ThemeShare, ...] | str, owners: tuple[FeatureOwner, ...] | str
) -> None:
    """Nothing was analysed or recorded, nothing of it says what content is about, or one landscape is all there is."""
    if isinstance(themes, str):
        themes = tuple(row for row in made.theme_shares if row.axis == themes)
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
