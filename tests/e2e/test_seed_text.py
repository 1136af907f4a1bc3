"""The three commands of the seed's "Manual Testing", as they stand there."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from services.gateway.standalone.machine import SimulatorOptions, Standalone

PORT = 8001

START = """curl -X POST http://localhost:8001/api/v1/pipeline/start \\
  -H "Authorization: Bearer <token>" \\
  -H "Content-Type: application/json" \\
  -d '{"keywords": ["test"], "regions": ["US"]}'"""
HEALTH = """curl http://localhost:8001/api/v1/monitoring/health \\
  -H "Authorization: Bearer <token>\""""
PROGRESS = """curl http://localhost:8001/api/v1/monitoring/pipeline/{id}/progress \\
  -H "Authorization: Bearer <token>\""""


@pytest.mark.alone
def test_the_curl_commands_of_the_seed_work_as_they_stand(tmp_path: Path) -> None:
    """Port 8001 and the seed's body: a pipeline starts, health and progress answer."""
    with Standalone(tmp_path, port=PORT, simulator=SimulatorOptions(1, 0.0, 0.0)) as machine:
        token = machine.run_file.token
        started = _run(START, token)
        health = _run(HEALTH, token)
        progress = _run(PROGRESS.replace("{id}", started["pipeline_id"]), token)

    assert started["state"] == "running"
    assert re.fullmatch(r"[0-9a-f-]{36}", started["pipeline_id"])
    assert health["status"] == "healthy"
    assert progress["pipeline_id"] == started["pipeline_id"]
    assert {phase["phase"] for phase in progress["phases"]} >= {"serp_collection", "video_enrichment"}


def _run(command: str, token: str) -> dict[str, Any]:
    done = subprocess.run(
        ["sh", "-c", command.replace("<token>", token)],
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer
