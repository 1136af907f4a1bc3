"""States: the code's, the schema's and what the statements really do are the same machine."""

import itertools
import re
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from shared.domain.item import OPEN, TRANSITIONS, ItemState, WaitReason
from shared.domain.report import ENDED
from shared.store import queries
from shared.store.outcomes import Ending
from shared.store.rows import rows

PIPELINE = "00000000-0000-7000-8000-000000000001"
JOB = 1

#: Nothing gives an item up before it was tried, yet.
UNUSED = {(ItemState.PENDING, ItemState.SKIPPED)}


@pytest.fixture
def connection(postgres_url: str) -> Iterator[psycopg.Connection]:
    """A session in this test's database; autocommit, as the store's."""
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        yield connection


def constraints(connection: psycopg.Connection, table: str) -> dict[str, set[str]]:
    """Column -> the values its CHECK allows."""
    found = connection.execute(
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = %s::regclass AND contype = 'c'",
        (table,),
    ).fetchall()
    allowed = {}
    for (definition,) in found:
        if match := re.fullmatch(r"CHECK \(\((\w+) = ANY \(ARRAY\[(.*)\]\)\)\)", str(definition)):
            allowed[match[1]] = set(re.findall(r"'(\w+)'::text", match[2]))
    return allowed


def test_item_states_of_the_schema_are_those_of_the_code(connection: psycopg.Connection) -> None:
    """A state the code does not know could be written by nobody and read by nobody."""
    assert constraints(connection, "pipeline_state")["state"] == {state.value for state in ItemState}


@pytest.mark.parametrize(
    ("table", "column", "aggregates"),
    [
        ("job_queue", "state", ("jobs", "health")),
        ("provider_calls", "state", ("calls", "outcomes", "jobs", "audit", "health")),
        ("pipelines", "state", ("control", "counters", "jobs", "pipelines", "health")),
    ],
)
def test_states_in_statements_are_states_of_the_schema(
    connection: psycopg.Connection, table: str, column: str, aggregates: tuple[str, ...]
) -> None:
    """A misspelt state in a WHERE would never match, and nothing would say so."""
    known = set.union(
        *(
            constraints(connection, t).get(column, set())
            for t in ("pipelines", "pipeline_state", "job_queue", "provider_calls")
        )
    )
    sql = "\n".join(text for aggregate in aggregates for text in queries.load(aggregate).values())
    written = {
        word
        for clause in re.findall(r"\bstate\s*(?:=|<>|IN)\s*(\([^)]*\)|'\w+')", sql)
        for word in re.findall(r"'(\w+)'", clause)
    }

    assert constraints(connection, table)[column]
    assert written
    assert written <= known


def test_every_wait_reason_of_the_schema_may_be_written(connection: psycopg.Connection) -> None:
    """The column has no list; the code's reasons all fit with a moment and only with one."""
    for reason in WaitReason:
        place(connection, ItemState.PENDING, wait_reason=reason.value)
    with pytest.raises(psycopg.errors.CheckViolation):
        place(connection, ItemState.PENDING, wait_reason=None, waits=True)
    with pytest.raises(psycopg.errors.CheckViolation):
        place(connection, ItemState.COMPLETED, wait_reason="retry")


def test_processing_needs_a_job(connection: psycopg.Connection) -> None:
    """An item in work that belongs to nobody could never come back."""
    with pytest.raises(psycopg.errors.CheckViolation):
        place(connection, ItemState.PROCESSING, job_id=None)


