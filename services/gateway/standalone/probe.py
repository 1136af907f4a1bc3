"""Questions to a server that is coming up: free ports, and whether somebody answers yet."""

import http.client
import random
import socket
import struct
from urllib.parse import urlsplit

TIMEOUT_SECONDS = 1.0
#: Below the range from which the kernel takes the ports of outgoing connections: a port found free stays so.
PORTS = range(20_000, 32_000)
ATTEMPTS = 200


def free_port(host: str = "127.0.0.1") -> int:
    """A port nobody listens on."""
    for port in random.SystemRandom().sample(PORTS, ATTEMPTS):
        if is_free(host, port):
            return port
    raise OSError(f"no free port among {ATTEMPTS} tried from {PORTS.start} to {PORTS.stop}")


def is_free(host: str, port: int) -> bool:
    """Whether a server could listen there now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


def http_ok(url: str) -> bool:
    """Whether GET answers 200."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", parts.path or "/")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def postgres_ok(host: str, port: int) -> bool:
    """Whether Postgres takes sessions: it asks for a password, instead of saying that it is starting up."""
    parameters = b"user\0landscape\0database\0postgres\0\0"
    message = struct.pack("!ii", 8 + len(parameters), 3 << 16) + parameters
    return _ask(host, port, message, 1) == b"R"


def redis_ok(host: str, port: int, password: str) -> bool:
    """Whether the server answers PING: not while it still reads its log."""
    return b"+PONG" in _ask(host, port, f"AUTH {password}\r\nPING\r\nQUIT\r\n".encode(), 1024)


def _ask(host: str, port: int, message: bytes, limit: int) -> bytes:
    """Up to `limit` bytes of the answer, less when the server ends it; empty when there is none."""
    answer = b""
    try:
        with socket.create_connection((host, port), TIMEOUT_SECONDS) as connection:
            connection.sendall(message)
            while len(answer) < limit and (part := connection.recv(limit - len(answer))):
                answer += part
    except OSError:
        pass
    return answer
