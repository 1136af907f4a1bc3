"""A seventh provider, as docs/adding-a-provider.md has it: a folder and a line, and it takes part in a pipeline."""

import ast
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

from services.gateway.cli.api import Api
from services.gateway.standalone.runfile import RunFile, read_running
from shared.domain.phases import DSI_CALCULATION, SERP_COLLECTION
from shared.domain.report import ENDED
from tests.architecture.pages import ROOT, blocks
from tests.services.test_simulator_process import simulator

SERVICE, PHASE = "archive", "domain_age"
KEY = "key-of-the-archive"
#: Of the whole folder.
LINES = 120
#: As the example declares it.
DOMAINS_PER_CALL = 20
READY_SECONDS = 60.0
PIPELINE_SECONDS = 60.0
STOP_SECONDS = 30.0


class Archive(ThreadingHTTPServer):
    """The provider itself. Of the domains of a call it knows all but the first."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Desk)
        self.calls: list[list[str]] = []
        """Domains asked for, call by call."""
        self.keys: set[str] = set()

    @property
    def url(self) -> str:
        """Base URL."""
        return f"http://127.0.0.1:{self.server_port}/v1"


class _Desk(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        archive = self.server
        assert isinstance(archive, Archive)
        url = urlsplit(self.path)
        domains = parse_qs(url.query)["domains"][0].split(",")
        archive.calls.append(domains)
        archive.keys.add(self.headers["Authorization"])
        body = json.dumps({"ages": dict.fromkeys(domains[1:], "1999-01-01")}).encode()
        self.send_response(200 if url.path == "/v1/ages" else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def archive() -> Iterator[Archive]:
    """It answers meanwhile."""
    with Archive() as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def add_archive(tree: Path) -> Path:
    """A copy of the code with what the page says, block by block; the new folder."""
    for part in ("shared", "services"):
        shutil.copytree(ROOT / part, tree / part, ignore=shutil.ignore_patterns("__pycache__"))
    result, phase, provider = blocks(ROOT / "docs/adding-a-provider.md", "python")
    results, phases = (tree / "shared/domain" / name for name in ("results.py", "phases.py"))
    results.write_text(f"{results.read_text()}\n\n{result}")
    *_, find, entry = ast.parse(phase).body
    insert(phases, f"        {ast.unparse(entry)},", before="        Phase(DSI_CALCULATION")
    insert(phases, "    AgeResult,", before="    AnalysisResult,")
    # The tree's own functions come later: of two with the same name they stay.
    insert(phases, f"{ast.unparse(find)}\n\n", before="def _domains(")
    folder = tree / "services" / SERVICE
    folder.mkdir()
    (folder / "__init__.py").write_text('"""How old domains are, from the archive."""\n')
    (folder / "provider.py").write_text(provider)
    for name in ("worker.py", "pyproject.toml"):
        (folder / name).write_text((ROOT / "services/media" / name).read_text().replace("media", SERVICE))
    return folder


def insert(module: Path, text: str, *, before: str) -> None:
    """A line, or several, above the one that begins with `before`."""
    code = module.read_text()
    assert code.count(f"\n{before}") == 1
    module.write_text(code.replace(f"\n{before}", f"\n{text}\n{before}"))


@contextmanager
def up(tree: Path, environment: dict[str, str]) -> Iterator[RunFile]:
    """`landscape up` of this tree."""
    data = tree / "data"
    with (tree / "up.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "services.gateway.cli", "up", "--no-simulator", "--port", "0", "--data-dir", str(data)],
            cwd=tree, env={**os.environ, "PYTHONPATH": str(tree), **environment},
            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        )  # fmt: skip
    try:
        yield _started(process, data, tree / "up.log")
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        finally:
            process.kill()


def _started(process: subprocess.Popen[bytes], data: Path, log: Path) -> RunFile:
    deadline = time.monotonic() + READY_SECONDS
    while (running := read_running(data)) is None:
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)
    return running


def complete(api: Api) -> tuple[str, dict[str, Any]]:
    """A pipeline's id, and its progress at the end."""
    body = {"keywords": ["card reader", "payment terminal", "pos", "invoice"], "regions": ["US"], "content_types": ["organic"]}  # fmt: skip
    pipeline_id = str(api.start(json.dumps(body).encode())["pipeline_id"])
    deadline = time.monotonic() + PIPELINE_SECONDS
    while (progress := api.progress(pipeline_id))["state"] not in ENDED:
        assert time.monotonic() < deadline, progress
        time.sleep(0.05)
    return pipeline_id, progress


def test_a_seventh_provider_is_a_folder_and_a_line(tmp_path: Path) -> None:
    """Queue, worker, settings, ledger, progress, audit and report have it without being told of it."""
    folder = add_archive(tmp_path)
    with simulator("--latency-ms", "1") as sim, archive() as provider:
        environment = {
            "LANDSCAPE_PROVIDERS__SERP__BASE_URL": f"{sim.url}/scaleserp",
            "LANDSCAPE_PROVIDERS__SERP__API_KEY": "key-of-the-simulator",
            "LANDSCAPE_PROVIDERS__ARCHIVE__BASE_URL": provider.url,
            "LANDSCAPE_PROVIDERS__ARCHIVE__API_KEY": KEY,
        }
        with up(tmp_path, environment) as running, Api(running.gateway_url, running.token) as api:
            pipeline_id, progress = complete(api)
            audit = api.audit(pipeline_id)
            coverage = json.loads(api.report(pipeline_id, "json"))["coverage"]
        asked = [domain for call in provider.calls for domain in call]

    phases = {phase["phase"]: phase for phase in progress["phases"]}
    found, calls = phases[PHASE]["planned"], len(provider.calls)
    cost = next(cost for cost in audit["costs"] if cost["phase"] == PHASE)
    assert sum(len(file.read_text().splitlines()) for file in folder.iterdir() if file.is_file()) <= LINES
    assert progress["state"] == "completed"
    assert phases.keys() == {SERP_COLLECTION, PHASE, DSI_CALCULATION}
    assert phases[PHASE]["completed"] == len(asked) == len(set(asked)) == found > DOMAINS_PER_CALL
    assert max(map(len, provider.calls)) <= DOMAINS_PER_CALL
    assert provider.keys == {f"Bearer {KEY}"}
    assert phases[PHASE]["degraded"] == calls
    assert (cost["provider"], cost["calls"], cost["units"]) == (SERVICE, calls, found - calls)
    assert [check for check in audit["checks"] if not check["passed"]] == []
    assert PHASE in {phase["phase"] for phase in coverage["phases"] if phase["share"] == 1}
