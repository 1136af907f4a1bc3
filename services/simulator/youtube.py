"""YouTube Data API v3: videos.list and channels.list, one unit per call, invalid calls included."""

from collections.abc import Mapping
from functools import partial

import msgspec

from services.simulator.chance import digest
from services.simulator.faults import Fault, How
from services.simulator.port import Answer, Question, Request, Scene
from services.simulator.youtube_items import channel_item, video_item

MAX_IDS = 50
_FILTERS = {
    "videos": ("id", "chart", "myRating"),
    "channels": ("id", "forHandle", "forUsername", "mine", "managedByMe"),
}
_PARTS = {
    "videos": (
        "id", "snippet", "statistics", "contentDetails", "status", "topicDetails", "liveStreamingDetails",
        "player", "localizations", "recordingDetails", "paidProductPlacementDetails",
    ),
    "channels": (
        "id", "snippet", "statistics", "brandingSettings", "contentDetails", "status", "topicDetails",
        "contentOwnerDetails", "localizations",
    ),
}  # fmt: skip
_PER_MINUTE = "Quota exceeded for quota metric 'Queries' and limit 'Queries per minute' of service 'youtube.googleapis.com'."
_PER_DAY = (
    "The request cannot be completed because you have exceeded your "
    '<a href="/youtube/v3/getting-started#quota">quota</a>.'
)
_FAILURES: Mapping[str, tuple[int, str, str, str, str]] = {
    "rate_limit": (403, "rateLimitExceeded", "usageLimits", "", _PER_MINUTE),
    "quota": (403, "quotaExceeded", "youtube.quota", "", _PER_DAY),
    "server_error": (500, "internalError", "global", "INTERNAL", "Internal error encountered."),
    "backend": (503, "backendError", "global", "UNAVAILABLE", "The service is currently unavailable."),
}

_encode = msgspec.json.Encoder().encode


class YouTube:
    """The provider."""

    name = "youtube"
    prefix = "/youtube/v3"
    zone = "America/Los_Angeles"
    over_allowance = "quota"
    faults: Mapping[str, Fault] = {
        "quota": Fault(How.ERROR, charged=False),
        "key_invalid": Fault(How.ERROR, charged=False),
        "backend": Fault(How.ERROR, charged=False),
    }

    def read(self, request: Request) -> Question | Answer:
        """Refuses a wrong path, then a wrong key (both free), then wrong parameters (one unit)."""
        endpoint = request.path.removeprefix("/")
        if request.method != "GET" or endpoint not in _PARTS:
            return _refuse(404, "notFound", "global", "Method not found.", status="NOT_FOUND")
        query = request.query
        key = query.get("key") or request.headers.get("X-Goog-Api-Key", "")
        if not key or key.startswith("invalid"):
            return _key_refused("keyInvalid", "usageLimits")
        read = _read(endpoint, query)
        if isinstance(read, Answer):
            return read
        chosen, parts = read
        shown = ",".join(sorted(parts))
        subjects = tuple(f"{endpoint} {one} part={shown}" for one in chosen)
        etag = request.headers.get("If-None-Match", "")
        return Question(subjects, partial(_answer, endpoint, chosen, parts, etag))

    def fail(self, fault: str, seconds: float) -> Answer:  # noqa: ARG002 - YouTube tells no delay
        """The error envelope. A refused key is known under two reasons: `key_invalid` gives the one, a key
        that is wrong the other.
        """
        if fault == "key_invalid":
            return _key_refused("badRequest", "global")
        code, reason, domain, status, message = _FAILURES[fault]
        return _refuse(code, reason, domain, message, status=status)


def _read(endpoint: str, query: Mapping[str, str]) -> tuple[list[str], list[str]] | Answer:
    """What is asked for, as "id=…" or "forHandle=…" each once, and the parts."""
    parts = _listed(query.get("part", ""))
    filters = [name for name in _FILTERS[endpoint] if query.get(name)]
    name = filters[0] if filters else ""
    chosen = _listed(query.get("id", "")) if name == "id" else [query.get(name, "")]
    unknown = [part for part in parts if part not in _PARTS[endpoint]]
    refusal: tuple[str, str, str] | None = None
    if not parts:
        refusal = ("missingRequiredParameter", "The part parameter is required.", "part")
    elif unknown:
        refusal = ("unknownPart", f"{', '.join(unknown)} is not a part of {endpoint}.", "part")
    elif not filters:
        expected = ", ".join(_FILTERS[endpoint])
        refusal = (
            "missingRequiredParameter",
            f"No filter selected. Expected one of: {expected}",
            "parameters",
        )
    elif len(filters) > 1:
        refusal = ("incompatibleParameters", f"Incompatible parameters: {', '.join(filters)}", "parameters")
    elif name not in ("id", "forHandle", "forUsername"):
        refusal = ("invalidFilters", f"The {name} filter is not simulated.", name)
    elif len(chosen) > MAX_IDS:
        refusal = ("invalidValue", f"{len(chosen)} ids were given; {MAX_IDS} are the most.", "id")
    return _bad(*refusal) if refusal else ([f"{name}={one}" for one in chosen], parts)


def _listed(text: str) -> list[str]:
    return list(dict.fromkeys(one for raw in text.split(",") if (one := raw.strip())))


def _refuse(
    code: int,
    reason: str,
    domain: str,
    message: str,
    *,
    status: str = "",
    units: int = 0,
    **further: object,
) -> Answer:
    at = {name: further.pop(name) for name in ("location", "locationType") if name in further}
    error: dict[str, object] = {
        "code": code,
        "message": message,
        "errors": [{"message": message, "domain": domain, "reason": reason, **at}],
    }
    if status:
        error["status"] = status
    return Answer(code, _encode({"error": {**error, **further}}), units)


def _bad(reason: str, message: str, parameter: str) -> Answer:
    return _refuse(
        400, reason, "youtube.parameter", message, units=1, location=parameter, locationType="parameter"
    )


def _key_refused(reason: str, domain: str) -> Answer:
    info = {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": "API_KEY_INVALID",
        "domain": "googleapis.com",
        "metadata": {"service": "youtube.googleapis.com"},
    }
    message = "API key not valid. Please pass a valid API key."
    return _refuse(400, reason, domain, message, status="INVALID_ARGUMENT", details=[info])


def _answer(endpoint: str, chosen: list[str], parts: list[str], if_none_match: str, scene: Scene) -> Answer:
    world = scene.world
    etag = digest(world.seed, f"{endpoint} {chosen} {parts}", 16).hex()
    if etag in if_none_match:
        return Answer(304, b"", 1, bought=True, headers={"ETag": f'"{etag}"'})
    build = video_item if endpoint == "videos" else channel_item
    items = [item for one in chosen if (item := build(world, one, parts)) is not None]
    kind = "videoListResponse" if endpoint == "videos" else "channelListResponse"
    body: dict[str, object] = {"kind": f"youtube#{kind}", "etag": etag}
    if items or endpoint == "videos":
        body["items"] = items
    body["pageInfo"] = {"totalResults": len(items), "resultsPerPage": len(items) or 5}
    return Answer(200, _encode(body), 1, bought=True, headers={"ETag": f'"{etag}"'})
