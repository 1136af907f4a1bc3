"""The REST API as the command line sees it: where it is, and errors with exit codes."""

import uuid
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

import httpx

from services.gateway.cli.options import signed
from services.gateway.reports.wanted import Form, Wanted
from services.gateway.standalone import runfile
from shared import config
from shared.domain.curve_file import written
from shared.domain.curves import OwnCurve
from shared.errors import ConfigError, ConflictError, InputError, LandscapeError, NotFoundError, Problem

#: A pipeline of a million items takes seconds to start, a large report too.
TIMEOUT_SECONDS = 120.0


class AuthError(LandscapeError):
    """The key was refused, or may not do that."""

    code = "auth"


class UnavailableError(LandscapeError):
    """The gateway does not answer."""

    code = "unavailable"


def quoted(name: str) -> str:
    """A name as a part of a path."""
    return quote(name, safe="")


class Api:
    """Calls the gateway until it is closed. Every method raises LandscapeError with what the problem says."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url.rstrip("/")
        if not token.isascii():
            raise AuthError("the token holds a letter that no token has; copy it again")
        headers = {"Authorization": f"Bearer {token}"}
        self._client = httpx.Client(base_url=self.url, headers=headers, timeout=TIMEOUT_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def start(self, body: bytes) -> dict[str, Any]:
        """POST /pipeline/start."""
        return self._json("POST", "/api/v1/pipeline/start", content=body)

    def newest(self) -> str:
        """Id of the pipeline started last. Raises NotFoundError when there is none."""
        pipelines = self._json("GET", "/api/v1/pipeline", params={"limit": "1"})["items"]
        if not pipelines:
            raise NotFoundError("there is no pipeline yet; `landscape start` starts one")
        return str(pipelines[0]["pipeline_id"])

    def progress(self, pipeline_id: str) -> dict[str, Any]:
        """GET /monitoring/pipeline/{id}/progress."""
        return self._json("GET", f"/api/v1/monitoring/pipeline/{pipeline_id}/progress")

    def report(self, pipeline_id: str, wanted: Wanted | Form) -> bytes:
        """GET /pipeline/{id}/report in the form that is wanted; POST with a click curve of one's own."""
        wanted = wanted if isinstance(wanted, Wanted) else Wanted(wanted)
        own = wanted.curve if isinstance(wanted.curve, OwnCurve) else None
        asked = {
            "format": wanted.form,
            "table": wanted.table,
            "curve": own.id if own else wanted.curve,
            "against": str(wanted.against) if wanted.against else None,
            "publish": "true" if wanted.publish else None,
        }
        path, params = f"/api/v1/pipeline/{pipeline_id}/report", {n: v for n, v in asked.items() if v}
        if own is None:
            return self._call("GET", path, params=params).content
        return self._call("POST", path, params=params, content=written(own).encode()).content

    def waive(self, pipeline_id: str, gate: str, *, actor: str, reason: str) -> None:
        """PUT /pipeline/{id}/report/waivers/{gate}."""
        path = f"/api/v1/pipeline/{pipeline_id}/report/waivers/{quoted(gate)}"
        self._json("PUT", path, json=signed(actor, reason))

    def audit(self, pipeline_id: str) -> dict[str, Any]:
        """GET /pipeline/{id}/audit."""
        return self._json("GET", f"/api/v1/pipeline/{pipeline_id}/audit")

    def ask(self, method: str, path: str, **arguments: Any) -> dict[str, Any]:
        """Any operation under /api/v1; `arguments` are `params` of the query or `json`, the body."""
        return self._json(method, f"/api/v1{path}", **arguments)

    def do(self, method: str, path: str, **arguments: Any) -> None:
        """As `ask`, where nothing is answered."""
        self._call(method, f"/api/v1{path}", **arguments)

    def steer(self, pipeline_id: str, verb: str, **body: Any) -> dict[str, Any]:
        """POST /pipeline/{id}/… for pause, unpause, cancel, resume, checkpoints and checkpoints/{name}/rewind."""
        return self._json("POST", f"/api/v1/pipeline/{pipeline_id}/{verb}", json=body)

    def checkpoints(self, pipeline_id: str) -> dict[str, Any]:
        """GET /pipeline/{id}/checkpoints."""
        return self._json("GET", f"/api/v1/pipeline/{pipeline_id}/checkpoints")

    def verify_checkpoint(self, pipeline_id: str, name: str) -> dict[str, Any]:
        """GET /pipeline/{id}/checkpoints/{name}/verify."""
        return self._json("GET", f"/api/v1/pipeline/{pipeline_id}/checkpoints/{quoted(name)}/verify")

    def _json(self, method: str, path: str, **arguments: Any) -> dict[str, Any]:
        response = self._call(method, path, **arguments)
        try:
            answer = response.json()
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise LandscapeError(
                f"{self.url} is not a gateway of ours: its answer is no JSON object; check LANDSCAPE_URL"
            )
        return answer

    def _call(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        # Sent twice, by whatever is in between, it is done once, where the API takes such a key.
        headers = {"Idempotency-Key": uuid.uuid4().hex} if method == "POST" else {}
        try:
            response = self._client.request(method, path, headers=headers, **arguments)
        except httpx.TransportError as error:
            raise UnavailableError(f"the gateway at {self.url} does not answer: {error}") from None
        if response.is_error:
            raise _problem(response)
        return response


def _problem(response: httpx.Response) -> LandscapeError:
    try:
        problem = response.json()
    except ValueError:
        problem = {}
    if not isinstance(problem, dict):
        problem = {}
    title = str(problem.get("detail") or problem.get("title") or f"status {response.status_code}")
    match response.status_code:
        case 401 | 403 as status:
            advice = "; set LANDSCAPE_TOKEN, or name the --data-dir of a running system"
            return AuthError(title + (advice if status == 401 else ""))
        case 404:
            return NotFoundError(title)
        case 400 | 413 | 422:
            errors = problem.get("errors") or [{"pointer": "", "detail": title}]
            return InputError(*(Problem(error["pointer"], error["detail"]) for error in errors))
        case 409 | 412:
            return ConflictError(title)
        case 429 | 503:
            return UnavailableError(title)
    return LandscapeError(title)


def connect(data_dir: Path) -> Api:
    """By LANDSCAPE_URL and LANDSCAPE_TOKEN, else what runs on `data_dir`; to be closed. Raises ConfigError."""
    if api := running(data_dir):
        return api
    raise ConfigError(
        f"nothing runs on {data_dir}; start it with `landscape up --data-dir {data_dir}`, or set LANDSCAPE_URL"
    )


def running(data_dir: Path) -> Api | None:
    """As `connect`; None when nothing runs."""
    settings = config.load()
    if settings.url:
        settings.require("token")
        return Api(settings.url, settings.token)
    run = runfile.read_running(data_dir)
    return Api(run.gateway_url, run.token) if run else None
