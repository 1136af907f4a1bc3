"""The pictures of docs/lifecycle.md are what the record allows."""

import re

import pytest

from shared.domain.item import SET_BACK, TRANSITIONS
from tests.architecture import pages
from tests.architecture.pages import ROOT

SCHEMA = "".join(path.read_text() for path in sorted(ROOT.glob("shared/store/migrations/*.sql")))
TABLES = {
    "Item": "pipeline_state",
    "Job": "job_queue",
    "Call": "provider_calls",
    "Pipeline": "pipelines",
    "Operation": "operations",
}
ENDS = "[*]"


def _picture(heading: str) -> set[tuple[str, str]]:
    text = (ROOT / "docs/lifecycle.md").read_text().partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return set(re.findall(r"^    (\S+) --> ([^:\s]+)", text, re.MULTILINE))


def _checked(table: str) -> list[str]:
    columns = SCHEMA.partition(f"CREATE TABLE {table} (")[2].partition("\n)")[0]
    states = re.search(r"^ +state +text.*?CHECK \(state IN \(([^)]*)\)", columns, re.MULTILINE | re.DOTALL)
    assert states is not None
    widened = re.findall(rf"ADD CONSTRAINT {table}_state_check CHECK \(state IN \(([^)]*)\)", SCHEMA)
    return re.findall(r"'(\w+)'", [states[1], *widened][-1])


@pytest.mark.parametrize(("heading", "table"), TABLES.items())
def test_states_are_those_of_the_check_constraint(heading: str, table: str) -> None:
    """None is missing and none is invented."""
    drawn = {state for step in _picture(heading) for state in step} - {ENDS}
    assert sorted(drawn) == sorted(_checked(table))


@pytest.mark.parametrize("heading", TABLES)
def test_every_state_is_reached_from_the_start(heading: str) -> None:
    """A picture with an island would explain nothing."""
    steps = _picture(heading)
    reached = {ENDS}
    while more := {after for before, after in steps if before in reached} - reached:
        reached |= more
    assert reached == {state for step in steps for state in step}


def test_ways_of_an_item_are_its_transitions() -> None:
    """The first state and the ends are drawn beside them."""
    ways = {(before, after) for before, after in _picture("Item") if ENDS not in {before, after}}
    assert ways == {(str(before), str(after)) for before, after in TRANSITIONS | SET_BACK}


def test_every_picture_is_of_one_kind() -> None:
    """One block per table, read by the tests above."""
    drawn = pages.blocks(ROOT / "docs/lifecycle.md", "mermaid")
    assert [block.partition("\n")[0] for block in drawn] == ["stateDiagram-v2"] * len(TABLES)
