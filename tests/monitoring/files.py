"""The files under deploy/ that are read by Prometheus, Alertmanager and Grafana."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from tests.architecture.pages import ROOT

PROMETHEUS = ROOT / "deploy/prometheus"
RULES = PROMETHEUS / "rules.yml"
ALERTMANAGER = ROOT / "deploy/alertmanager/alertmanager.yml"
DASHBOARDS = sorted((ROOT / "deploy/grafana").glob("*.json"))

#: A metric of ours in an expression.
METRIC = re.compile(r"\blandscape_\w+")


def read(path: Path) -> Any:
    """A YAML file as plain values."""
    return json.loads(json.dumps(YAML(typ="safe", pure=True).load(path)))


def alerts() -> list[dict[str, Any]]:
    """All of rules.yml."""
    return [rule for group in read(RULES)["groups"] for rule in group["rules"]]


def queries(dashboard: Path) -> Iterator[str]:
    """Expressions of a dashboard's panels."""
    for panel in json.loads(dashboard.read_text())["panels"]:
        for target in panel["targets"]:
            yield target["expr"]


def promtool(*words: str | Path, given: str = "") -> "subprocess.CompletedProcess[str]":
    """What it says."""
    return subprocess.run(
        ["promtool", *words], input=given, capture_output=True, text=True, timeout=60, check=False
    )
