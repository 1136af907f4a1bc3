"""Prometheus and its tool, where they are installed; what needs them is left out aloud elsewhere."""

import os
import shutil
import sys

import pytest

#: Both come with Debian's package `prometheus`.
PROGRAMS = ("promtool", "prometheus")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Take out, aloud, what needs a program that is not installed."""
    absent = {name for name in PROGRAMS if shutil.which(name) is None}
    without = [item for item in items if absent & {str(m.args[0]) for m in item.iter_markers("needs")}]
    if not without:
        return
    items[:] = [item for item in items if item not in without]
    config.hook.pytest_deselected(items=without)
    if os.environ.get("PYTEST_XDIST_WORKER", "gw0") == "gw0":
        capture = config.pluginmanager.getplugin("capturemanager")
        with capture.global_and_fixture_disabled():
            missing = ", ".join(sorted(absent))
            print(
                f"\n{len(without)} monitoring tests deselected: {missing} is not installed here",
                file=sys.stderr,
            )
