"""The blocks of a Scale SERP answer around its results: metadata, what stands beside them, padding."""

import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from random import Random

import msgspec

from services.simulator.chance import pick
from services.simulator.serps import Kind
from services.simulator.vocabulary import ASPECTS, QUESTIONS, paragraph
from services.simulator.world import World

Block = dict[str, object]

_PAD_ITEMS = 256
_OPENING = b',"inline_images":['


def head(given: Mapping[str, str], raw_query: str, link: str, gl: str, *, found: bool, rng: Random) -> Block:
    """Everything before the results. html_url and json_url repeat the query, key in clear, as the real ones.
    `link` is the search at Google.
    """
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    api = f"https://api.scaleserp.com/search?{raw_query}"
    metadata: Block = {
        "created_at": now,
        "processed_at": now,
        "total_time_taken": round(0.4 + 3 * rng.random(), 2),
        "engine_url": f"{link}&gl={gl}",
        "html_url": f"{api}&output=html",
        "json_url": f"{api}&output=json",
    }
    parameters: Block = {"gl": gl, "hl": "en", "google_domain": "google.com", **given}
    information: Block = {
        "original_query_yields_zero_results": not found,
        "total_results": int(10 ** (4 + 5 * rng.random())) if found else 0,
        "time_taken_displayed": round(0.2 + 0.6 * rng.random(), 2),
        "query_displayed": given["q"],
    }
    if location := given.get("location"):
        metadata["location_auto_message"] = f"gl, hl and google_domain were set from location {location}."
        information["detected_location"] = location
    return {
        "request_info": {},
        "search_metadata": metadata,
        "search_parameters": parameters,
        "search_information": information,
    }


def beside(q: str, link: str, kind: Kind, world: World, rng: Random) -> Block:
    """The blocks beside the results of a first page; each stands on some SERPs only."""
    blocks: Block = {}
    if rng.random() < 0.7:
        first = int(rng.random() * len(ASPECTS))
        blocks["related_searches"] = [
            {"query": f"{q} {aspect}", "link": f"{link}+{aspect.replace(' ', '+')}"}
            for aspect in (ASPECTS * 2)[first : first + 4]
        ]
    if kind != "web":
        return blocks
    if rng.random() < 0.5:
        blocks["related_questions"] = [
            {
                "question": question.format(q),
                "answer": pick(rng, world.snippets),
                "source": {"link": f"https://{pick(rng, world.sites).host}/faq"},
            }
            for question in QUESTIONS[:3]
        ]
    if rng.random() < 0.12:
        blocks["answer_box"] = {
            "answer_box_type": 1,
            "answers": [
                {
                    "category": "featured_snippet",
                    "answer": pick(rng, world.snippets),
                    "source": {"link": f"https://{pick(rng, world.sites).host}/guide"},
                }
            ],
        }
    if rng.random() < 0.08:
        blocks["knowledge_graph"] = {"title": q, "type": "Topic", "description": pick(rng, world.snippets)}
    if rng.random() < 0.4:
        blocks["ads"] = [_ad(rng, world, position) for position in range(1, 2 + int(3 * rng.random()))]
    return blocks


def ai_overview(world: World, rng: Random) -> Block:
    """The overview, asked for and paid extra."""
    return {
        "ai_overview_contents": [{"type": "paragraph", "text": pick(rng, world.snippets)}],
        "ai_overview_sources": [{"link": f"https://{pick(rng, world.sites).host}/learn"} for _ in range(3)],
    }


def pagination(link: str, page: int, more: bool, *, as_text: bool) -> Block:
    """Where the next page is, if there is one."""
    current: int | str = str(page) if as_text else page
    block: Block = {"current": current}
    if more:
        block["next"] = f"{link}&start={page * 10}"
        block["other_pages"] = [
            {"page": number, "link": f"{link}&start={(number - 1) * 10}"} for number in (page + 1, page + 2)
        ]
    return block


def next_reset() -> str:
    """The first of the next month, when a plan's credits are renewed."""
    return _month_after(int(time.time()) // (60 * 60))


def pad(body: bytes, size: int, start: float) -> bytes:
    """The JSON object `body`, brought to about `size` bytes by `inline_images`.
    `start`, in [0, 1), chooses which: answers do not all end alike.
    """
    items, item_bytes = _pictures()
    count = (size - len(body) - len(_OPENING)) // item_bytes
    if count <= 0:
        return body
    first = int(start * _PAD_ITEMS) * item_bytes
    run = _repeated(items, 1 + (count + _PAD_ITEMS) // _PAD_ITEMS)[first : first + count * item_bytes - 1]
    return b"%b%b%b]}" % (body[:-1], _OPENING, run)


@lru_cache(maxsize=1)
def _month_after(hours: int) -> str:
    today = datetime.fromtimestamp(hours * 60 * 60, UTC)
    return f"{(today.replace(day=1) + timedelta(days=32)):%Y-%m}-01T00:00:00.000Z"


@lru_cache(maxsize=1)
def _pictures() -> tuple[bytes, int]:
    """_PAD_ITEMS entries of equal size, each followed by a comma, and that size."""
    rng = Random(0)
    entries = []
    for number in range(_PAD_ITEMS):
        title = f"{number:03} {paragraph(rng, 4)}"[:240]
        entry = {
            "position": 1 + number % 9,
            "title": title.ljust(240, "."),
            "image": f"https://encrypted-tbn0.gstatic.com/images?q=tbn:{rng.getrandbits(256):064x}",
            "link": f"https://images.example/{number:03}/{rng.getrandbits(64):016x}",
        }
        entries.append(msgspec.json.encode(entry) + b",")
    return b"".join(entries), len(entries[0])


@lru_cache(maxsize=4)
def _repeated(items: bytes, times: int) -> bytes:
    return items * times


def _ad(rng: Random, world: World, position: int) -> Block:
    site = pick(rng, world.sites)
    return {
        "position": position,
        "block_position": "top",
        "title": f"{site.name} | Official site",
        "link": f"https://{site.host}/offer?gclid={rng.getrandbits(64):016x}",
        "domain": site.host,
        "description": pick(rng, world.snippets),
    }
