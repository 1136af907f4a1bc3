"""Dry runs, questions and --yes of the command line against a real gateway."""

import io
import json
from collections.abc import Iterator
from typing import Any

import pytest

from services.gateway.cli import exits
from services.gateway.cli.group import main
from shared.domain.phases import SERP_COLLECTION
from shared.store.checkpoints import create_checkpoint
from shared.store.control import Act
from shared.store.pool import Connection
from shared.testing.pipelines import claim_all, record_all, start_pipeline
from shared.testing.rows import dump, fetch
from tests.gateway.operator import TOKEN
from tests.gateway.routes import NOBODY
from tests.gateway.served import served

pytestmark = pytest.mark.anyio

KEYWORDS = ["a", "b", "c"]


class Terminal(io.StringIO):
    """Somebody who types."""

    def isatty(self) -> bool:
        """They sit there."""
        return True


@pytest.fixture(autouse=True)
def gateway_url(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with served(postgres_url) as url:
        monkeypatch.setenv("LANDSCAPE_URL", url)
        monkeypatch.setenv("LANDSCAPE_TOKEN", TOKEN)
        monkeypatch.setattr("sys.stdin", io.StringIO())
        yield url


@pytest.fixture
async def pipeline_id(conn: Connection) -> str:
    """It has three searches."""
    body = {"keywords": KEYWORDS, "regions": ["US"], "content_types": ["organic"]}
    return str(await start_pipeline(conn, **body, config={"phases": [SERP_COLLECTION]}))


@pytest.fixture
def landscape(capsys: pytest.CaptureFixture[str]) -> Any:
    """A command; what it prints on standard output, or else on standard error."""

    def run(*words: str, code: int = 0) -> str:
        with pytest.raises(SystemExit) as end:
            main(list(words))
        told = capsys.readouterr()
        assert end.value.code == code, told.err
        return told.err if code else told.out

    return run


async def changing(conn: Connection) -> dict[str, list[str]]:
    """Everything on record, but for what the gateway notes of itself."""
    tables = await dump(conn)
    return {name: rows for name, rows in tables.items() if name not in {"heartbeats", "idempotency_keys"}}


async def test_what_a_dry_run_says_is_what_happens_and_nothing_has_happened(
    landscape: Any, conn: Connection, pipeline_id: str
) -> None:
    """Of every act on a pipeline, from its pause to its deletion; the same numbers, and not a row changed before."""
    await create_checkpoint(conn, pipeline_id, "here", Act())  # type: ignore[arg-type]  # text will do
    await conn.commit()
    steps: tuple[tuple[tuple[str, ...], str, str], ...] = (
        (("pause", pipeline_id), "with 3 items open", "paused"),
        (("unpause", pipeline_id), "with 3 items open", "running"),
        (("cancel", pipeline_id), "of its 3 open items", "cancelled"),
        (("resume", pipeline_id), "3 items are due again", "3 items are due again"),
    )
    for words, would, did in steps:
        before = await changing(conn)
        assert would in landscape(*words, "--dry-run")
        assert await changing(conn) == before
        assert did in landscape(*words, "--yes")
    claim = await claim_all(conn, pipeline_id, SERP_COLLECTION)  # type: ignore[arg-type]
    assert claim
    await record_all(conn, claim)
    await conn.commit()
    landscape("pause", pipeline_id)
    again: tuple[tuple[str, ...], ...] = (
        ("rewind", pipeline_id, "here"),
        ("restart-phase", pipeline_id, SERP_COLLECTION, "--rebuy"),
        ("delete", pipeline_id),
    )
    for words in again:
        if words[0] != "rewind":
            landscape("cancel", pipeline_id, "--yes")
        before = await changing(conn)
        foreseen = json.loads(landscape(*words, "--dry-run", "--json"))
        assert await changing(conn) == before
        done = json.loads(landscape(*words, "--yes", "--json"))
        assert foreseen == done | {"dry_run": True}


@pytest.mark.parametrize(
    "words",
    [
        ("cancel", "PIPELINE"),
        ("retry-failed", "PIPELINE"),
        ("in-doubt", "PIPELINE", "--decide", "charged"),
        ("dead-letters", "replay", "--all"),
        ("dead-letters", "discard", "--all", "--reason", "x"),
        ("breakers", "reset", "serp"),
        ("breakers", "close", "serp", "--reason", "x"),
    ],
    ids=" ".join,
)
async def test_where_nobody_can_be_asked_what_is_dangerous_wants_to_be_told_yes(
    landscape: Any, conn: Connection, pipeline_id: str, words: tuple[str, ...]
) -> None:
    """Exit code 2, what it is about to do, and what to say; nothing is done."""
    words = tuple(pipeline_id if word == "PIPELINE" else word for word in words)
    before = await changing(conn)
    said = landscape(*words, code=exits.USAGE)
    assert said.startswith("error: about to ")
    assert "--yes" in said
    assert landscape(*words, "--dry-run").startswith("would ")
    assert await changing(conn) == before
    landscape(*words, "--yes")


async def test_keys_and_receivers_go_only_when_it_is_meant(landscape: Any, capsys: Any) -> None:
    """The question names them; of an unknown one there is none."""
    landscape("keys", "create", "ci")
    landscape("webhooks", "create", "https://hooks.example/x")
    for listed, act in ((("keys",), ("keys", "revoke")), (("webhooks",), ("webhooks", "delete"))):
        one = landscape(*listed, "-o", "ids").strip()
        assert one in landscape(*act, one, code=exits.USAGE)
        assert one in landscape(*act, one, "--dry-run")
        landscape(*act, NOBODY, "--dry-run", code=exits.NOT_FOUND)
        landscape(*act, one, "--yes")
    assert "revoked" in landscape("keys")
    assert landscape("webhooks", "-o", "ids") == ""


async def test_at_a_terminal_the_number_is_said_and_the_answer_counts(
    landscape: Any, conn: Connection, pipeline_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No leaves it alone; yes does it."""
    state = "SELECT state FROM pipelines WHERE pipeline_id = %s::uuid"
    for typed, after in (("n\n", "running"), ("y\n", "cancelled")):
        monkeypatch.setattr("sys.stdin", Terminal(typed))
        landscape("cancel", pipeline_id)
        assert await fetch(conn, state, pipeline_id) == [after]


async def test_what_is_refused_is_refused_on_a_dry_run_too(
    landscape: Any, conn: Connection, pipeline_id: str
) -> None:
    """With the same exit code; a clone's and a start's dry run is their plan."""
    assert "is running" in landscape("rewind", pipeline_id, "start", "--dry-run", code=exits.CONFLICT)
    assert "is running" in landscape("delete", pipeline_id, "--dry-run", code=exits.CONFLICT)
    landscape("queues", "pause", "bakery", "--reason", "x", "--dry-run", code=exits.NOT_FOUND)
    landscape("start", "lamp", "--region", "US", "--dry-run")
    assert "serp_collection" in landscape("clone", pipeline_id, "--dry-run")
    assert await fetch(conn, "SELECT count(*)::int FROM pipelines") == [1]


async def test_what_can_be_taken_back_is_not_asked_about(landscape: Any, pipeline_id: str) -> None:
    """Also where nobody sits."""
    assert "now running" in landscape("queues", "pause", "serp", "--reason", "x", "--dry-run")
    assert landscape("queues", "pause", "serp", "--reason", "x") == "serp is paused\n"
    assert "hold the breaker open" in landscape("breakers", "open", "serp", "--reason", "x", "--dry-run")
    assert "now: no budget" in landscape("budget", pipeline_id, "5", "--dry-run")
    assert landscape("budget", pipeline_id, "5") == "0.00 of 5.00 committed\n"
    assert "write down here" in landscape("checkpoint", pipeline_id, "--name", "here", "--dry-run")
    landscape("checkpoint", pipeline_id, "--name", "here")
    landscape("checkpoint", pipeline_id, "--name", "here", "--dry-run", code=exits.CONFLICT)
    assert landscape("checkpoint", pipeline_id, "-o", "ids").split()[0] == "here"
