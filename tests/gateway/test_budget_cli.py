"""`landscape budget` against a real gateway."""

import json

import pytest

from services.gateway.cli import exits
from services.gateway.cli.group import main
from shared.store.pool import Connection
from shared.testing.jobs import start_searches
from shared.testing.rows import fetch
from tests.gateway.operator import TOKEN
from tests.gateway.served import served

pytestmark = pytest.mark.anyio


async def test_a_budget_is_shown_and_set(
    postgres_url: str,
    conn: Connection,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Who set it and why is kept; a negative amount is refused before anything is asked."""
    pipeline_id = str(await start_searches(conn, 1))

    def landscape(*words: str, code: int = 0) -> str:
        with pytest.raises(SystemExit) as end:
            main(["budget", pipeline_id, *words])
        assert end.value.code == code
        return capsys.readouterr().out

    with served(postgres_url) as url:
        monkeypatch.setenv("LANDSCAPE_URL", url)
        monkeypatch.setenv("LANDSCAPE_TOKEN", TOKEN)
        assert landscape() == "no budget\n"
        assert landscape("25", "--actor", "ada", "--reason", "approved") == "0.00 of 25.00 committed\n"
        assert json.loads(landscape("--json")) == {"budget": 25.0, "committed": 0.0}
        landscape("--", "-1", code=exits.USAGE)
    (by,) = await fetch(conn, "SELECT actor || ': ' || reason FROM pipeline_actions WHERE action = 'budget'")
    assert by == "ada: approved"
