"""The API's description against its answers: Schemathesis over every operation, against a real server."""

import subprocess
import sys
from pathlib import Path

import httpx

from tests.gateway.operator import TOKEN
from tests.gateway.routes import bearer
from tests.gateway.served import served

#: A request that its description allows may still mean nothing: a keyword of blanks, a phase that is none. 422 is
#: described for it, and holds a pointer to the field.
CONFIG = """
[checks.positive_data_acceptance]
expected-statuses = ["2xx", 401, 403, 404, 409, 412, 422]

# Its id is a number: the text "1" in its place is the same request.
[[operations]]
include-operation-id = "getItem"
checks.negative_data_rejection.enabled = false

[phases.coverage]
unexpected-methods = ["PUT", "DELETE"]
"""
#: Random cases of each operation beside those that cover its description systematically.
EXAMPLES = 2


def test_every_answer_is_as_described(postgres_url: str, tmp_path: Path) -> None:
    """Good requests and bad ones, about what is there: status, content type, headers and body are as described."""
    with served(postgres_url) as gateway_url:
        with httpx.Client(base_url=f"{gateway_url}/api/v1", headers=bearer(TOKEN)) as client:
            body = {"keywords": ["crm"], "regions": ["US"], "config": {"budget": 1}}
            pipeline_id = client.post("/pipeline/start", json=body).json()["pipeline_id"]
            key_id = client.post("/keys", json={"name": "one"}).json()["api_key"]["key_id"]
        ids = {"pipeline_id": pipeline_id, "key_id": key_id, "service_name": "serp", "queue_name": "serp"}
        known = "".join(f'"path.{name}" = "{value}"\n' for name, value in ids.items())
        (tmp_path / "schemathesis.toml").write_text(f"[parameters]\n{known}{CONFIG}")
        command = [sys.executable, "-m", "schemathesis.cli", "run", f"{gateway_url}/api/v1/openapi.json"]
        options = [
            f"--header=Authorization: Bearer {TOKEN}",
            "--phases=coverage,fuzzing",
            f"--max-examples={EXAMPLES}",
            "--seed=1",
            "--generation-database=none",
            "--exclude-path=/api/v1/events",  # an answer without end; see test_events.py
            "--no-color",
            "--continue-on-failure",
        ]
        done = subprocess.run([*command, *options], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-20_000:]
