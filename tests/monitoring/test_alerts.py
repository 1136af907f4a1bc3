"""Alerts: each says what is wrong and what to do, names metrics that exist, and fires in a test."""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.architecture import metrics_reference
from tests.architecture.pages import ROOT
from tests.gateway.described import general, routes
from tests.monitoring.files import ALERTMANAGER, METRIC, PROMETHEUS, RULES, alerts, promtool, read

each = pytest.mark.parametrize("alert", alerts(), ids=lambda alert: alert["alert"])
#: Alerts the seed and its users ask for.
ASKED_FOR = {
    "LandscapeBreakerTripped",
    "LandscapeBreakerOpen",
    "LandscapeQueueStalled",
    "LandscapeCostBudget80",
}


@each
def test_alert_says_what_where_and_what_to_do(alert: dict[str, Any]) -> None:
    """How urgent it is, a sentence, its runbook, and where in the API to look."""
    assert alert["labels"]["severity"] in {"page", "ticket"}
    said = alert["annotations"]
    assert said["summary"].endswith(".")
    assert said["description"].endswith(".")
    assert (ROOT / said["runbook"]).is_file()
    method, path, *_ = said["look"].split()
    assert general(f"{method} {path}") in routes()


@each
def test_alert_names_metrics_that_exist(alert: dict[str, Any]) -> None:
    """Else it would be silent for ever."""
    assert set(METRIC.findall(alert["expr"])) <= metrics_reference.names()


def test_alerts_have_names_of_their_own_and_a_test_each() -> None:
    """In the order of the rules."""
    names = [alert["alert"] for alert in alerts()]
    assert len(set(names)) == len(names)
    assert [test["name"] for test in read(PROMETHEUS / "rules_test.yml")["tests"]] == names
    assert set(names) >= ASKED_FOR


def test_the_recipe_for_slack_routes_what_there_is() -> None:
    """Every severity has a receiver, and what it silences exists; the webhook's address is in no file."""
    recipe = read(ALERTMANAGER)
    text = ALERTMANAGER.read_text()
    receivers = {receiver["name"] for receiver in recipe["receivers"]}
    used = {recipe["route"]["receiver"], *(route["receiver"] for route in recipe["route"]["routes"])}
    assert used == receivers
    assert set(re.findall(r"\bLandscape\w+", text)) <= {alert["alert"] for alert in alerts()}
    assert "hooks.slack.com" not in text
    assert set(re.findall(r"\.Annotations\.(\w+)", text)) <= {"summary", "description", "runbook", "look"}


@pytest.mark.needs("promtool")
def test_rules_and_configuration_are_valid() -> None:
    """By Prometheus's own tool."""
    for words in (("check", "rules", RULES), ("check", "config", PROMETHEUS / "prometheus.yml")):
        done = promtool(*words)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.needs("promtool")
def test_every_alert_fires_when_it_should_and_not_before() -> None:
    """On series made up for it."""
    done = promtool("test", "rules", PROMETHEUS / "rules_test.yml")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.needs("promtool")
def test_an_alert_that_never_fires_would_be_found(tmp_path: Path) -> None:
    """Each alert's test fails without it: none of them looks at nothing."""
    (tmp_path / "rules_test.yml").write_text((PROMETHEUS / "rules_test.yml").read_text())
    (tmp_path / "rules.yml").write_text(RULES.read_text().replace("alert: Landscape", "alert: Other"))
    done = promtool("test", "rules", tmp_path / "rules_test.yml")
    assert done.returncode != 0
    failed = set(re.findall(r"alertname=\W+(\w+)", done.stderr + done.stdout))
    assert failed == {alert["alert"] for alert in alerts()}
