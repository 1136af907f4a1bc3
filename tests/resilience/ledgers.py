"""Our ledger against the simulator's own, call by call: each tells the other's by the id a request carried."""

from collections import defaultdict

import httpx
import psycopg

_CALLS = """
    SELECT provider, call_id::text, outcome, units, committed_units FROM provider_calls
"""


def sold(simulator_url: str | None) -> dict[str, dict[str, int]]:
    """What the simulator sold and charged so far, by provider."""
    found: dict[str, dict[str, int]] = httpx.get(f"{simulator_url}/_control/ledger").json()
    return found


def differences(postgres_url: str, simulator_url: str) -> list[str]:
    """What does not agree; empty when every charge is on record.

    A good answer costs exactly what was charged for it. An error costs at most what is on record: where providers do not
    say which errors they charge, the record takes the dearer. A call that is in doubt, or whose answer nobody could
    read, was charged at most what is set aside for it. Nothing was charged for a call that is not on record.
    """
    pages = httpx.get(f"{simulator_url}/_control/ledger", params={"detail": "requests"}).json()
    charges = {name: dict(page["charges"]) for name, page in pages.items()}
    wrong: list[str] = []
    known: dict[str, float] = defaultdict(float)
    with psycopg.connect(postgres_url) as conn:
        for provider, call_id, outcome, units, most in conn.execute(_CALLS):
            charged = charges[provider].pop(call_id, 0)
            if units is not None and (charged != units if outcome == "ok" else charged > units):
                wrong.append(
                    f"{provider} {call_id} ({outcome}): {units:g} units on record, {charged} charged"
                )
            if units is None and charged > most:
                wrong.append(f"{provider} {call_id} ({outcome}): {charged} charged, {most:g} set aside")
            known[provider] += charged
    wrong += [
        f"{name} {id_}: {n} charged, no call on record"
        for name in charges
        for id_, n in charges[name].items()
    ]
    wrong += [
        f"{name}: {page['units']} charged, {known[name]:g} of them for calls on record"
        for name, page in pages.items()
        if page["units"] != known[name]
    ]
    return wrong
