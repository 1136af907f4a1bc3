"""Metrics: one file declares them all, by the rules of Prometheus, and the page about them says the same."""

import re

import pytest

from shared import VERSION, metrics
from shared.metrics import Family
from tests.architecture import metrics_reference
from tests.architecture.metrics_reference import LABELS, Declared, declared
from tests.architecture.pages import ROOT

each = pytest.mark.parametrize("metric", list(declared()), ids=lambda metric: metric.name)


def test_generated_page_is_up_to_date() -> None:
    """Made anew by `python -m tests.architecture.metrics_reference`."""
    assert metrics_reference.REFERENCE.read_text() == metrics_reference.reference()


def test_page_is_made_from_all_there_are() -> None:
    """It is read from the source text; what the module really holds must be the same."""
    held = [
        value for value in vars(metrics).values() if isinstance(value, Family) or hasattr(value, "describe")
    ]
    names = {m.name for m in held if isinstance(m, Family)}
    for metric in held:
        if not isinstance(metric, Family | type):
            names |= {family.name for family in metric.describe()}
    requests = {"landscape_http_requests", "landscape_http_request_duration_seconds"}
    assert {metric.name.removesuffix("_total") for metric in declared()} == names | requests


@each
def test_name_follows_the_rules(metric: Declared) -> None:
    """Prefix, base unit, and _total for counters only."""
    assert re.fullmatch(r"landscape_[a-z_]+", metric.name)
    assert metric.name.endswith("_total") == (metric.kind == "counter")
    assert not re.search(r"_(ms|milliseconds|minutes|hours|percent|kb|mb)(_|$)", metric.name)


@each
def test_labels_are_bounded(metric: Declared) -> None:
    """Each is one whose values are listed; an id is never one."""
    assert set(metric.labels) <= LABELS.keys()


def test_every_label_is_used() -> None:
    """The list describes what there is."""
    assert {label for metric in declared() for label in metric.labels} == LABELS.keys()


def test_no_other_module_declares_a_metric() -> None:
    """Else somebody would look for it in vain."""
    spread = {
        str(path.relative_to(ROOT))
        for folder in ("shared", "services")
        for path in (ROOT / folder).rglob("*.py")
        if re.search(r"\b(Counter|Gauge|Histogram|Summary)\(\s*\"", path.read_text())
    }
    assert spread == {"shared/metrics.py"}


def test_version_is_that_of_the_packages() -> None:
    """They are released together."""
    files = [
        ROOT / "pyproject.toml",
        *ROOT.glob("s*/pyproject.toml"),
        *ROOT.glob("services/*/pyproject.toml"),
    ]
    told = {re.findall(r'^version = "(.+)"$', file.read_text(), re.MULTILINE)[0] for file in files}
    assert told == {VERSION}
