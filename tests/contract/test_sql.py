"""Named queries: each is valid on the present schema, says what it does, and is used where it belongs."""

import ast
import re
from pathlib import Path

import psycopg
import pytest

from shared.store import queries

STORE = Path(queries.__file__).parent
AGGREGATES = sorted(path.stem for path in queries.SQL.glob("*.sql"))
#: Modules that use another aggregate's queries: the heartbeat needs a blocking connection of its own, and the
#: recomputing of keys is an audit of its own.
GUESTS = {"heartbeats": "jobs", "audit_keys": "audit"}

_PARAMETER = re.compile(r"%\((\w+)\)s")
_HEADING = re.compile(r"-- name: \w+\n(?:-- .+\n)+(?!--)")

each_aggregate = pytest.mark.parametrize("aggregate", AGGREGATES)


def positional(sql: str) -> str:
    """%(x)s as $n: what the server is given."""
    names = list(dict.fromkeys(_PARAMETER.findall(sql)))
    return _PARAMETER.sub(lambda match: f"${names.index(match[1]) + 1}", sql).replace("%%", "%")


def test_every_query_is_valid_on_the_present_schema(postgres_url: str) -> None:
    """Tables, columns, types and groupings are checked by the server itself, which runs none of it."""
    refused = {}
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        for aggregate in AGGREGATES:
            for name, sql in queries.load(aggregate).items():
                try:
                    connection.execute(f"PREPARE {name} AS {positional(sql)}".encode())
                    connection.execute(f"DEALLOCATE {name}".encode())
                except psycopg.Error as error:
                    refused[f"{aggregate}.{name}"] = str(error)

    assert refused == {}


def test_names_are_unique_over_all_files() -> None:
    """In a log or in pg_stat_statements a name stands alone."""
    names = [name for aggregate in AGGREGATES for name in queries.load(aggregate)]

    assert len(names) > 30
    assert sorted(set(names)) == sorted(names)


@each_aggregate
def test_every_query_opens_with_name_and_description(aggregate: str) -> None:
    """The file is read by people who never see the caller."""
    text = (queries.SQL / f"{aggregate}.sql").read_text()
    opened = _HEADING.findall(text)

    assert len(opened) == text.count("-- name: ") == len(queries.load(aggregate))
    assert text.startswith("-- name: ")


@each_aggregate
def test_every_query_is_one_statement_with_a_verb_first(aggregate: str) -> None:
    """The server prepares one at a time; names say what is done to what."""
    for name, sql in queries.load(aggregate).items():
        assert ";" not in re.sub(r"^--.*$", "", sql, flags=re.MULTILINE), name
        assert re.fullmatch(r"[a-z]+(_[a-z]+)+", name)


def _users(aggregate: str) -> list[str]:
    """Store modules that load this file."""
    call = f'queries.load("{aggregate}")'
    return sorted(path.stem for path in STORE.glob("*.py") if call in path.read_text())


@each_aggregate
def test_queries_are_loaded_by_the_module_of_the_same_name(aggregate: str) -> None:
    """What is done to a table is found in one place."""
    guests = [guest for guest, host in GUESTS.items() if host == aggregate]

    assert _users(aggregate) == sorted([aggregate, *guests])


def _used(aggregate: str) -> set[str]:
    """Names in `_SQL["…"]`, and the literals of modules that pick a query by a variable."""
    found = set()
    for module in _users(aggregate):
        tree = ast.parse((STORE / f"{module}.py").read_text())
        found |= {
            node.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        }
    return found


@each_aggregate
def test_every_query_is_used(aggregate: str) -> None:
    """One that nobody runs is tested by nothing."""
    assert set(queries.load(aggregate)) - _used(aggregate) == set()


def test_no_module_but_these_holds_sql() -> None:
    """Statements in code are found by no reader of the files; the migrations' own table aside."""
    statement = re.compile(r"\b(SELECT .+ FROM|INSERT INTO|UPDATE \w+ SET|DELETE FROM)\b")
    spread = {
        str(path.relative_to(STORE.parents[1]))
        for root in ("shared", "services")
        for path in (STORE.parents[1] / root).rglob("*.py")
        if "testing" not in path.parts
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and statement.search(node.value)
    }

    assert spread <= {"shared/store/migrate.py"}
