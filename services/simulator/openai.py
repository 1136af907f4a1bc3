"""OpenAI: POST /chat/completions, charged in tokens, and GET /models for nothing."""

import time
from collections.abc import Mapping
from functools import partial
from random import Random

import msgspec

from services.simulator import openai_errors as errors
from services.simulator import openai_request
from services.simulator.chance import digest
from services.simulator.faults import Fault, How
from services.simulator.openai_errors import FAILURES, RefusedError
from services.simulator.openai_models import MODELS, Model
from services.simulator.openai_request import BYTES_PER_TOKEN, Completion
from services.simulator.openai_writer import EndlessError, Writer
from services.simulator.port import Answer, Question, Request, Scene
from services.simulator.vocabulary import paragraph

MILLISECONDS_PER_TOKEN = 8
REFUSAL = "I'm sorry, but I can't assist with that request."
_REASONING_TOKENS = {
    "none": 0,
    "minimal": 0,
    "low": 64,
    "medium": 256,
    "high": 704,
    "xhigh": 1408,
    "max": 2816,
}
_SERVED = {"auto": "default", "fast": "priority"}
"""Service tiers that are told by another name than they are asked for by."""
_COMMON = ("rate_limit", "server_error")

_encode = msgspec.json.Encoder().encode


class OpenAI:
    """The provider."""

    name = "openai"
    prefix = "/openai/v1"
    zone = "UTC"
    over_allowance = "daily_limit"
    faults: Mapping[str, Fault] = {
        **{name: Fault(How.ERROR, charged=False) for name in FAILURES if name not in _COMMON},
        "bad_gateway": Fault(How.ERROR, charged=False),
        "truncated": Fault(How.VARIANT, charged=True),
        "refusal": Fault(How.VARIANT, charged=True),
        "content_filter": Fault(How.VARIANT, charged=True),
        "invented_quotes": Fault(How.VARIANT, charged=True),
    }

    def read(self, request: Request) -> Question | Answer:
        """Refuses a wrong key, then a wrong path, then a wrong body; the last one counts as a request."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        key = token.strip() if scheme.lower() == "bearer" else ""
        if not key:
            message = (
                "You didn't provide an API key. You need to provide your API key in an Authorization header."
            )
            return errors.envelope(401, "invalid_request_error", None, message)
        if key.startswith("invalid"):
            message = f"Incorrect API key provided: {key[:4]}***{key[-4:]}."
            return errors.envelope(401, "invalid_request_error", "invalid_api_key", message)
        if request.method == "GET" and (request.path + "/").startswith("/models/"):
            return _models(request.path.removeprefix("/models").strip("/"))
        if (request.method, request.path) != ("POST", "/chat/completions"):
            message = f"Invalid URL ({request.method} /v1{request.path})"
            return errors.envelope(404, "invalid_request_error", None, message)
        is_json = request.headers.get("Content-Type", "").lower().startswith("application/json")
        try:
            completion = openai_request.read(request.body if is_json else b"")
        except RefusedError as error:
            return Question((), partial(_refuse, error), 1)
        prompt = digest(0, completion.words.decode(), 16).hex()
        schema = f" schema={completion.schema_name}" if completion.schema_name else ""
        subject = f"completion model={completion.model.name}{schema} prompt={prompt}"
        weight = completion.prompt_tokens + (completion.max_tokens or 0)
        return Question((subject,), partial(_answer, completion, subject, weight), weight)

    def fail(self, fault: str, seconds: float) -> Answer:
        """The envelope; the delay only where waiting helps."""
        return errors.fail(fault, seconds)


def _refuse(error: RefusedError, scene: Scene) -> Answer:
    if scene.fault:
        return errors.over_minute("gpt-4o-mini", scene.fault, 1, scene.account)
    return errors.refused(error, scene.account)


def _models(name: str) -> Answer:
    if not name:
        return Answer(
            200,
            _encode({"object": "list", "data": [_listed(model) for model in MODELS.values()]}),
            headers=errors.request_headers(),
        )
    if name not in MODELS:
        return errors.envelope(
            404, "invalid_request_error", "model_not_found", f"The model '{name}' does not exist", "model"
        )
    return Answer(200, _encode(_listed(MODELS[name])), headers=errors.request_headers())


def _listed(model: Model) -> dict[str, object]:
    return {"id": model.name, "object": "model", "created": 1_700_000_000, "owned_by": "system"}


def _answer(completion: Completion, subject: str, weight: int, scene: Scene) -> Answer:
    """The same prompt gets the same text. What breaks off, is refused or filtered is charged, not bought."""
    if scene.fault in ("requests_per_minute", "tokens_per_minute"):
        return errors.over_minute(completion.model.name, scene.fault, weight, scene.account)
    rng = scene.world.generator(subject)
    text = _text(completion, scene, rng)
    refusal = REFUSAL if scene.fault == "refusal" else None
    text, finish = _finish(completion, refusal or text, scene.fault)
    reasoning = _reasoning_tokens(completion)
    completion_tokens = reasoning + -(-len(text.encode()) // BYTES_PER_TOKEN)
    total = completion.prompt_tokens + completion_tokens
    body = {
        "id": f"chatcmpl-{digest(scene.world.seed, subject, 16).hex()}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": completion.model.snapshot,
        "choices": [
            {
                "index": 0,
                "message": {
                    "role": "assistant",
                    "content": None if refusal else text,
                    "refusal": refusal,
                    "annotations": [],
                },
                "logprobs": None,
                "finish_reason": finish,
            }
        ],
        "usage": {
            "prompt_tokens": completion.prompt_tokens,
            "completion_tokens": completion_tokens,
            "total_tokens": total,
            "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
            "completion_tokens_details": {
                "reasoning_tokens": reasoning,
                "audio_tokens": 0,
                "accepted_prediction_tokens": 0,
                "rejected_prediction_tokens": 0,
            },
        },
        "service_tier": _SERVED.get(completion.service_tier, completion.service_tier),
        "system_fingerprint": f"fp_{digest(0, completion.model.snapshot, 5).hex()}",
    }
    headers = {
        **errors.request_headers(),
        "openai-processing-ms": str(completion_tokens * MILLISECONDS_PER_TOKEN),
        **errors.limit_headers(scene.account),
    }
    return Answer(200, _encode(body), total, bought=finish == "stop" and not refusal, headers=headers)


def _text(completion: Completion, scene: Scene, rng: Random) -> str:
    """The whole of what would be said."""
    if completion.form == "text":
        return paragraph(rng, 3)
    prompt = "\n".join(text for role, text in completion.messages if role == "user")
    schema = completion.schema or {"type": "object", "properties": {"answer": {"type": "string"}}}
    writer = Writer(scene.world, rng, schema, prompt, invent=scene.fault == "invented_quotes")
    try:
        return _encode(writer.write()).decode()
    except EndlessError:
        return '{"' * (completion.model.output_tokens * BYTES_PER_TOKEN)


def _finish(completion: Completion, text: str, fault: str) -> tuple[str, str]:
    """The part that is said, and why it ends there."""
    limit = completion.max_tokens or completion.model.output_tokens
    most = max(0, limit - _reasoning_tokens(completion)) * BYTES_PER_TOKEN
    if fault == "content_filter":
        return text[: len(text) // 4], "content_filter"
    if fault == "truncated":
        most = min(most, len(text.encode()) // 2)
    raw = text.encode()
    return (text, "stop") if len(raw) <= most else (raw[:most].decode(errors="ignore"), "length")


def _reasoning_tokens(completion: Completion) -> int:
    if not completion.model.reasons:
        return 0
    tokens = _REASONING_TOKENS[completion.reasoning_effort]
    return min(tokens, completion.max_tokens or tokens)
