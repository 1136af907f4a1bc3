"""The proxy does to a connection what its methods say: otherwise the chaos behind it would be none."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from shared.testing.eventually import wait_until
from tests.resilience.proxy import HOST, Proxy

TIMEOUT_SECONDS = 10.0


@pytest.fixture
def echo() -> Iterator[int]:
    """Port of a server that says everything once more."""
    with socket.create_server((HOST, 0)) as server:

        def answer(connection: socket.socket) -> None:
            with connection, suppress(ConnectionResetError):
                while said := connection.recv(4096):
                    connection.sendall(said)

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                threading.Thread(target=answer, args=(connection,), daemon=True).start()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


@pytest.fixture
def proxy(echo: int) -> Iterator[Proxy]:
    with Proxy(HOST, echo) as proxy:
        yield proxy


def connect(proxy: Proxy) -> socket.socket:
    return socket.create_connection((HOST, proxy.port), TIMEOUT_SECONDS)


def ask(connection: socket.socket, text: bytes = b"hello") -> bytes:
    connection.sendall(text)
    heard = b""
    while len(heard) < len(text):
        heard += connection.recv(4096)
    return heard


def test_it_passes_on_what_either_end_says(proxy: Proxy) -> None:
    """Any number of connections, each its own."""
    with connect(proxy) as one, connect(proxy) as two:
        assert [ask(one, b"a"), ask(two, b"b"), ask(one, b"x" * 100_000)] == [b"a", b"b", b"x" * 100_000]


def test_a_cut_resets_and_refuses_until_it_heals(proxy: Proxy) -> None:
    """No end-of-file: a reset, as when the other machine is gone. Its port stays its own."""
    with connect(proxy) as connection:
        ask(connection)
        proxy.cut()
        with pytest.raises(ConnectionResetError):
            connection.recv(1)
        with pytest.raises(ConnectionRefusedError):
            connect(proxy)
        proxy.heal()
        with connect(proxy) as again:
            assert ask(again) == b"hello"


def test_a_stalled_link_says_nothing_and_loses_nothing(proxy: Proxy) -> None:
    """What was said meanwhile arrives afterwards."""
    with connect(proxy) as connection:
        ask(connection)
        proxy.stall()
        connection.sendall(b"late")
        connection.settimeout(0.2)
        with pytest.raises(TimeoutError):
            connection.recv(4)
        proxy.heal()
        connection.settimeout(TIMEOUT_SECONDS)
        assert connection.recv(4) == b"late"


def test_a_slow_link_takes_its_time(proxy: Proxy) -> None:
    """Latency both ways, and so many bytes in a second."""
    with connect(proxy) as connection:
        ask(connection)
        proxy.slow_down(0.1, 10_000)
        began = time.monotonic()
        assert ask(connection, b"x" * 1000) == b"x" * 1000
        assert time.monotonic() - began > 2 * (0.1 + 0.1)


def test_whoever_is_behind_it_may_be_away(echo: int) -> None:
    """The near end is closed at once, and nothing of it stays."""
    with socket.create_server((HOST, 0)) as nobody:
        port = nobody.getsockname()[1]
    with Proxy(HOST, port) as proxy, connect(proxy) as connection:
        assert connection.recv(1) == b""
        wait_until(lambda: not proxy._links)
