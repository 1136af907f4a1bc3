"""YouTube: the simulator's answers and our client's requests against Google's published discovery document."""

import json
import re
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import httpx
import pytest

from services.media.provider import PROVIDER
from shared.domain.start import StartRequest
from tests.contract.vendors import client_requests, discovery, google_rpc, parameters
from tests.contract.vendors.simulated import Simulator, errors, process, sim

__all__ = ["process", "sim"]

#: Most ids of a call, which the document does not tell.
MAX_IDS = 50
VIDEO = re.compile(r"(?:v=|youtu\.be/|shorts/)([\w-]{11})")
#: Those of a resource that clients of ours may want.
USUAL = {
    "videos": ["snippet", "statistics", "contentDetails", "status", "topicDetails", "liveStreamingDetails"],
    "channels": ["snippet", "statistics", "brandingSettings", "contentDetails"],
}
#: All that are published.
PARTS = {
    "videos": [name for name in discovery.properties("Video") if name not in ("kind", "etag", "id")],
    "channels": [name for name in discovery.properties("Channel") if name not in ("kind", "etag", "id")],
}
WRONG: dict[str, dict[str, str]] = {
    "no part": {"id": "abcdefghijk"},
    "unknown part": {"part": "snippets", "id": "abcdefghijk"},
    "no filter": {"part": "snippet"},
    "two filters": {"part": "snippet", "id": "abcdefghijk", "chart": "mostPopular"},
    "too many ids": {"part": "snippet", "id": ",".join(f"{n:011}" for n in range(MAX_IDS + 1))},
}


@pytest.fixture(scope="module")
def videos(process: Simulator) -> list[str]:
    """Ids of about two hundred videos, those that are gone among them."""
    process.fresh()
    found: dict[str, None] = {}
    for number in range(25):
        for result in process.search(f"clip {number}", search_type="videos").json().get("video_results", []):
            if match := VIDEO.search(result["link"]):
                found[match[1]] = None
    assert len(found) > 150
    return list(found)


@pytest.fixture(scope="module")
def channels(process: Simulator, videos: list[str]) -> list[str]:
    """Ids of their channels."""
    found = {
        item["snippet"]["channelId"]
        for n in range(0, len(videos), MAX_IDS)
        for item in listed(process, "videos", ["snippet"], videos[n : n + MAX_IDS]).json()["items"]
    }
    return sorted(found)[:MAX_IDS]


def listed(sim: Simulator, endpoint: str, parts: list[str], ids: list[str]) -> httpx.Response:
    """One call for the given parts."""
    return sim.youtube(endpoint, part=",".join(parts), id=",".join(ids))


def assert_published(answer: httpx.Response) -> None:
    """The envelope of Google's errors, with details that are what their types say."""
    error = answer.json()["error"]
    assert error.keys() <= {"code", "message", "errors", "status", "details"}
    assert error["code"] == answer.status_code
    assert google_rpc.HTTP_STATUS[error["status"]] == answer.status_code if "status" in error else True
    for one in error["errors"]:
        assert (
            {"message", "domain", "reason"}
            <= one.keys()
            <= {"message", "domain", "reason", "location", "locationType"}
        )
    for detail in error.get("details", []):
        assert google_rpc.detail(detail) == detail
        assert detail["reason"] in google_rpc.REASONS


def assert_resources(answer: httpx.Response, schema: str, *, may_lack: bool) -> None:
    """A list of published resources; a part that the simulator may lack can be refused instead."""
    if may_lack and answer.status_code == 400:
        assert_published(answer)
    else:
        assert answer.status_code == 200
        assert discovery.misfits(answer.json(), schema) == []


@pytest.mark.parametrize("part", PARTS["videos"])
def test_video_is_the_published_resource(sim: Simulator, videos: list[str], part: str) -> None:
    """Every field known, 64-bit counts in text; a part the simulator lacks is refused, not invented."""
    for n in range(0, len(videos), MAX_IDS):
        answer = listed(sim, "videos", [part], videos[n : n + MAX_IDS])
        assert_resources(answer, "VideoListResponse", may_lack=part not in USUAL["videos"])


@pytest.mark.parametrize("part", PARTS["channels"])
def test_channel_is_the_published_resource(sim: Simulator, channels: list[str], part: str) -> None:
    """As for videos."""
    answer = listed(sim, "channels", [part], channels)
    assert_resources(answer, "ChannelListResponse", may_lack=part not in USUAL["channels"])


def test_answers_hold_what_was_asked_for(sim: Simulator, videos: list[str], channels: list[str]) -> None:
    """Otherwise empty resources would pass for published ones."""
    wanted = ["snippet", "statistics", "contentDetails"]
    for endpoint, ids in (("videos", videos[:MAX_IDS]), ("channels", channels)):
        items = listed(sim, endpoint, wanted, ids).json()["items"]
        assert len(items) > len(ids) * 0.8
        assert all(item.keys() >= {"kind", "etag", "id", *wanted} for item in items)


