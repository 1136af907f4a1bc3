"""Recomputes a report's numbers from the stored responses, and imports nothing of ours.

    python recompute.py POSTGRES_URL PIPELINE_ID REPORT.json

Reads the configuration, the answers in `provider_facts` that results refer to, and, of the analyses, the scores
that stood up to the check of their quotes. Who is a platform is taken from the report, for it is no number.
Prints one JSON object: numbers compared and those that differ.
"""

import json
import sys
from collections import Counter, defaultdict
from math import cbrt, fsum, isclose

from responses import CURVES, FEATURES, FIRST, Search, curve_of, page_of, read

differences = []
compared = 0


def check(where, name, stated, found):
    """One number."""
    global compared
    compared += 1
    same = (
        stated is None
        if found is None
        else stated is not None and isclose(stated, found, rel_tol=1e-9, abs_tol=1e-9)
    )
    if not same:
        differences.append([where, name, stated, found])


def companies(report, config, searches, relevance, parties, platforms):
    """Every company in every market."""
    curve, plain = config["curve"], curve_of(config["curve"])
    by_market = defaultdict(list)
    for row in report["companies"]:
        if row["landscape"] is None:
            by_market[row["content_type"], row["region"]].append(row)
    asked = {" ".join(k["keyword"].casefold().split()) for k in config["keywords"]}
    for (type_, region), rows in by_market.items():
        market = [s for s in searches if s.type == type_ and region in (None, s.region)]
        weighed = [s for s in market if s.weight]
        terms = {name: defaultdict(list) for name in CURVES}
        value, judged, tallies = defaultdict(list), defaultdict(list), defaultdict(list)
        for s in weighed:
            for company, row, sharing in s.results:
                for name in CURVES:
                    terms[name][company].append(s.weight * s.clicks(row["position"], sharing, name))
                own = s.weight * s.clicks(row["position"], sharing, curve)
                if s.price is not None:
                    value[company].append(own * s.price / 1e6)
                if type_ == "organic" and (score := relevance.get(page_of(row["url"]))) is not None:
                    judged[company].append((own, score))
        for s in market:
            for company, position in s.best().items():
                tallies[company].append((position, s))
        total = {name: fsum(map(fsum, terms[name].values())) for name in CURVES}
        weight = sum(s.weight for s in weighed)
        peers = fsum(fsum(terms[curve][company]) for company in parties)
        depth = 10 * config["pages"][type_]
        priced = any(s.price is not None for s in weighed)
        missing = missing_weight(config, asked, market, region)
        layouts = (
            {(t, o) for t in ("", *FIRST) for o in (False, True)}
            if config["corrections"]
            and type_ == "organic"
            and any(c != plain for s in market for c in [s.curves[curve]])
            else {("", False)}
        )
        most = None if missing is None else missing * max(fsum(curve_of(curve, *page)) for page in layouts)
        for row in rows:
            company, where = row["company"], [row["company"], type_, region]
            own = {name: fsum(terms[name][company]) for name in CURVES}
            places = [position for position, _ in tallies[company]]
            shares = {name: own[name] / total[name] if total[name] else 0.0 for name in CURVES}
            share = shares[curve] if weight else None
            covered = {n: sum(p <= n for p in places) / len(market) if market else None for n in (3, 10, 20)}
            known = fsum(e for e, _ in judged[company])
            score = fsum(e * r for e, r in judged[company]) / known if known else None
            factors = (covered[20], share, score)
            whole = None not in factors
            count = lambda low, high: sum(low <= p <= high for p in places)
            expected = {
                "share_of_voice": share,
                "share_low": min(shares.values()) if weight else None,
                "share_high": max(shares.values()) if weight else None,
                "expected_clicks": own[curve] if weight else None,
                "possible_low": None if most is None else own[curve] / (total[curve] + most),
                "possible_high": None if most is None else min(1.0, (own[curve] + most) / (total[curve] + most)),
                "visibility": fsum(plain[p - 1] for p in places if p <= 20) / (len(market) * plain[0]) if market else None,
                "weighted_visibility": fsum(s.weight * plain[p - 1] for p, s in tallies[company] if p <= 20 and s.weight) / (weight * plain[0]) if weight else None,
                "keyword_coverage": covered[20], "coverage_10": covered[10], "coverage_3": covered[3],
                "keywords": len({s.keyword for p, s in tallies[company] if p <= 20}),
                "appearances": sum(c == company for s in market for c, _, _ in s.results),
                "best_position": min(places, default=None),
                "average_position": sum(places) / len(places) if places else None,
                "average_position_all": (sum(min(p, depth) for p in places) + depth * (len(market) - len(places))) / len(market) if market else None,
                "at_1": count(1, 1), "at_2_3": count(2, 3), "at_4_10": count(4, 10), "at_11_20": count(11, 20),
                "beyond_20": count(21, 10**6),
                "capture_rate": own[curve] / weight if weight else None,
                "visibility_index": own[curve] / 1000 if weight and report["method"]["weights"] != "equal" else None,
                "peer_share": own[curve] / peers if company in parties and peers and weight else None,
                "traffic_value": fsum(value[company]) if priced else None,
                "analysed": min(1.0, known / own[curve]) if own[curve] and weight else None,
            }  # fmt: skip
            if type_ == "organic":
                expected |= {"relevance": score, "dsi": 100 * cbrt(covered[20] * share * score) if whole else None,
                             "dsi_legacy": 1e4 * covered[20] * share * score if whole else None}  # fmt: skip
            for name, found in expected.items():
                check(where, name, row[name], found)
        ranks(rows, platforms)
        market_row(
            report,
            type_,
            region,
            market,
            terms[curve],
            total[curve],
            weight,
            platforms,
            value if priced else None,
        )


