"""What moved since an earlier pipeline and by what, from the stored responses of both, for `recompute.py`; imports nothing of ours.

One thing is changed after the other: the method, the keywords that only the earlier one has, the volumes, the places, the
keywords that only the later one has. What a share differs by from one to the next is the effect of what was changed.
"""

from collections import defaultdict
from itertools import pairwise
from math import fsum

from checking import check_all, differences
from responses import Search

GRAIN = 2.0**-40


def shares(searches, curve):
    """By content type, region and company, in whole grains; of a market without known weight nothing."""
    terms = defaultdict(lambda: defaultdict(list))
    weights = defaultdict(int)
    for s in searches:
        for at in ((s.type, None), (s.type, s.region)):
            weights[at] += s.weight or 0
            for company, row, sharing in s.results:
                own = (s.weight or 0) * s.clicks(row["position"], sharing, curve)
                terms[at][company].append(own)
    found = {}
    for at, own in terms.items():
        total = fsum(map(fsum, own.values()))
        part = {company: fsum(parts) / total if total else 0.0 for company, parts in own.items()}
        if weights[at]:
            found[at] = {company: round(share / GRAIN) * GRAIN for company, share in part.items()}
    return found


def movers(report, now, before):
    """Every row of the table."""
    method, curve = now.config, now.config["curve"]
    both = {(s.keyword, s.region, s.type) for s in now.searches} & {
        (s.keyword, s.region, s.type) for s in before.searches
    }

    def world(answers, volumes, shared):
        """The later method over these answers."""
        volumes = {key: {"volume": None} for key in volumes} if now.equal else volumes
        found = [Search(key, answer, method, volumes, now.owner) for key, answer in answers.items()]
        kept = [s for s in found if not shared or (s.keyword, s.region, s.type) in both]
        return shares(kept, curve)

    worlds = [
        shares(before.searches, before.config["curve"]),
        world(before.answers, before.volumes, shared=False),
        world(before.answers, before.volumes, shared=True),
        world(before.answers, now.volumes, shared=True),
        world(now.answers, now.volumes, shared=True),
        shares(now.searches, curve),
    ]
    for row in report["movers"]:
        at, company = (row["content_type"], row["region"]), row["company"]
        values = [world.get(at, {}).get(company, 0.0) for world in worlds]
        steps = [later - earlier for earlier, later in pairwise(values)]
        expected = {
            "before": values[0],
            "now": values[-1],
            "change": values[-1] - values[0],
            "method_effect": steps[0],
            "keyword_effect": steps[1] + steps[4],
            "volume_effect": steps[2],
            "rank_effect": steps[3],
            "rank_before": rank(worlds[0].get(at, {}), company, now.platforms),
            "rank_now": rank(worlds[-1].get(at, {}), company, now.platforms),
        }
        check_all("movers", row, expected)
        effects = (row[f"{name}_effect"] for name in ("rank", "volume", "keyword", "method"))
        if sum(effects) != row["change"] or row["change"] != row["now"] - row["before"]:
            differences.append(["movers", company, "effects do not sum to the change", row["change"], None])


def rank(found, company, platforms):
    """Among those that rank and are no platform; equal ones alike."""
    if company not in found or company in platforms:
        return None
    return 1 + sum(share > found[company] for name, share in found.items() if name not in platforms)
