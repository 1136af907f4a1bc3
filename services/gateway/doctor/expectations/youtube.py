"""YouTube: one known video, for one of the day's 10,000 units."""

from services.gateway.doctor.expectation import Expectation, caller
from shared.domain.provider import Request

#: The first video that was ever uploaded.
VIDEO = "jNQXAC9IVRw"

EXPECTATION = Expectation(
    caller(
        "youtube",
        "media",
        "https://www.googleapis.com/youtube/v3",
        ("header", "X-Goog-Api-Key"),
        error_codes=("error.errors.reason", "error.details.reason"),
    ),
    Request("/videos", {"part": "snippet,contentDetails,statistics", "id": VIDEO}),
    price="1 unit",
    source="the discovery document of YouTube Data API v3, revision 20261104",
    fields={
        "kind": "string",
        "etag": "string",
        "pageInfo.totalResults": "integer",
        "pageInfo.resultsPerPage": "integer",
        "items[].kind": "string",
        "items[].etag": "string",
        "items[].id": "string",
        "items[].snippet.publishedAt": "string",
        "items[].snippet.channelId": "string",
        "items[].snippet.title": "string",
        "items[].snippet.description": "string",
        "items[].snippet.thumbnails": "any",
        "items[].snippet.channelTitle": "string",
        "items[].snippet.tags?": "any",
        "items[].snippet.categoryId": "string",
        "items[].snippet.liveBroadcastContent": "string",
        "items[].snippet.localized?": "any",
        "items[].snippet.defaultLanguage?": "string",
        "items[].snippet.defaultAudioLanguage?": "string",
        "items[].contentDetails.duration": "string",
        "items[].contentDetails.dimension": "string",
        "items[].contentDetails.definition": "string",
        "items[].contentDetails.caption": "string",
        "items[].contentDetails.licensedContent": "boolean",
        "items[].contentDetails.contentRating?": "any",
        "items[].contentDetails.regionRestriction?": "any",
        "items[].contentDetails.projection?": "string",
        # 64-bit integers come as text; what the owner hides is not there.
        "items[].statistics.viewCount?": "string",
        "items[].statistics.likeCount?": "string",
        "items[].statistics.favoriteCount?": "string",
        "items[].statistics.commentCount?": "string",
    },
)
