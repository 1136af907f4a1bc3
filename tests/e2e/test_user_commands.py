"""start, watch, report and audit, as a user types them."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.gateway.cli import exits
from services.gateway.standalone.machine import SimulatorOptions, Standalone

SECONDS = 60.0
#: The commands are the same whichever services run.
FEW = ("serp", "keywords")


def landscape(*arguments: str) -> subprocess.CompletedProcess[str]:
    """One command."""
    return subprocess.run(
        [sys.executable, "-m", "services.gateway.cli", *arguments],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where a system runs."""
    folder = tmp_path_factory.mktemp("system")
    with Standalone(folder, simulator=SimulatorOptions(1, 0.0, 0.0), services=FEW):
        yield folder


def test_from_a_keyword_file_to_a_page(data_dir: Path, tmp_path: Path) -> None:
    """A CSV is started and followed to its end; report and audit take the newest pipeline by themselves."""
    keywords = tmp_path / "keywords.csv"
    keywords.write_text("keyword,group,brand\ncard reader,hardware,no\nstraße,,\n")
    started = landscape(
        "start", "--data-dir", str(data_dir), "--file", str(keywords), "--region", "US", "--company",
        "Northwind=northwind.com", "--watch", "--json",
    )  # fmt: skip
    page = tmp_path / "report.html"
    report = landscape("report", "--data-dir", str(data_dir), "-o", str(page))
    audit = landscape("audit", "--data-dir", str(data_dir))
    progress = landscape("watch", "--data-dir", str(data_dir), "--json")

    assert started.returncode == 0, started.stderr
    pipeline_id = json.loads(started.stdout)["pipeline_id"]
    assert report.returncode == 0, report.stderr
    assert "Northwind" in page.read_text()
    assert audit.returncode == 0, audit.stdout
    assert pipeline_id in audit.stdout
    assert json.loads(progress.stdout)["state"] in {"completed", "completed_with_gaps"}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"keyword,brand\ngood,no\nbad,perhaps\n", "/line 3"),
        (b"keyword,colour\ngood,red\n", "'colour'"),
        (b"keyword\ngood\ncaf\xe9\n", "not UTF-8"),
        (b"good\n" + b"x" * 500, "/keywords/1"),
        (b"", "/keywords"),
    ],
    ids=["bad cell", "unknown column", "latin-1", "too long", "empty"],
)
def test_a_broken_file_starts_nothing(data_dir: Path, tmp_path: Path, content: bytes, says: str) -> None:
    """Exit code 2 and the line or field that is wrong."""
    keywords = tmp_path / "keywords.csv"
    keywords.write_bytes(content)
    before = landscape("watch", "--data-dir", str(data_dir), "--json").stdout
    done = landscape("start", "--data-dir", str(data_dir), "--file", str(keywords), "--region", "US")

    assert done.returncode == exits.USAGE
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert landscape("watch", "--data-dir", str(data_dir), "--json").stdout == before


def test_an_unknown_pipeline_is_said_to_be_unknown(data_dir: Path) -> None:
    """Whatever was typed for its id."""
    for typed in ("nonsense", "01a20000-0000-7000-8000-000000000000"):
        assert landscape("report", typed, "--data-dir", str(data_dir)).returncode == exits.NOT_FOUND


def test_report_and_audit_need_nothing_running(tmp_path: Path) -> None:
    """They start Postgres for as long as they take."""
    folder = tmp_path / "data"
    with Standalone(folder, simulator=SimulatorOptions(1, 0.0, 0.0), services=FEW):
        assert (
            landscape("start", "payment", "--region", "DE", "--data-dir", str(folder), "--watch").returncode
            == 0
        )
    report = landscape("report", "--data-dir", str(folder))
    audit = landscape("audit", "--data-dir", str(folder), "--json")

    assert json.loads(report.stdout)["meta"]["final"]
    assert json.loads(audit.stdout)["passed"]


def test_nothing_runs_and_nothing_is_there(tmp_path: Path) -> None:
    """The error says what to do."""
    done = landscape("start", "payment", "--region", "DE", "--data-dir", str(tmp_path))

    assert done.returncode == exits.USAGE
    assert "landscape up" in done.stderr


def test_the_demo_deletes_no_data_but_its_own(tmp_path: Path) -> None:
    """What lies in its place may be somebody's work."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "thesis.txt").write_text("years of work")
    done = landscape("demo", "--output", str(tmp_path))

    assert done.returncode == exits.USAGE
    assert (tmp_path / "data" / "thesis.txt").exists()


def test_operators_read_and_act_by_commands(data_dir: Path) -> None:
    """Every list as a table, as JSON and as ids; what cannot be undone asks first; a plan costs nothing."""
    at = ("--data-dir", str(data_dir))
    planned = landscape("plan", "desk lamp", "--region", "US", "--json", *at)
    assert planned.returncode == 0, planned.stderr
    assert json.loads(planned.stdout)["phases"][1]["calls"]["low"] == 3
    started = landscape("start", "desk lamp", "--region", "US", "--watch", *at)
    assert started.returncode == 0, started.stderr
    pipeline_id = started.stdout.strip()

    assert landscape("list", "-o", "ids", "--limit", "1", *at).stdout.strip() == pipeline_id
    assert "pipeline id" in landscape("list", *at).stdout
    failed = json.loads(landscape("items", pipeline_id, "--state", "failed", "--json", *at).stdout)
    assert {item["state"] for item in failed["items"]} <= {"failed"}
    item = landscape("items", pipeline_id, "-o", "ids", "--limit", "1", *at).stdout.strip()
    assert json.loads(landscape("items", pipeline_id, item, *at).stdout)["item"]["state"] == "completed"
    workers = landscape("workers", "--services", "--json", *at)
    replicas = {service["service"]: service["replicas"] for service in json.loads(workers.stdout)["items"]}
    assert (replicas["serp"], max(replicas.values())) == (1, 1)
    assert "serp" in landscape("providers", "-o", "ids", *at).stdout.split()
    clone = landscape("clone", pipeline_id, *at)
    assert clone.returncode == 0, clone.stderr
    assert landscape("watch", clone.stdout.strip(), *at).returncode == 0

    asked = landscape("delete", pipeline_id, *at)
    assert (asked.returncode, "--yes" in asked.stderr) == (exits.USAGE, True)
    assert landscape("delete", pipeline_id, "--dry-run", *at).returncode == 0
    again = landscape("restart-phase", pipeline_id, "serp_collection", "--yes", *at)
    assert again.returncode == 0, again.stderr
    landscape("watch", pipeline_id, *at)
    assert landscape("delete", pipeline_id, "--yes", *at).returncode == 0
    assert landscape("items", pipeline_id, *at).returncode == exits.NOT_FOUND


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_are_told_how_to_complete(shell: str) -> None:
    """By click's own code."""
    told = landscape("completion", shell)
    assert told.returncode == 0
    assert "_LANDSCAPE_COMPLETE" in told.stdout