def test_nothing_found_is_the_published_answer(sim: Simulator) -> None:
    """Both kinds: videos with an empty list, channels without one."""
    for endpoint, schema in (("videos", "VideoListResponse"), ("channels", "ChannelListResponse")):
        body = listed(sim, endpoint, ["snippet"], ["AAAAAAAAAAA"]).json()
        assert discovery.misfits(body, schema) == []
        assert body.get("items", []) == []


@pytest.mark.parametrize("fault", errors("youtube"))
def test_fault_is_the_published_error(sim: Simulator, fault: str) -> None:
    """Whatever goes wrong, the status agrees with its name and a reason is one of Google's."""
    sim.fault("youtube", fault)
    answer = listed(sim, "videos", ["snippet"], ["abcdefghijk"])

    assert answer.status_code >= 400
    assert_published(answer)


@pytest.mark.parametrize("wrong", WRONG)
def test_refusal_is_the_published_error(sim: Simulator, wrong: str) -> None:
    """What is wrong in a request, too."""
    answer = sim.youtube("videos", **WRONG[wrong])

    assert answer.status_code == 400
    assert_published(answer)


def test_unknown_key_and_path_are_published_errors(sim: Simulator) -> None:
    """Those that are refused before anything is read."""
    assert_published(
        sim.http.get("/youtube/v3/videos", params={"part": "snippet", "id": "x", "key": "invalid"})
    )
    assert_published(sim.http.get("/youtube/v3/clips", params={"key": "secret"}))


@pytest.fixture(scope="module")
def requests(process: Simulator) -> list[httpx.Request]:
    """What our client asks of the videos of some searches."""
    process.fresh()
    start = StartRequest(
        keywords=tuple(f"clip {n}" for n in range(20)), regions=("US",), content_types=("video",)
    )
    return client_requests.kept(process, "media", start)


def test_client_asks_for_videos_and_channels(requests: list[httpx.Request]) -> None:
    """Otherwise the tests below would have nothing to hold against the document."""
    assert {request.url.path for request in requests} == {"/youtube/v3/videos", "/youtube/v3/channels"}
    assert max(len(request.url.params["id"].split(",")) for request in requests) == MAX_IDS


def test_client_sends_published_parameters(requests: list[httpx.Request]) -> None:
    """Method, path, and of the parameters: names, those required, lists, ranges; never more ids than are taken."""
    for request in requests:
        method = discovery.method(request.url.path.rpartition("/")[2])
        assert (request.method, request.url.path) == (method["httpMethod"], f"/{method['flatPath']}")
        table = {**discovery.document()["parameters"], **method["parameters"]}
        table["id"] = {**table["id"], "values": str(MAX_IDS)}
        assert parameters.misfits(dict(request.url.params.multi_items()), table) == []


def test_client_asks_for_published_parts(requests: list[httpx.Request]) -> None:
    """Each is a property of the resource."""
    for request in requests:
        resource = request.url.path.rpartition("/")[2]
        assert set(request.url.params["part"].split(",")) <= set(PARTS[resource])


def test_client_uses_the_published_address() -> None:
    """The service's own host or the one that serves all of Google's APIs, and the published path."""
    hosts = (discovery.document()["rootUrl"], "https://www.googleapis.com/")
    assert PROVIDER.base_url in [
        f"{host}{discovery.method('videos')['flatPath'].rpartition('/')[0]}" for host in hosts
    ]


def test_rules_name_published_reasons() -> None:
    """What is in capitals is a reason that all of Google's APIs have, or the name of a status."""
    codes = {rule.code for rule in PROVIDER.errors if rule.code and rule.code.isupper()}

    assert codes
    assert codes <= google_rpc.REASONS | google_rpc.HTTP_STATUS.keys()


@pytest.fixture
def official(sim: Simulator) -> Iterator[Any]:
    """Google's own client of the published document; it has no types."""
    with import_module("googleapiclient.discovery").build_from_document(
        json.dumps(discovery.document()),
        http=import_module("httplib2").Http(proxy_info=None),
        developerKey="secret",
        client_options={"api_endpoint": f"{sim.url}/"},
    ) as client:
        yield client


def test_official_client_reads_the_simulator(official: Any, videos: list[str]) -> None:
    """Asked as our client asks."""
    asked = {"part": "snippet,contentDetails,statistics", "id": ",".join(videos[:MAX_IDS])}
    found = official.videos().list(**asked).execute()

    assert len(found["items"]) > MAX_IDS * 0.8
