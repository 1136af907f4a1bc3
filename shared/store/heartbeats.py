"""Renewing job leases from a thread of its own, so that a busy event loop cannot lose them."""

from collections.abc import Sequence
from typing import cast

import psycopg

from shared.store import queries
from shared.store.pool import TCP

_SQL = queries.load("jobs")


class Heartbeats:
    """A blocking connection for one thread; reconnects by itself."""

    def __init__(self, url: str, holder: str) -> None:
        self._url = url
        self._holder = holder
        self._conn: psycopg.Connection[tuple[object, ...]] | None = None

    def renew(self, job_ids: Sequence[int], lease_seconds: float) -> set[int]:
        """Renew these jobs' leases; the jobs still held. Raises psycopg.Error, without a database an OperationalError."""
        if self._conn is None or self._conn.closed:
            self._conn = psycopg.connect(self._url, autocommit=True, connect_timeout=5, **TCP)
        parameters = {"job_ids": list(job_ids), "holder": self._holder, "lease": lease_seconds}
        try:
            return {cast("int", row[0]) for row in self._conn.execute(_SQL["renew_leases"], parameters)}
        except psycopg.Error:
            self.close()
            raise

    def close(self) -> None:
        """Close the connection."""
        if self._conn is not None:
            self._conn.close()
            self._conn = None