def missing_weight(config, asked, market, region):
    """Weight of the searches that are not there; None where one of them is unknown."""
    regions = [region] if region else config["regions"]
    known = VOLUMES
    equal = all(v.get("volume") is None for v in known.values())
    planned = [1 if equal else known.get((k, r), {}).get("volume") for k in asked for r in regions]
    return None if None in planned else sum(planned) - sum(s.weight or 0 for s in market)


def ranks(rows, platforms):
    """By share, equal ones alike."""
    shares = sorted(
        (r["share_of_voice"] for r in rows if r["appearances"] and r["company"] not in platforms),
        reverse=True,
    )
    for row in rows:
        ranked = row["appearances"] and row["company"] not in platforms
        check(
            [row["company"], row["content_type"], row["region"]],
            "rank",
            row["rank"],
            shares.index(row["share_of_voice"]) + 1 if ranked else None,
        )


def market_row(report, type_, region, market, terms, total, weight, platforms, value):
    """The market as a whole."""
    (row,) = [
        m
        for m in report["markets"]
        if (m["landscape"], m["content_type"], m["region"]) == (None, type_, region)
    ]
    shares = {company: fsum(own) / total for company, own in terms.items()} if total else {}
    ranked = sorted((s for c, s in shares.items() if s and c not in platforms), reverse=True)
    hhi = fsum(s * s for s in shares.values())
    where = ["market", type_, region]
    check(where, "searches", row["searches"], len(market))
    check(where, "expected_clicks", row["expected_clicks"], total if weight else None)
    check(where, "capture_rate", row["capture_rate"], total / weight if weight else None)
    check(where, "concentration", row["concentration"], hhi if total else None)
    check(where, "effective_companies", row["effective_companies"], 1 / hhi if hhi else None)
    check(where, "leader_share", row["leader_share"], ranked[0] if ranked else None)
    check(where, "leader_gap", row["leader_gap"], ranked[0] - ranked[1] if len(ranked) > 1 else None)
    check(
        where,
        "platform_share",
        row["platform_share"],
        fsum(s for c, s in shares.items() if c in platforms) if total else None,
    )
    check(
        where,
        "traffic_value",
        row["traffic_value"],
        None if value is None else fsum(map(fsum, value.values())),
    )


def searches_and_gaps(report, config, searches, owner, parties):
    """The tables of keywords, gaps and features."""
    found = {(s.keyword, s.region, s.type): s for s in searches}
    for row in report["keywords"]:
        s = found[" ".join(row["keyword"].casefold().split()), row["region"], row["content_type"]]
        check(["keyword", row["keyword"], s.region, s.type], "results", row["results"], len(s.rows))
        check(["keyword", row["keyword"], s.region, s.type], "volume", row["volume"], s.volume)
        check(
            ["keyword", row["keyword"], s.region, s.type],
            "client_position",
            row["client_position"],
            s.best().get(parties[0]),
        )
    for row in report["gaps"]:
        s = found[" ".join(row["keyword"].casefold().split()), row["region"], "organic"]
        check(
            ["gap", s.keyword, s.region],
            "opportunity",
            row["opportunity"],
            None if s.weight is None else s.weight * s.curves[config["curve"]][2],
        )
    counted = report["feature_owners"]
    for row in report["features"]:
        pages = [s for s in searches if s.type == "organic" and row["region"] in (None, s.region)]
        there = [s for s in pages if row["feature"] in {FEATURES.get(b) for b in s.blocks}]
        weight = sum(s.weight or 0 for s in there)
        where = ["feature", row["feature"], row["region"]]
        check(where, "present", row["present"], len(there))
        check(where, "presence", row["presence"], len(there) / len(pages))
        check(
            where,
            "weighted_presence",
            row["weighted_presence"],
            weight / w if (w := sum(s.weight or 0 for s in pages)) else None,
        )
        owned = Counter()
        for s in there:
            leads = {
                owner.get(d, d)
                for b, domains in (s.owners or {}).items()
                if FEATURES.get(b) == row["feature"]
                for d in domains
            }
            owned.update(dict.fromkeys(leads, s.weight or 0))
        check(where, "client_share", row["client_share"], owned[parties[0]] / weight if weight else None)
        for one in counted:
            if (one["feature"], one["region"]) == (row["feature"], row["region"]):
                check(
                    [*where, one["company"]],
                    "ownership",
                    one["ownership"],
                    owned[one["company"]] / weight if weight else None,
                )


