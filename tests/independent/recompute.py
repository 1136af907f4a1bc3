"""Recomputes a report's numbers from the stored responses, and imports nothing of ours.

    python recompute.py POSTGRES_URL PIPELINE_ID REPORT.json [EARLIER_PIPELINE_ID]

Reads the configuration, the answers in `provider_facts` that results refer to, and, of the analyses, the scores
that stood up to the check of their quotes. Who is a platform is taken from the report, for it is no number.
Prints one JSON object: numbers compared, those that differ, and the columns by table that were recomputed.
"""

import json
import sys
from collections import defaultdict

import content
import markets
import media
import moves
from checking import count, covered, differences
from responses import Known


def main(url, pipeline, path, earlier=None):
    """Everything."""
    with open(path) as file:
        report = json.load(file)
    listed = (*report["companies"], *report["movers"])
    known = Known(url, pipeline, {row["company"] for row in listed if row["role"] == "platform"})
    markets.companies(report, known)
    markets.matches(report, known)
    content.searches_and_gaps(report, known)
    content.features(report, known)
    content.pages(report, known)
    content.dimensions(report, known)
    content.themes(report, known)
    media.videos(report, known)
    media.channels(report, known)
    media.publishers(report, known)
    if earlier:
        moves.movers(report, known, Known(url, earlier, known.platforms))
    columns = defaultdict(list)
    for table, name in sorted(covered):
        columns[table].append(name)
    told = {"compared": count[0], "different": len(differences), "first": differences[:20]}
    print(json.dumps(told | {"columns": columns}))
    return bool(differences)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
