"""Dashboards: they parse, look at metrics that exist, by labels these have, and show each of them somewhere."""

import json
import re
from pathlib import Path

import pytest

from tests.architecture.metrics_reference import Declared, declared, names
from tests.monitoring.files import DASHBOARDS, METRIC, alerts, queries

each = pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda path: path.stem)

BY_NAME: dict[str, Declared] = {
    f"{metric.name}{part}": metric for metric in declared() for part in ("", "_bucket", "_sum", "_count")
}
#: Added by Prometheus.
ADDED = {"le", "job", "instance"}


@each
def test_every_query_names_existing_metrics(dashboard: Path) -> None:
    """Ours as they are exposed, or those every process has."""
    for query in queries(dashboard):
        assert set(METRIC.findall(query)) <= names(), query
        assert METRIC.search(query) or "process_" in query


@each
def test_every_query_uses_labels_the_metric_has(dashboard: Path) -> None:
    """A misspelt one would show an empty panel."""
    for query in queries(dashboard):
        used = set(re.findall(r"\bby \(([^)]*)\)", query))
        used = {label.strip() for group in used for label in group.split(",")}
        used |= {
            label for body in re.findall(r"{([^}]*)}", query) for label in re.findall(r"(\w+)\s*[=!]", body)
        }
        known = {label for name in METRIC.findall(query) for label in BY_NAME[name].labels} | ADDED
        assert used <= known, query


@each
def test_dashboard_can_be_imported(dashboard: Path) -> None:
    """The data source is chosen there; every panel has a place and a name of its own."""
    model = json.loads(dashboard.read_text())
    assert {panel["datasource"]["uid"] for panel in model["panels"]} == {"${datasource}"}
    assert [variable["name"] for variable in model["templating"]["list"]] == ["datasource"]
    for key in ("id", "title"):
        values = [panel[key] for panel in model["panels"]]
        assert len(set(values)) == len(values)
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in model["panels"]]
    assert len(set(places)) == len(places)


def test_every_metric_is_shown_or_watched() -> None:
    """By a panel or an alert; but what only says which version runs, or whether the rest is there."""
    looked_at = {name for path in DASHBOARDS for query in queries(path) for name in METRIC.findall(query)}
    looked_at |= {name for alert in alerts() for name in METRIC.findall(alert["expr"])}
    unseen = {metric.name for metric in declared()} - {BY_NAME[name].name for name in looked_at}
    assert unseen == {"landscape_build_info"}
