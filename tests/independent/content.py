"""Searches, gaps, features, pages and themes from stored responses, for `recompute.py`; imports nothing of ours."""

from collections import Counter, defaultdict
from math import fsum

from checking import check, check_all
from responses import FEATURES, canonical, page_of


def searches_and_gaps(report, known):
    """The tables of keywords and gaps."""
    found = {(s.keyword, s.region, s.type): s for s in known.searches}
    client, curve = known.parties[0], known.config["curve"]
    for row in report["keywords"]:
        s = found[canonical(row["keyword"]), row["region"], row["content_type"]]
        expected = {"results": len(s.rows), "volume": s.volume, "client_position": s.best().get(client)}
        check_all("keywords", row, expected)
    for row in report["gaps"]:
        s = found[canonical(row["keyword"]), row["region"], "organic"]
        expected = {
            "volume": s.volume,
            "client_position": s.best().get(client),
            "rival_position": min(s.best()[c] for c in known.parties[1:] if c in s.best()),
            "opportunity": None if s.weight is None else s.weight * s.curves[curve][2],
        }
        check_all("gaps", row, expected)


def features(report, known):
    """What stands beside the results, and whom it leads to."""
    client = known.parties[0]
    for row in report["features"]:
        pages = [s for s in known.searches if s.type == "organic" and row["region"] in (None, s.region)]
        there = [s for s in pages if row["feature"] in {FEATURES.get(b) for b in s.blocks}]
        weight, whole = sum(s.weight or 0 for s in there), sum(s.weight or 0 for s in pages)
        owned, times = Counter(), Counter()
        for s in there:
            leads = {
                known.owner.get(domain, domain)
                for block, domains in (s.owners or {}).items()
                if FEATURES.get(block) == row["feature"]
                for domain in domains
            }
            owned.update(dict.fromkeys(leads, s.weight or 0))
            times.update(leads)
        expected = {
            "searches": len(pages),
            "present": len(there),
            "presence": len(there) / len(pages),
            "weighted_presence": weight / whole if whole else None,
            "client_share": owned[client] / weight if weight else None,
        }
        check_all("features", row, expected)
        for one in report["feature_owners"]:
            if (one["feature"], one["region"]) == (row["feature"], row["region"]):
                check("feature_owners", one, "searches", times[one["company"]])
                check("feature_owners", one, "ownership", owned[one["company"]] / weight if weight else None)


def pages(report, known):
    """Clicks of pages, what was read of them, and how they score."""
    clicks, seen, best = defaultdict(list), defaultdict(set), {}
    for s in known.searches:
        for _, row, sharing in s.results:
            at = (s.type, page_of(row["url"]))
            seen[at].add((s.keyword, s.region))
            best[at] = min(best.get(at, 10**6), row["position"])
            if s.weight is not None:
                clicks[at].append(s.weight * s.clicks(row["position"], sharing, known.config["curve"]))
    for row in report["pages"]:
        at = (row["content_type"], page_of(row["url"]))
        text = known.texts.get(at[1], {})
        expected = {
            "expected_clicks": fsum(clicks[at]) if clicks[at] else None,
            "searches": len(seen[at]),
            "best_position": best[at],
            "relevance": known.relevance.get(at[1]),
            "words": text.get("words", 0) if text.get("found") else None,
        }
        check_all("pages", row, expected)
    for row in report["page_scores"]:
        scores = known.analyses[page_of(row["url"])]["scores"]
        check("page_scores", row, "score", scores[row["dimension"]].get("score"))


def dimensions(report, known):
    """How pages score."""
    for row in report["dimensions"]:
        scores = [
            a["scores"][row["dimension"]].get("score")
            for a in known.analyses.values()
            if row["dimension"] in a.get("scores", {})
        ]
        valid = [score for score in scores if score is not None]
        mean = fsum(valid) / len(valid) if valid else None
        expected = {
            "pages": len(valid),
            "void": len(scores) - len(valid),
            "mean": mean,
            "deviation": (fsum((s - mean) ** 2 for s in valid) / len(valid)) ** 0.5 if valid else None,
            "lowest": min(valid, default=None),
            "highest": max(valid, default=None),
            "high": sum(s >= 7 for s in valid),
            "low": sum(s < 5 for s in valid),
        }
        check_all("dimensions", row, expected)


def kinds(analysis):
    """What a page is: its labels, and what it scores 5 or more for."""
    found = {(axis, analysis.get(axis)) for axis in ("journey_phase", "page_type", "sentiment")}
    for dimension, score in analysis.get("scores", {}).items():
        axis, _, name = dimension.partition(":")
        if (score.get("score") or 0) >= 5 and axis in {"persona", "dimension"}:
            found.add((axis, name))
    return {(axis, name) for axis, name in found if name}


def themes(report, known):
    """Clicks of web results by theme, and whose they are."""
    clicks, found = defaultdict(list), defaultdict(set)
    for s in known.searches:
        for company, row, sharing in s.results:
            page = page_of(row["url"])
            if s.type != "organic" or not s.weight or page not in known.analyses:
                continue
            expected = s.weight * s.clicks(row["position"], sharing, known.config["curve"])
            for theme in (None, *kinds(known.analyses[page])):
                for at in ((theme, None, None), (theme, s.region, None), (theme, None, company)):
                    clicks[at].append(expected)
                    found[at].add(page)
    for row in report["themes"]:
        at = ((row["axis"], row["theme"]), row["region"], None)
        whole = fsum(clicks[None, row["region"], None])
        expected = {
            "pages": len(found[at]),
            "expected_clicks": fsum(clicks[at]),
            "mix": fsum(clicks[at]) / whole if whole else None,
        }
        check_all("themes", row, expected)
    for row in report["theme_shares"]:
        theme, company = (row["axis"], row["theme"]), row["company"]
        own = fsum(clicks[theme, None, company])
        expected = {
            "pages": len(found[theme, None, company]),
            "expected_clicks": own,
            "share": own / fsum(clicks[theme, None, None]),
            "mix": own / fsum(clicks[None, None, company]),
        }
        check_all("theme_shares", row, expected)
