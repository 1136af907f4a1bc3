"""Runbooks: a page per alert and per heading of the seed's *Troubleshooting*, and none that nothing leads to."""

import re

from tests.architecture import pages
from tests.architecture.pages import ROOT
from tests.monitoring.files import alerts

RUNBOOKS = ROOT / "docs/runbooks"
SEED = {"Circuit Breaker Open", "High Job Queue Depth", "Pipeline Resume Issues"}


def heading(name: str) -> str:
    """Of a page."""
    return (RUNBOOKS / name).read_text().partition("\n")[0].removeprefix("# ")


def test_every_alert_and_every_heading_of_the_seed_has_its_page() -> None:
    """Named as the alert, without the product; and there is no other page."""
    expected = {alert["annotations"]["runbook"]: alert["alert"] for alert in alerts()}
    for path, alert in expected.items():
        words = re.sub(r"(?<=[a-z])(?=[A-Z0-9])", "-", alert.removeprefix("Landscape")).lower()
        assert path == f"docs/runbooks/{words}.md"
        assert heading(path.rpartition("/")[2]) == alert
    others = {page.name for page in RUNBOOKS.glob("*.md")} - {path.rpartition("/")[2] for path in expected}
    assert {heading(name) for name in others} == SEED | {"Runbooks"}


def test_every_page_says_where_to_look_and_what_to_do() -> None:
    """At three in the morning nobody reads prose."""
    for page in RUNBOOKS.glob("*.md"):
        if page.name != "README.md":
            assert re.findall(r"^## (.+)$", page.read_text(), re.MULTILINE) == ["Look", "Do"], page.name


def test_the_index_lists_every_page() -> None:
    """And what it lists is there, as of every page."""
    listed = set(pages.links(RUNBOOKS / "README.md"))
    assert {page.name for page in RUNBOOKS.glob("*.md")} - {"README.md"} <= listed
