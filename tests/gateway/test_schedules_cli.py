"""`landscape templates` and `landscape schedules` against a real gateway."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.gateway.cli import exits
from shared.store.pool import Connection
from tests.gateway.operator import TOKEN
from tests.gateway.routes import NOBODY
from tests.gateway.served import served
from tests.gateway.test_access_cli import landscape
from tests.gateway.test_plan import profile
from tests.gateway.test_templates import START

pytestmark = pytest.mark.anyio

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def gateway_url(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with served(postgres_url) as url:
        monkeypatch.setenv("LANDSCAPE_URL", url)
        monkeypatch.setenv("LANDSCAPE_TOKEN", TOKEN)
        yield url


def saved(tmp_path: Path, capsys: Capture, name: str = "Shoes", **fields: object) -> dict[str, object]:
    file = tmp_path / "start.json"
    file.write_text(json.dumps(START | fields))
    return dict(json.loads(landscape(capsys, "templates", "save", name, "--file", str(file), "--json")))


def test_a_template_is_saved_shown_started_and_deleted(tmp_path: Path, capsys: Capture) -> None:
    """By name in whatever case; what is shown can be saved again; a pipeline becomes one, too."""
    assert landscape(capsys, "templates") == ""
    template_id = saved(tmp_path, capsys)["template_id"]
    (head, line) = landscape(capsys, "templates").splitlines()
    assert head.split() == ["template", "id", "name", "keywords", "regions", "schedules", "version"]
    assert line.split() == [template_id, "Shoes", "23", "GB,DE", "0", "1"]
    assert "serp_collection" in landscape(capsys, "templates", "start", "shoes", "--dry-run")
    assert json.loads(landscape(capsys, "templates", "show", "shoes")) == START
    pipeline_id = landscape(capsys, "templates", "start", "shoes").strip()
    tried = json.loads(landscape(capsys, "templates", "try", str(template_id), "--json"))
    assert tried["items"] == 20
    assert "23 keywords" in landscape(capsys, "templates", "save", "again", "--pipeline", pipeline_id)
    landscape(capsys, "templates", "save", "SHOES", "--pipeline", pipeline_id, code=exits.CONFLICT)
    file = tmp_path / "start.json"
    file.write_text(json.dumps(START | {"regions": ["US"]}))
    instead = ("templates", "save", "shoes", "--file", str(file), "--replace")
    landscape(capsys, *instead, code=exits.USAGE)  # nobody is there to be asked
    replaced = landscape(capsys, *instead, "--yes")
    assert "23 keywords; US; version 2" in replaced
    assert "deleted" in landscape(capsys, "templates", "delete", "shoes", "--yes", "--reason", "old")


def test_what_is_wrong_with_a_template_is_said(tmp_path: Path, capsys: Capture) -> None:
    """With the exit code of what it is; nothing is kept."""
    file = tmp_path / "start.json"
    for content, options in (("{", ["--file", str(file)]), ("{}", ["--file", str(file)]), ("", [])):
        file.write_text(content)
        landscape(capsys, "templates", "save", "x", *options, code=exits.USAGE)
    landscape(capsys, "templates", "show", "x", code=exits.NOT_FOUND)
    landscape(capsys, "templates", "start", NOBODY, code=exits.NOT_FOUND)
    assert landscape(capsys, "templates") == ""


def test_a_schedule_is_created_edited_paused_run_and_deleted(tmp_path: Path, capsys: Capture) -> None:
    """Every answer is in words; run now says which pipeline it is, and a second one is refused by the policy."""
    saved(tmp_path, capsys)
    assert landscape(capsys, "schedules") == ""
    foreseen = landscape(capsys, "schedules", "create", "shoes", "0 6 * * 1", "--dry-run")
    assert foreseen.startswith("would start shoes by this: At 06:00 on Monday")
    assert landscape(capsys, "schedules") == ""
    made = landscape(capsys, "schedules", "create", "shoes", "0 6 * * 1", "--time-zone", "Europe/Berlin")
    assert "Shoes  At 06:00 on Monday, Europe/Berlin, skip; next Monday, " in made
    assert len(made.splitlines()) == 6
    edited = landscape(capsys, "schedules", "edit", "shoes", "--cron", "30 7 * * *", "--name", "daily")
    assert "daily (Shoes)  At 07:30 every day" in edited
    assert len(landscape(capsys, "schedules", "next", "daily").splitlines()) == 6
    assert landscape(capsys, "schedules", "next", "*/5 * * * *").startswith("Every fifth minute")
    assert landscape(capsys, "schedules", "fires", "daily") == ""
    pipeline_id = landscape(capsys, "schedules", "run-now", "daily", "--actor", "ann").strip()
    fires = landscape(capsys, "schedules", "fires", "daily")
    assert ["run", "now", "started", "ann", pipeline_id] == fires.splitlines()[1].split()[-5:]
    for dry in ([], ["--dry-run"]):
        landscape(capsys, "schedules", "run-now", "daily", *dry, code=exits.CONFLICT)
    again = ("schedules", "run-now", "daily", "--dry-run")
    landscape(capsys, "schedules", "edit", "daily", "--overlap", "cancel_previous")
    assert landscape(capsys, *again).startswith(f"would cancel {pipeline_id}, and start this")
    landscape(capsys, *again[:-1], code=exits.USAGE)  # nobody is there to be asked
    landscape(capsys, *again[:-1], "--yes")
    assert "holidays" in landscape(capsys, "schedules", "pause", "daily", "--reason", "holidays")
    assert "paused by" in landscape(capsys, "schedules")
    assert "next " in landscape(capsys, "schedules", "unpause", "daily")
    landscape(capsys, "schedules", "create", "shoes", "0 6 * *", code=exits.USAGE)
    landscape(capsys, "schedules", "edit", "daily", code=exits.USAGE)
    for how in ("--yes", "--dry-run"):
        landscape(capsys, "templates", "delete", "shoes", how, code=exits.CONFLICT)
    assert "daily" in landscape(capsys, "schedules", "delete", "daily", "--dry-run")
    landscape(capsys, "schedules", "delete", "daily", code=exits.USAGE)
    assert "deleted" in landscape(capsys, "schedules", "delete", "daily", "--yes")


async def test_a_dry_run_is_true(tmp_path: Path, capsys: Capture, conn: Connection) -> None:
    """A try-out is planned with its ten keywords; what is over its budget ends as `start --dry-run` does."""
    saved(tmp_path, capsys)
    landscape(capsys, "schedules", "create", "shoes", "0 0 1 1 *")
    pipeline_id = landscape(capsys, "templates", "start", "shoes").strip()
    tried, whole = (
        json.loads(landscape(capsys, "templates", verb, "shoes", "--dry-run", "--json"))
        for verb in ("try", "start")
    )
    assert [plan["phases"][0]["items"]["expected"] for plan in (tried, whole)] == [20, 46]
    await profile(conn, "serp", "scale_serp", 0.5)
    saved(tmp_path, capsys, "Dear", config={"budget": 1})
    landscape(capsys, "schedules", "create", "dear", "0 0 1 1 *")
    cheap = tmp_path / "cheap.json"
    cheap.write_text(json.dumps({"config": {"budget": 1}}))
    for words in (
        ("templates", "start", "dear"),
        ("schedules", "run-now", "dear"),
        ("clone", pipeline_id, "--with", str(cheap)),
    ):
        assert "over the budget of 1" in landscape(capsys, *words, "--dry-run", code=exits.ERROR)
    landscape(capsys, "schedules", "run-now", "shoes", "--dry-run")


def test_a_name_that_several_have_is_no_name(tmp_path: Path, capsys: Capture) -> None:
    """Schedules may share one: an id tells them apart."""
    saved(tmp_path, capsys)
    for _ in range(2):
        landscape(capsys, "schedules", "create", "shoes", "0 6 * * 1", "--overlap", "allow")
    landscape(capsys, "schedules", "next", "shoes", code=exits.CONFLICT)
    first = json.loads(landscape(capsys, "schedules", "--json"))["items"][0]["schedule_id"]
    assert "At 06:00 on Monday" in landscape(capsys, "schedules", "next", first)
