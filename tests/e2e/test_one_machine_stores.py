"""The stores of one-machine mode: real servers that come back, keep their data, and run as whoever may."""

import os
import signal
import stat
from functools import partial
from pathlib import Path

import psycopg
import pytest
import redis

from services.gateway.standalone import identity
from services.gateway.standalone.datadir import DataDir
from services.gateway.standalone.postgres import Postgres, locate
from services.gateway.standalone.process import Process, is_alive
from services.gateway.standalone.redis import Redis
from services.gateway.standalone.stores import Stores, stores_only
from services.gateway.standalone.supervisor import Supervisor
from shared import config
from shared.errors import ConfigError
from shared.testing.eventually import wait_until

DEADLINE_SECONDS = 30.0


def _runs_again(process: Process, old: int | None) -> bool:
    return process.pid != old and process.spec.ready()


def modes() -> list[str]:
    """Every way Postgres may run for this user on this machine."""
    return [one.mode for one in identity.IDENTITIES if one.works()]


@pytest.mark.parametrize("mode", modes())
def test_postgres_runs_below_a_private_directory(mode: str, tmp_path: Path) -> None:
    """Also for root, whom Postgres refuses, and for a checkout below /root; twice, for the data is then reopened."""
    tmp_path.chmod(0o700)
    for expected in (None, (1,)):
        postgres = Postgres(tmp_path / "postgres", mode=mode)
        supervisor = Supervisor(1)
        try:
            supervisor.launch(0, postgres.prepare(tmp_path / "log", os.environ))
            supervisor.wait_ready()
            with psycopg.connect(postgres.url, autocommit=True) as connection:
                if expected is None:
                    connection.execute("CREATE TABLE kept AS SELECT 1 AS n")
                assert connection.execute("SELECT n FROM kept").fetchone() == (1,)
        finally:
            supervisor.stop()
    assert stat.S_IMODE((tmp_path / "postgres" / "password").stat().st_mode) == 0o600
    assert sorted(path.name for path in (tmp_path / "postgres").iterdir()) == ["data", "mode", "password"]


def test_there_is_a_way_to_run_postgres_here() -> None:
    """The test above would pass without trying anything otherwise."""
    assert modes()


def test_postgres_asks_for_its_password(tmp_path: Path) -> None:
    """Another user of the machine must not get in."""
    postgres = Postgres(tmp_path / "postgres")
    supervisor = Supervisor(1)
    try:
        supervisor.launch(0, postgres.prepare(tmp_path / "log", os.environ))
        supervisor.wait_ready()
        password = (tmp_path / "postgres" / "password").read_text()
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(postgres.url.replace(password, "guess"))
    finally:
        supervisor.stop()


def test_killed_stores_come_back_with_their_data(tmp_path: Path) -> None:
    """The supervisor restarts them where clients expect them."""
    directory = DataDir(tmp_path)
    directory.create()
    lock = directory.acquire()
    supervisor = Supervisor(1, (lock,))
    try:
        stores = Stores(directory, lock, os.environ, config.load({}))
        for spec in stores.prepare(os.environ):
            supervisor.launch(0, spec)
        supervisor.wait_ready()
        supervisor.watch()
        with psycopg.connect(stores.postgres_url, autocommit=True) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 7 AS n")
        with redis.Redis.from_url(stores.redis_url) as client:
            client.set("kept", "7")
        for process in supervisor.processes:
            old = process.pid
            os.kill(old, signal.SIGKILL)
            wait_until(partial(_runs_again, process, old), DEADLINE_SECONDS)
        with psycopg.connect(stores.postgres_url) as connection:
            assert connection.execute("SELECT n FROM kept").fetchone() == (7,)
        with redis.Redis.from_url(stores.redis_url) as client:
            assert client.get("kept") == b"7"
            assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
    finally:
        pids = [process.pid for process in supervisor.processes]
        supervisor.stop()
        os.close(lock)
    assert not any(map(is_alive, pids))


def test_stores_alone_serve_a_report_when_nothing_runs(tmp_path: Path) -> None:
    """They start for the length of the command and are gone after it."""
    directory = DataDir(tmp_path)
    directory.create()
    lock = directory.acquire()
    supervisor = Supervisor(1, (lock,))
    stores = Stores(directory, lock, os.environ, config.load({}))
    supervisor.launch(0, *stores.prepare(os.environ, redis=False))
    supervisor.wait_ready()
    supervisor.stop()
    os.close(lock)
    with stores_only(tmp_path, redis=True) as urls:
        assert urls.redis_url is not None
        with psycopg.connect(urls.postgres_url) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        with redis.Redis.from_url(urls.redis_url) as client:
            assert client.ping()
    assert not directory.is_in_use()
    os.close(directory.acquire())


def test_stores_alone_do_not_make_data(tmp_path: Path) -> None:
    """A misspelt --data-dir is an error, not an empty report."""
    with pytest.raises(ConfigError, match="holds no data"), stores_only(tmp_path / "misspelt"):
        pass
    assert not (tmp_path / "misspelt").exists()


def test_urls_of_the_settings_replace_our_servers(tmp_path: Path) -> None:
    """Nothing is started for a store somebody else runs."""
    settings = config.Settings(postgres_url="postgresql://db/landscape", redis_url="redis://cache/0")
    stores = Stores(DataDir(tmp_path), 0, os.environ, settings)
    assert stores.prepare(os.environ) == []
    assert (stores.postgres_url, stores.redis_url) == ("postgresql://db/landscape", "redis://cache/0")
    assert "LANDSCAPE_POSTGRES_URL" in stores.versions["Postgres"]


def test_data_of_another_postgres_is_refused(tmp_path: Path) -> None:
    """Starting would fail anyway, with a message only a database administrator understands."""
    data = tmp_path / "postgres" / "data"
    data.mkdir(parents=True)
    (data / "PG_VERSION").write_text("9\n")
    (tmp_path / "postgres" / "mode").write_text(modes()[0])
    with pytest.raises(ConfigError, match=r"was made by Postgres 9 and this is \d+; pass another --data-dir"):
        Postgres(tmp_path / "postgres").prepare(tmp_path / "log", os.environ)


def test_data_made_under_an_impossible_identity_is_refused() -> None:
    """The files would be unreadable; the message says what to do."""
    impossible = "self" if os.geteuid() == 0 else "namespace"
    with pytest.raises(ConfigError, match="run as before, or pass another --data-dir"):
        identity.choose(impossible)


def test_other_binaries_may_be_chosen(tmp_path: Path) -> None:
    """By a variable, which is checked."""
    with pytest.raises(ConfigError, match="LANDSCAPE_PG_BIN: there is no initdb"):
        locate({"LANDSCAPE_PG_BIN": str(tmp_path)})
    assert locate({"LANDSCAPE_PG_BIN": str(locate({}))}) == locate({})


def test_log_of_another_redis_is_discarded(tmp_path: Path) -> None:
    """Installing redis-server beside a data directory made by Valkey must not keep the system from starting."""
    log = tmp_path / "redis" / "appendonlydir"
    log.mkdir(parents=True)
    (log / "appendonly.aof.manifest").write_text("file of.a.newer.server seq 1 type b\n")
    (tmp_path / "redis" / "version").write_text("Valkey server v=99")
    server = Redis(tmp_path / "redis")
    supervisor = Supervisor(1)
    try:
        supervisor.launch(0, server.prepare(tmp_path / "log", os.environ))
        supervisor.wait_ready()
        with redis.Redis.from_url(server.url) as client:
            assert client.dbsize() == 0
    finally:
        supervisor.stop()
