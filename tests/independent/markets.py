"""Companies and markets from stored responses, for `recompute.py`; imports nothing of ours."""

import re
import unicodedata
from collections import defaultdict
from math import cbrt, fsum

from checking import check, check_all
from responses import CURVES, FIRST, canonical, curve_of, page_of


def companies(report, known):
    """Every company in every market, of all keywords and of each named part of them."""
    members = {None: {canonical(k["keyword"]) for k in known.config["keywords"]}}
    members |= {
        one["name"]: {canonical(k) for k in one["keywords"]} for one in known.config.get("landscapes", ())
    }
    by_market = defaultdict(list)
    for row in report["companies"]:
        by_market[row["landscape"], row["content_type"], row["region"]].append(row)
    for (landscape, type_, region), rows in by_market.items():
        market = Market(known, members[landscape], type_, region)
        for row in rows:
            check_all("companies", row, market.standing(row["company"]))
            check_all("companies", row, who(known, row["company"]))
        ranks(rows, market)
        (one,) = [
            m
            for m in report["markets"]
            if (m["landscape"], m["content_type"], m["region"]) == (landscape, type_, region)
        ]
        market_row(one, market, len(members[landscape]))


class Market:
    """One content type in one region or all, of some keywords."""

    def __init__(self, known, asked, type_, region):
        self.known, self.asked, self.type, self.region = known, asked, type_, region
        curve = known.config["curve"]
        self.curve, self.plain = curve, curve_of(curve)
        self.searches = [
            s for s in known.searches if s.type == type_ and region in (None, s.region) and s.keyword in asked
        ]
        weighed = [s for s in self.searches if s.weight]
        self.terms = {name: defaultdict(list) for name in CURVES}
        self.value, self.judged, self.tallies = defaultdict(list), defaultdict(list), defaultdict(list)
        for s in weighed:
            for company, row, sharing in s.results:
                for name in CURVES:
                    self.terms[name][company].append(s.weight * s.clicks(row["position"], sharing, name))
                own = s.weight * s.clicks(row["position"], sharing, curve)
                if s.price is not None:
                    self.value[company].append(own * s.price / 1e6)
                if type_ == "organic" and (score := known.relevance.get(page_of(row["url"]))) is not None:
                    self.judged[company].append((own, score))
        for s in self.searches:
            for company, position in s.best().items():
                self.tallies[company].append((position, s))
        self.total = {name: fsum(map(fsum, terms.values())) for name, terms in self.terms.items()}
        self.weight = sum(s.weight for s in weighed)
        self.peers = fsum(fsum(self.terms[curve][company]) for company in known.parties)
        self.priced = any(s.price is not None for s in weighed)
        self.most = self._most()

    def _missing(self):
        """Weight of the searches that are not there; None where one of them is unknown."""
        regions = [self.region] if self.region else self.known.config["regions"]
        volumes = self.known.volumes
        planned = [
            1 if self.known.equal else volumes.get((k, r), {}).get("volume")
            for k in self.asked
            for r in regions
        ]
        return None if None in planned else sum(planned) - sum(s.weight or 0 for s in self.searches)

    def _most(self):
        """Clicks of the missing searches at the most."""
        missing = self._missing()
        corrected = (
            self.known.config["corrections"]
            and self.type == "organic"
            and any(s.curves[self.curve] != self.plain for s in self.searches)
        )
        layouts = {(t, o) for t in ("", *FIRST) for o in (False, True)} if corrected else {("", False)}
        return (
            None if missing is None else missing * max(fsum(curve_of(self.curve, *page)) for page in layouts)
        )

    def factors(self, company):
        """Coverage of the first 20, share of voice, relevance; None where unknown."""
        places = [position for position, _ in self.tallies.get(company, ())]
        total = self.total[self.curve]
        share = fsum(self.terms[self.curve].get(company, ())) / total if total else 0.0
        known = fsum(e for e, _ in self.judged.get(company, ()))
        score = fsum(e * r for e, r in self.judged.get(company, ())) / known if known else None
        covered = sum(p <= 20 for p in places) / len(self.searches) if self.searches else None
        return covered, share if self.weight else None, score

    def dsi(self, company):
        """The index; None: a factor is unknown."""
        factors = self.factors(company)
        return None if None in factors else 100 * cbrt(factors[0] * factors[1] * factors[2])

    def standing(self, company):
        """All numbers of a company but its ranks."""
        found, weight, curve = self.searches, self.weight, self.curve
        tallies = self.tallies.get(company, [])
        own = {name: fsum(terms.get(company, ())) for name, terms in self.terms.items()}
        places = [position for position, _ in tallies]
        shares = {name: own[name] / total if total else 0.0 for name, total in self.total.items()}
        covered = {n: sum(p <= n for p in places) / len(found) if found else None for n in (3, 10, 20)}
        known = fsum(e for e, _ in self.judged.get(company, ()))
        depth = 10 * self.known.config["pages"][self.type]
        count = lambda low, high: sum(low <= p <= high for p in places)
        most, whole = self.most, None if self.most is None else self.total[curve] + self.most
        expected = {
            "share_of_voice": shares[curve] if weight else None,
            "share_low": min(shares.values()) if weight else None,
            "share_high": max(shares.values()) if weight else None,
            "expected_clicks": own[curve] if weight else None,
            "possible_low": None if whole is None else own[curve] / whole,
            "possible_high": None if whole is None else min(1.0, (own[curve] + most) / whole),
            "visibility": fsum(self.plain[p - 1] for p in places if p <= 20) / (len(found) * self.plain[0]) if found else None,
            "weighted_visibility": fsum(s.weight * self.plain[p - 1] for p, s in tallies if p <= 20 and s.weight) / (weight * self.plain[0]) if weight else None,
            "keyword_coverage": covered[20], "coverage_10": covered[10], "coverage_3": covered[3],
            "keywords": len({s.keyword for p, s in tallies if p <= 20}),
            "appearances": sum(c == company for s in found for c, _, _ in s.results),
            "best_position": min(places, default=None),
            "average_position": sum(places) / len(places) if places else None,
            "average_position_all": (sum(min(p, depth) for p in places) + depth * (len(found) - len(places))) / len(found) if found else None,
            "at_1": count(1, 1), "at_2_3": count(2, 3), "at_4_10": count(4, 10), "at_11_20": count(11, 20),
            "beyond_20": count(21, 10**6),
            "capture_rate": own[curve] / weight if weight else None,
            "visibility_index": own[curve] / 1000 if weight and not self.known.equal else None,
            "peer_share": own[curve] / self.peers if company in self.known.parties and self.peers and weight else None,
            "traffic_value": fsum(self.value.get(company, ())) if self.priced else None,
            "analysed": min(1.0, known / own[curve]) if own[curve] and weight else None,
            "relevance": None, "dsi": None, "dsi_legacy": None,
        }  # fmt: skip
        if self.type == "organic":
            factors = self.factors(company)
            legacy = None if None in factors else 1e4 * factors[0] * factors[1] * factors[2]
            expected |= {"relevance": factors[2], "dsi": self.dsi(company), "dsi_legacy": legacy}
        return expected


