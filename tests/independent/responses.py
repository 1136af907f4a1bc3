"""The stored responses of a pipeline, and the clicks of a results page, for `recompute.py`; imports nothing of ours."""

import json
from collections import Counter, defaultdict
from math import fsum
from urllib.parse import parse_qsl, urlsplit

import psycopg

CURVES = {
    "sistrix-2020": (28.5, 15.7, 11.0, 8.0, 7.2, 5.1, 4.0, 3.2, 2.8, 2.5),
    "backlinko": (27.6, 15.8, 11.0, 8.4, 6.3, 4.9, 3.9, 3.3, 2.7, 2.4),
    "firstpagesage-2025": (39.8, 18.7, 10.2, 7.2, 5.1, 4.4, 3.0, 2.1, 1.9, 1.6),
    "legacy": (28.23, 15.72, 10.73, 7.75, 5.88, 4.59, 3.69, 3.02, 2.52, 2.14),
}
FIRST = {"shopping": 13.7, "knowledge": 16.7, "ads": 18.8, "snippet": 23.3, "sitelinks": 46.9, "pure": 34.2}
FEATURES = {
    "ads": "ads", "ai_overview": "ai_overview", "answer_box": "featured_snippet", "inline_images": "images",
    "inline_shopping": "shopping", "inline_videos": "video", "knowledge_graph": "knowledge_panel",
    "local_results": "local", "related_questions": "people_also_ask", "shopping_results": "shopping",
    "sitelinks": "sitelinks", "top_stories": "top_stories",
}  # fmt: skip


def curve_of(name, top="", overview=False):
    """Clicks by position from 1 to 20 on a page of this kind."""
    clicks = [share / 100 for share in CURVES[name]] + [0.005] * 10
    whole = max(1.0, fsum(clicks))
    clicks = [share / whole for share in clicks]
    if top:
        clicks[0] *= FIRST[top] / 28.5
    if overview:
        lost = [0.58, 0.508] + [0.464 - 0.27 * step / 7 for step in range(8)] + [0.194] * 10
        clicks = [share * (1 - part) for share, part in zip(clicks, lost)]
    whole = max(1.0, fsum(clicks))
    return [share / whole for share in clicks]


def kind_of(features, first_linked):
    """What decides first place, and whether there is an AI overview."""
    names = {FEATURES[block] for block in features if block in FEATURES}
    top = next(
        (kind for kind, name in (("shopping", "shopping"), ("knowledge", "knowledge_panel"), ("ads", "ads"),
                                 ("snippet", "featured_snippet")) if name in names), "",
    )  # fmt: skip
    if not top and first_linked:
        top = "sitelinks"
    if not top and not names:
        top = "pure"
    return top, "ai_overview" in names


def canonical(keyword):
    """A keyword without differences of case and blanks."""
    return " ".join(keyword.casefold().split())


def page_of(url):
    """Page without scheme, www and tracking."""
    parts = urlsplit(url)
    query = sorted(
        (k, v)
        for k, v in parse_qsl(parts.query, keep_blank_values=True)
        if not k.startswith("utm_") and k not in {"gclid", "fbclid", "srsltid"}
    )
    path = "/".join(part for part in parts.path.split("/") if part)
    asked = "&".join(f"{k}={v}" for k, v in query)
    return f"{parts.netloc.removeprefix('www.')}/{path}" + (f"?{asked}" if asked else "")


class Search:
    """A search with its results, from the stored response."""

    def __init__(self, key, answer, config, volumes, owner):
        self.keyword, self.region, self.type = json.loads(key)
        result = answer["result"]
        seen = {(row["position"], row["url"]): row for row in reversed(result["rankings"])}
        self.rows = [seen[place] for place in sorted(seen)]
        self.blocks, self.owners = result.get("features", []), result.get("owners")
        equal = all(v.get("volume") is None for v in volumes.values())
        known = volumes.get((self.keyword, self.region), {})
        self.volume, self.price = known.get("volume"), known.get("cpc_micros")
        self.weight = 1 if equal else self.volume
        sharing = Counter(row["position"] for row in self.rows)
        linked = bool(self.rows) and self.rows[0]["domain"] in (self.owners or {}).get("sitelinks", [])
        kind = (
            kind_of(self.blocks, linked) if config["corrections"] and self.type == "organic" else ("", False)
        )
        self.curves = {name: curve_of(name, *kind) for name in CURVES}
        self.results = [
            (owner.get(row["domain"], row["domain"]), row, sharing[row["position"]]) for row in self.rows
        ]

    def clicks(self, position, sharing, name):
        """Of one result, of a search made once."""
        return self.curves[name][position - 1] / sharing if position <= 20 else 0.0

    def best(self):
        """Company -> best position."""
        found = {}
        for company, row, _ in self.results:
            found.setdefault(company, row["position"])
        return found


def read(url, pipeline):
    """Configuration, and by phase: key -> (result as recorded, stored answers)."""
    with psycopg.connect(url) as conn:
        (config,) = conn.execute(
            "SELECT config FROM pipelines WHERE pipeline_id = %s", (pipeline,)
        ).fetchone()
        stored = defaultdict(dict)
        for phase, key, payload, answer in conn.execute(
            "SELECT i.phase, i.key, r.payload, f.answer FROM items i JOIN results r USING (pipeline_id, item_id)"
            " CROSS JOIN LATERAL jsonb_to_recordset(r.facts) AS u (key uuid, call_id uuid)"
            " JOIN provider_facts f ON f.fact_key = u.key AND f.call_id = u.call_id WHERE i.pipeline_id = %s",
            (pipeline,),
        ):
            stored[phase].setdefault(key, (payload, []))[1].append(answer)
    return config, stored


class Known:
    """All that is stored of a pipeline, and whose the domains are."""

    def __init__(self, url, pipeline, platforms):
        self.config, stored = read(url, pipeline)
        self.platforms = platforms
        self.owner, self.parties, self.domains = {}, [], {}
        for given in [self.config["company"], *self.config["competitors"]]:
            first = given["domains"][0]
            self.parties.append(first)
            self.domains[first] = given["domains"]
            self.owner |= dict.fromkeys(given["domains"], first)
        self.volumes = {
            tuple(json.loads(key)): answers[0] or {}
            for key, (_, answers) in stored["keyword_metrics"].items()
        }
        self.equal = all(v.get("volume") is None for v in self.volumes.values())
        self.answers = {key: answers[0] for key, (_, answers) in sorted(stored["serp_collection"].items())}
        self.searches = [
            Search(key, answer, self.config, self.volumes, self.owner) for key, answer in self.answers.items()
        ]
        self.analyses = {key: payload for key, (payload, _) in stored["content_analysis"].items()}
        self.texts = {key: payload for key, (payload, _) in stored["content_scraping"].items()}
        self.records = {
            key: next((a for a in answers if a and "matched" in a), payload)
            for key, (payload, answers) in stored["company_enrichment"].items()
        }
        self.videos = {
            key: next((a for a in answers if a and "channel_id" in a), {})
            for key, (_, answers) in stored["video_enrichment"].items()
        }
        prefix = "persona:" if self.config["personas"] else "market_relevance"
        self.relevance = {}
        for key, payload in self.analyses.items():
            scores = [
                score["score"]
                for dimension, score in payload.get("scores", {}).items()
                if dimension.startswith(prefix) and score.get("score") is not None
            ]
            if scores:
                self.relevance[key] = fsum(scores) / len(scores) / 10