def pages_and_content(report, config, searches, analyses):
    """Clicks of pages, and dimensions."""
    clicks, seen = defaultdict(list), defaultdict(set)
    for s in searches:
        for _, row, sharing in s.results:
            at = (s.type, page_of(row["url"]))
            seen[at].add((s.keyword, s.region))
            if s.weight is not None:
                clicks[at].append(s.weight * s.clicks(row["position"], sharing, config["curve"]))
    for row in report["pages"]:
        at = (row["content_type"], page_of(row["url"]))
        check(
            ["page", *at], "expected_clicks", row["expected_clicks"], fsum(clicks[at]) if clicks[at] else None
        )
        check(["page", *at], "searches", row["searches"], len(seen[at]))
    for row in report["dimensions"]:
        scores = [
            a["scores"][row["dimension"]].get("score")
            for a in analyses.values()
            if row["dimension"] in a.get("scores", {})
        ]
        valid = [score for score in scores if score is not None]
        mean = fsum(valid) / len(valid) if valid else None
        where = ["dimension", row["dimension"]]
        check(where, "pages", row["pages"], len(valid))
        check(where, "void", row["void"], len(scores) - len(valid))
        check(where, "mean", row["mean"], mean)
        check(
            where,
            "deviation",
            row["deviation"],
            (fsum((s - mean) ** 2 for s in valid) / len(valid)) ** 0.5 if valid else None,
        )


def media(report, searches, videos):
    """Videos as YouTube has them, publishers as their news rank."""
    views = sum(v.get("views") or 0 for v in videos.values())
    for row in report["videos"]:
        answer = videos.get(row["id"], {})
        for name in ("views", "likes", "comments"):
            check(["video", row["id"]], name, row[name], answer.get(name))
        check(
            ["video", row["id"]],
            "view_share",
            row["view_share"],
            answer["views"] / views if answer.get("views") is not None else None,
        )
    news = [s for s in searches if s.type == "news"]
    weights = Counter()
    for s in news:
        for row in s.rows:
            weights[row.get("source") or row["domain"], row["domain"]] += s.weight or 0
    for row in report["publishers"]:
        check(
            ["publisher", row["publisher"]],
            "share",
            row["share"],
            weights[row["publisher"], row["domain"]] / weights.total(),
        )


def main(url, pipeline, path):
    """Everything."""
    global VOLUMES
    with open(path) as file:
        report = json.load(file)
    config, stored = read(url, pipeline)
    owner, parties = {}, []
    for given in [config["company"], *config["competitors"]]:
        parties.append(given["domains"][0])
        owner |= dict.fromkeys(given["domains"], given["domains"][0])
    VOLUMES = {
        tuple(json.loads(key)): answers[0] or {} for key, (_, answers) in stored["keyword_metrics"].items()
    }
    searches = [
        Search(key, answers[0], config, VOLUMES, owner)
        for key, (_, answers) in sorted(stored["serp_collection"].items())
    ]
    analyses = {key: payload for key, (payload, _) in stored["content_analysis"].items()}
    prefix = "persona:" if config["personas"] else "market_relevance"
    relevance = {}
    for key, payload in analyses.items():
        scores = [
            s["score"]
            for d, s in payload.get("scores", {}).items()
            if d.startswith(prefix) and s.get("score") is not None
        ]
        if scores:
            relevance[key] = fsum(scores) / len(scores) / 10
    platforms = {row["company"] for row in report["companies"] if row["role"] == "platform"}
    videos = {
        key: next((a for a in answers if a and "channel_id" in a), {})
        for key, (_, answers) in stored["video_enrichment"].items()
    }
    companies(report, config, searches, relevance, parties, platforms)
    searches_and_gaps(report, config, searches, owner, parties)
    pages_and_content(report, config, searches, analyses)
    media(report, searches, videos)
    print(json.dumps({"compared": compared, "different": len(differences), "first": differences[:20]}))
    return bool(differences)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