def place(
    connection: psycopg.Connection,
    state: ItemState,
    *,
    wait_reason: str | None = None,
    waits: bool | None = None,
    job_id: int | None = JOB,
) -> None:
    """One item in this state, in a job that is being processed under an expired lease, and nothing else."""
    for table in (
        "pipelines",
        "items",
        "pipeline_state",
        "ready",
        "waiting",
        "failed_items",
        "job_queue",
        "counters",
    ):
        connection.execute(f"TRUNCATE {table} RESTART IDENTITY".encode())
    connection.execute(
        "INSERT INTO pipelines (pipeline_id, config, config_hash) VALUES (%s, '{}', '')", (PIPELINE,)
    )
    connection.execute(
        "INSERT INTO items (pipeline_id, phase, key, input) VALUES (%s, 'p', 'k', '{}')", (PIPELINE,)
    )
    connection.execute(
        """INSERT INTO job_queue (pipeline_id, queue_name, job_type, item_ids, state, lease_until)
        VALUES (%s, 'q', 'p', '{1}', 'processing', now() - interval '1 second')""",
        (PIPELINE,),
    )
    later = wait_reason is not None if waits is None else waits
    connection.execute(
        """INSERT INTO pipeline_state (pipeline_id, item_id, state, job_id, next_at, wait_reason)
        VALUES (%s, 1, %s, %s, CASE WHEN %s THEN now() END, %s)""",
        (PIPELINE, state, job_id, later, wait_reason),
    )


def state_of(connection: psycopg.Connection) -> ItemState:
    row = connection.execute("SELECT state FROM pipeline_state").fetchone()
    assert row is not None
    return ItemState(row[0])


def statements() -> Iterator[tuple[str, Any, dict[str, Any]]]:
    """(id, query, parameters) of everything that moves items."""
    jobs, outcomes = queries.load("jobs"), queries.load("outcomes")
    claim = {"pipeline_id": PIPELINE, "item_ids": [1], "job_id": JOB, "phase": "p"}
    yield "claim_items", jobs["claim_items"], claim
    for given_up in (True, False):
        back = {"queue": "q", "phase": "p", "job_ids": [JOB], "chunks": [0], "given_up": [given_up]}
        yield f"return_items, given up: {given_up}", jobs["return_items"], back
    yield "wake_items", jobs["wake_items"], {"phase": "p", "limit": 10}
    for state, seconds in itertools.product(ItemState, (None, 5.0)):
        reason = None if seconds is None else "retry"
        ending = Ending(PIPELINE, 1, JOB, "p", state, wait_seconds=seconds, wait_reason=reason)
        yield f"end_items as {state}", outcomes["end_items"], {"items": rows([ending])}


def test_statements_move_items_as_the_state_machine_allows(connection: psycopg.Connection) -> None:
    """Every statement is run on an item in every state: no other step happens, and each allowed one can."""
    seen: set[tuple[ItemState, ItemState]] = set()
    for before in ItemState:
        for name, query, parameters in statements():
            place(connection, before)
            try:
                connection.execute(query, parameters)
            except psycopg.errors.CheckViolation:
                continue  # refused: nothing moved
            after = state_of(connection)
            if after is not before:
                assert (before, after) in TRANSITIONS, name
                seen.add((before, after))

    assert seen == TRANSITIONS - UNUSED


def test_ended_states_have_no_way_out() -> None:
    """Completed, failed and skipped items stay so; the open ones can end."""
    assert {before for before, _ in TRANSITIONS} == set(OPEN)
    assert set(ItemState) - set(OPEN) == {ItemState.COMPLETED, ItemState.FAILED, ItemState.SKIPPED}
    assert {after for before, after in TRANSITIONS if before is ItemState.PROCESSING} == set(ItemState) - {
        ItemState.PROCESSING
    }


def test_ended_pipelines_and_jobs_have_an_end(connection: psycopg.Connection) -> None:
    """State and moment are written together, by every statement and by hand."""
    place(connection, ItemState.PENDING)
    for change in (
        "UPDATE pipelines SET state = 'completed'",
        "UPDATE pipelines SET ended_at = now()",
        "UPDATE job_queue SET state = 'completed', lease_until = NULL",
        "UPDATE job_queue SET lease_until = NULL",
        "UPDATE pipelines SET state = 'done', ended_at = now()",
    ):
        with pytest.raises(psycopg.errors.CheckViolation):
            connection.execute(change.encode())


def test_end_states_of_the_report_are_those_of_the_schema(connection: psycopg.Connection) -> None:
    """What counts as final in a report is what the schema says has an end."""
    assert constraints(connection, "pipelines")["state"] - ENDED == {"running", "paused"}