def ranks(rows, market):
    """By share, and by index among those found for three keywords; equal ones alike."""
    platforms = market.known.platforms
    shares = sorted(
        (r["share_of_voice"] for r in rows if r["appearances"] and r["company"] not in platforms),
        reverse=True,
    )
    indices = []
    if market.type == "organic":
        for company, tallies in market.tallies.items():
            index = market.dsi(company)
            found = {s.keyword for p, s in tallies if p <= 20}
            if index is not None and len(found) >= 3 and company not in platforms:
                indices.append((company, index))
    for row in rows:
        ranked = row["appearances"] and row["company"] not in platforms
        check("companies", row, "rank", shares.index(row["share_of_voice"]) + 1 if ranked else None)
        own = dict(indices).get(row["company"])
        above = None if own is None else 1 + sum(index > own * (1 + 1e-12) for _, index in indices)
        check("companies", row, "dsi_rank", above)


def market_row(row, market, keywords):
    """The market as a whole."""
    platforms, weight = market.known.platforms, market.weight
    terms, total = market.terms[market.curve], market.total[market.curve]
    shares = {company: fsum(own) / total for company, own in terms.items()} if total else {}
    ranked = sorted((s for c, s in shares.items() if s and c not in platforms), reverse=True)
    hhi = fsum(s * s for s in shares.values())
    expected = {
        "keywords": keywords,
        "searches": len(market.searches),
        "monthly_searches": None if market.known.equal else weight,
        "companies": len(market.tallies.keys() - platforms),
        "expected_clicks": total if weight else None,
        "capture_rate": total / weight if weight else None,
        "concentration": hhi if total else None,
        "effective_companies": 1 / hhi if hhi else None,
        "leader_share": ranked[0] if ranked else None,
        "leader_gap": ranked[0] - ranked[1] if len(ranked) > 1 else None,
        "platform_share": fsum(s for c, s in shares.items() if c in platforms) if total else None,
        "traffic_value": fsum(map(fsum, market.value.values())) if market.priced else None,
    }
    check_all("markets", row, expected)


def who(known, company):
    """Employees, and how sure the name is."""
    domains = known.domains.get(company, [company])
    found = [known.records[domain] for domain in domains if domain in known.records]
    record = next((one for one in found if one.get("matched")), found[0] if found else {})
    if company in known.parties:
        sure = 1.0
    else:
        sure = confidence(record, company) if record.get("matched") and record.get("name") else None
    return {"headcount": record.get("headcount"), "match_confidence": sure}


def matches(report, known):
    """Domains that were looked up, as the answers have them."""
    for row in report["matches"]:
        record = known.records[row["domain"]]
        named = record.get("matched") and record.get("name")
        party = known.owner.get(row["domain"]) in known.parties
        check(
            "matches",
            row,
            "confidence",
            1.0 if party else confidence(record, row["domain"]) if named else None,
        )
        for name in ("headcount", "founded", "revenue", "size_from", "size_to"):
            check("matches", row, name, record.get(name))


def confidence(record, domain):
    """By the field that matched; less where name and domain share nothing."""
    sure = {"domain": 0.9, "website": 0.8}.get(record.get("matched_by"), 0.5)
    if record.get("domain") == domain:
        sure = 0.9
    letters = lambda text: "".join(c for c in unicodedata.normalize("NFKD", text).casefold() if c.isalnum())
    label = letters(domain.split(".")[0])
    words = [w for w in map(letters, re.split(r"[^\w]+", record["name"])) if w]
    whole, initials = "".join(words), "".join(w[0] for w in words)
    akin = bool(words and label) and (
        whole in label
        or label in whole
        or (len(words) > 1 and initials in label)
        or any(len(w) >= 3 and (w in label or label in w) for w in words)
    )
    return sure if akin else sure * 0.6
