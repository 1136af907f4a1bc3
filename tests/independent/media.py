"""Videos, channels and publishers from stored responses, for `recompute.py`; imports nothing of ours."""

from collections import Counter, defaultdict
from math import fsum
from urllib.parse import parse_qs, urlsplit

from checking import check_all


def video_of(url):
    """Id of a YouTube video."""
    parts = urlsplit(url)
    if parts.netloc.removeprefix("www.") != "youtube.com":
        return None
    return parse_qs(parts.query).get("v", [None])[0]


def engagement(answers):
    """Likes and comments by view, of those of which all three are known."""
    whole = [a for a in answers if a.get("views") and None not in (a.get("likes"), a.get("comments"))]
    views = sum(a["views"] for a in whole)
    return sum(a["likes"] + a["comments"] for a in whole) / views if views else None


def videos(report, known):
    """As YouTube has them, and where they rank."""
    views = sum(v.get("views") or 0 for v in known.videos.values())
    places = defaultdict(list)
    for s in known.searches:
        for row in s.rows:
            places[video_of(row["url"])].append(row["position"])
    for row in report["videos"]:
        answer = known.videos.get(row["id"], {})
        expected = {name: answer.get(name) for name in ("views", "likes", "comments", "subscribers")}
        expected |= {
            "view_share": answer["views"] / views if answer.get("views") is not None else None,
            "appearances": len(places[row["id"]]),
            "best_position": min(places[row["id"]], default=None),
            "engagement": engagement([answer]),
        }
        check_all("videos", row, expected)


def channels(report, known):
    """Whose videos rank in video searches."""
    clicks, ids, times, total = defaultdict(list), defaultdict(set), Counter(), []
    for s in known.searches:
        for _, row, sharing in s.results if s.type == "video" else ():
            expected = (
                None
                if s.weight is None
                else s.weight * s.clicks(row["position"], sharing, known.config["curve"])
            )
            total += [] if expected is None else [expected]
            if (video := video_of(row["url"])) is None:
                continue
            answer = known.videos.get(video, {})
            at = (answer.get("channel_id") or None, answer.get("channel") or row.get("source", ""))
            ids[at].add(video)
            times[at] += 1
            clicks[at] += [] if expected is None else [expected]
    answers = {at: [known.videos.get(video, {}) for video in found] for at, found in ids.items()}
    seen = {at: [a["views"] for a in found if a.get("views") is not None] for at, found in answers.items()}
    views = sum(map(sum, seen.values()))
    for row in report["channels"]:
        at = (row["channel_id"], row["channel"])
        own = fsum(clicks[at]) if total else None
        subscribers = [a["subscribers"] for a in answers[at] if a.get("subscribers") is not None]
        expected = {
            "videos": len(ids[at]),
            "appearances": times[at],
            "expected_clicks": own,
            "share_of_voice": own / fsum(total) if own is not None and fsum(total) else None,
            "views": sum(seen[at]) if seen[at] else None,
            "view_share": sum(seen[at]) / views if seen[at] and views else None,
            "engagement": engagement(answers[at]),
            "subscribers": max(subscribers, default=None),
        }
        check_all("channels", row, expected)


def publishers(report, known):
    """As their news rank."""
    times, weights = Counter(), Counter()
    for s in known.searches:
        for row in s.rows if s.type == "news" else ():
            at = (row.get("source") or row["domain"], row["domain"])
            times[at] += 1
            weights[at] += s.weight or 0
    for row in report["publishers"]:
        at = (row["publisher"], row["domain"])
        expected = {
            "appearances": times[at],
            "weighted_appearances": None if known.equal else weights[at],
            "share": weights[at] / weights.total() if weights.total() else None,
        }
        check_all("publishers", row, expected)
