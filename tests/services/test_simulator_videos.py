"""The simulated YouTube: resources, parts, unknown ids, units and refusals."""

import re
from typing import Any

import pytest

from tests.services.test_simulator_process import Simulator
from tests.services.test_simulator_search import VIDEO_LINK

UNKNOWN = "AAAAAAAAAAA"


@pytest.fixture(scope="module")
def shown(process: Simulator) -> dict[str, dict[str, Any]]:
    """Video results of 60 searches by YouTube id."""
    process.fresh()
    found = {}
    for number in range(60):
        for result in process.search(f"video {number}", search_type="videos").json().get("video_results", []):
            if match := VIDEO_LINK.match(result["link"]):
                found[match[1]] = result
    return found


@pytest.fixture(scope="module")
def videos(process: Simulator, shown: dict[str, Any]) -> list[dict[str, Any]]:
    """All of them that YouTube has, with every usual part."""
    return _all(process, "videos", list(shown), "snippet,statistics,contentDetails,status")


def _all(sim: Simulator, endpoint: str, ids: list[str], part: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for start in range(0, len(ids), 50):
        found += sim.youtube(endpoint, part=part, id=",".join(ids[start : start + 50])).json()["items"]
    return found


def test_video_list_has_the_documented_shape(sim: Simulator, videos: list[dict[str, Any]]) -> None:
    """Envelope, snippet, and 64-bit counts as strings."""
    wanted = videos[0]["id"]
    answer = sim.youtube("videos", part="snippet,statistics,contentDetails", id=wanted).json()
    assert answer["kind"] == "youtube#videoListResponse"
    assert answer["pageInfo"] == {"totalResults": 1, "resultsPerPage": 1}
    (item,) = answer["items"]
    assert (item["kind"], item["id"]) == ("youtube#video", wanted)
    snippet = item["snippet"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", snippet["publishedAt"])
    assert re.fullmatch(r"UC[\w-]{22}", snippet["channelId"])
    assert set(snippet["thumbnails"]["default"]) == {"url", "width", "height"}
    assert isinstance(snippet["tags"], list)
    assert snippet["categoryId"].isdigit()
    assert all(isinstance(value, str) and value.isdigit() for value in item["statistics"].values())
    assert re.fullmatch(r"PT(?:\d+H)?(?:\d+M)?(?:\d+S)?|P0D", item["contentDetails"]["duration"])
    assert item["contentDetails"]["caption"] in ("true", "false")


def test_search_and_youtube_tell_the_same_of_a_video(
    shown: dict[str, dict[str, Any]], videos: list[dict[str, Any]]
) -> None:
    """One world: title and channel agree between the providers."""
    for video in videos:
        assert shown[video["id"]]["title"] == video["snippet"]["title"]
        assert shown[video["id"]]["channel"] == video["snippet"]["channelTitle"]


def test_about_one_in_fifty_videos_shown_is_gone(
    shown: dict[str, dict[str, Any]], videos: list[dict[str, Any]]
) -> None:
    """Searches show some ids YouTube no longer has."""
    assert 0.003 < 1 - len(videos) / len(shown) < 0.06


def test_hidden_counts_are_absent(videos: list[dict[str, Any]]) -> None:
    """Absent, not zero; on some videos only."""
    for name in ("likeCount", "commentCount"):
        assert 0 < sum(name not in video["statistics"] for video in videos) < len(videos) / 5
    assert all("viewCount" in video["statistics"] for video in videos)


def test_channels_hold_several_videos(sim: Simulator, videos: list[dict[str, Any]]) -> None:
    """Fewer channels than videos, every one of them known, subscribers rounded or hidden."""
    ids = sorted({video["snippet"]["channelId"] for video in videos})
    assert len(ids) < len(videos) / 2
    channels = _all(sim, "channels", ids, "snippet,statistics,brandingSettings,contentDetails")
    assert [channel["id"] for channel in channels] == ids
    for channel in channels:
        statistics = channel["statistics"]
        if statistics["hiddenSubscriberCount"]:
            assert statistics.get("subscriberCount", "0") == "0"
        else:
            assert set(statistics["subscriberCount"][3:]) <= {"0"}
        assert channel["contentDetails"]["relatedPlaylists"]["uploads"] == "UU" + channel["id"][2:]


def test_only_the_parts_asked_for_are_returned(sim: Simulator, videos: list[dict[str, Any]]) -> None:
    """`part` decides what an item holds."""
    (item,) = sim.youtube("videos", part="id,statistics", id=videos[0]["id"]).json()["items"]
    assert set(item) == {"kind", "etag", "id", "statistics"}


def test_unknown_ids_are_left_out(sim: Simulator, videos: list[dict[str, Any]]) -> None:
    """200, the rest in the order asked for, the total smaller; the unknown one was bought all the same."""
    one, other = videos[0]["id"], videos[1]["id"]
    answer = sim.youtube("videos", part="snippet", id=f"{other},{UNKNOWN},x,{one},{one}").json()
    assert [item["id"] for item in answer["items"]] == [other, one]
    assert answer["pageInfo"]["totalResults"] == 2
    assert sim.page("youtube")["subjects"] == 4


def test_empty_channel_list_has_no_items_key(sim: Simulator) -> None:
    """An empty video list has one, an empty channel list does not."""
    assert sim.youtube("videos", part="snippet", id=UNKNOWN).json()["items"] == []
    assert "items" not in sim.youtube("channels", part="snippet", id="UCnobody").json()


def test_channel_is_found_by_its_handle(sim: Simulator, videos: list[dict[str, Any]]) -> None:
    """The filter takes what customUrl gives, with or without the @."""
    wanted = videos[0]["snippet"]["channelId"]
    (channel,) = sim.youtube("channels", part="snippet", id=wanted).json()["items"]
    for handle in (channel["snippet"]["customUrl"], channel["snippet"]["customUrl"].lstrip("@")):
        (found,) = sim.youtube("channels", part="id", forHandle=handle).json()["items"]
        assert found["id"] == wanted
    assert "items" not in sim.youtube("channels", part="id", forHandle="@nobody").json()


def test_fifty_ids_are_the_most(sim: Simulator) -> None:
    """The 51st is refused, and the refusal costs its unit."""
    ids = [f"{number:011}" for number in range(51)]
    assert sim.youtube("videos", part="id", id=",".join(ids[:50])).status_code == 200
    refused = sim.youtube("videos", part="id", id=",".join(ids))
    assert refused.status_code == 400
    assert refused.json()["error"]["errors"][0]["location"] == "id"
    page = sim.page("youtube")
    assert (page["units"], page["subjects"]) == (2, 50)


@pytest.mark.parametrize(
    ("parameters", "reason", "location"),
    [
        ({"id": UNKNOWN}, "missingRequiredParameter", "part"),
        ({"part": "snippet"}, "missingRequiredParameter", "parameters"),
        ({"part": "snippet,spippet", "id": UNKNOWN}, "unknownPart", "part"),
        ({"part": "snippet", "id": UNKNOWN, "chart": "mostPopular"}, "incompatibleParameters", "parameters"),
    ],
)
def test_wrong_parameters_are_refused_and_cost_a_unit(
    sim: Simulator, parameters: dict[str, str], reason: str, location: str
) -> None:
    """The error envelope with the reason first."""
    answer = sim.youtube("videos", **parameters)
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["code"] == 400
    assert error["errors"][0]["message"] == error["message"]
    assert (error["errors"][0]["reason"], error["errors"][0]["location"]) == (reason, location)
    page = sim.page("youtube")
    assert (page["units"], page["subjects"]) == (1, 0)


def test_key_is_taken_from_the_header(sim: Simulator) -> None:
    """X-Goog-Api-Key keeps it out of the URL."""
    answer = sim.http.get(
        "/youtube/v3/videos", params={"part": "id", "id": UNKNOWN}, headers={"X-Goog-Api-Key": "secret"}
    )
    assert answer.status_code == 200


@pytest.mark.parametrize("headers", [{}, {"X-Goog-Api-Key": "invalid-key"}])
def test_wrong_key_is_refused(sim: Simulator, headers: dict[str, str]) -> None:
    """400 with API_KEY_INVALID in the details, free of charge."""
    answer = sim.http.get("/youtube/v3/videos", params={"part": "id", "id": UNKNOWN}, headers=headers)
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["errors"][0]["reason"] == "keyInvalid"
    assert error["details"][0]["reason"] == "API_KEY_INVALID"
    assert sim.page("youtube")["units"] == 0


def test_unchanged_answer_is_304_and_costs_a_unit(sim: Simulator, videos: list[dict[str, Any]]) -> None:
    """If-None-Match saves the body, not the quota."""
    first = sim.youtube("videos", part="snippet", id=videos[0]["id"])
    again = sim.http.get(first.url, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert sim.page("youtube")["units"] == 2


def test_unknown_method_is_not_found(sim: Simulator) -> None:
    """404 in the error envelope."""
    answer = sim.youtube("playlists", part="id")
    assert answer.status_code == 404
    assert answer.json()["error"]["status"] == "NOT_FOUND"
