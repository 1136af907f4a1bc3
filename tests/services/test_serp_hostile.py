"""Scale SERP answering with anything: a refusal or a marked result, never a wrong one taken for right."""

import gzip
import json
from typing import Any

import httpx
import pytest

from services.serp.provider import PROVIDER, handle
from shared.domain.category import categorize
from shared.domain.provider import Completed
from shared.domain.results import SearchResult
from shared.errors import AnswerError
from tests.services.test_serp import search
from tests.services.till import Till, assert_storable, payload

pytestmark = pytest.mark.anyio

#: Beyond every integer type of Postgres.
HUGE = 10**40
GOOD = {"position": 1, "link": "https://a.example/"}


def body(rows: Any = (GOOD,), info: Any = None, **more: Any) -> bytes:
    given = {"success": True, "credits_used_this_request": 1} if info is None else info
    return json.dumps({"request_info": given, "organic_results": rows, **more}).encode()


def row(**changes: Any) -> bytes:
    return body([{**GOOD, **changes}])


REFUSED = {
    # It is not this format, or not all of it.
    "nothing": (b"", "unreadable"),
    "blanks": (b"  \n", "unreadable"),
    "html": (b"<!doctype html><title>502</title>", "unreadable"),
    "byte order mark": (b"\xef\xbb\xbf" + body(), "unreadable"),
    "cut off": (payload("scale_serp", "organic_two_pages")[:900], "unreadable"),
    "two documents": (body() + body(), "unreadable"),
    "still packed": (gzip.compress(body()), "unreadable"),
    "UTF-16": (body().decode().encode("utf-16"), "unreadable"),
    "a script's call": (b"callback(" + body() + b")", "unreadable"),
    "comma at the end": (body()[:-1] + b",}", "unreadable"),
    "wrong escape": (row(title="TITLE").replace(b"TITLE", b"\\x41"), "unreadable"),
    "NaN": (b'{"request_info":{"success":true},"search_information":{"total_results":NaN}}', "unreadable"),
    "Infinity": (b'{"request_info":{"credits_used_this_request":Infinity}}', "unreadable"),
    "not UTF-8": (row(title="TITLE").replace(b"TITLE", b"\xff\xfe"), "unreadable"),
    "half a surrogate pair": (row(title="\ud83d"), "unreadable"),
    "raw line break in text": (row(title="TITLE").replace(b"TITLE", b"a\nb"), "unreadable"),
    "deep nesting": (body(answer_box=0).replace(b'"answer_box": 0', b'"answer_box":' + b"[" * 200_000), "unreadable"),
    "deep nesting of an unknown block": (body(x=0).replace(b'"x": 0', b'"x":' + b'{"a":' * 200_000), "unreadable"),
    # It is JSON of another shape.
    "null": (b"null", "malformed"),
    "list": (b"[]", "malformed"),
    "list of answers": (b"[" + body() + b"]", "malformed"),
    "text": (b'"ok"', "malformed"),
    "error of another interface": (b'{"error":{"code":500,"message":"backend"}}', "malformed"),
    "no request_info": (payload("scale_serp", "incident"), "malformed"),
    "request_info is null": (b'{"request_info":null}', "malformed"),
    "request_info is text": (body(info="ok"), "malformed"),
    "success is null": (body(info={"success": None}), "malformed"),
    "success is a number": (body(info={"success": 7}), "malformed"),
    "rows are an object": (body({"0": GOOD}), "malformed"),
    "rows are text": (body("none"), "malformed"),
    "rows in rows": (body([[GOOD]]), "malformed"),
    "row is null": (body([None]), "malformed"),
    "row is text": (body(["https://a.example/"]), "malformed"),
    "link is null": (row(link=None), "malformed"),
    "link is a list": (row(link=["https://a.example/"]), "malformed"),
    "title is an object": (row(title={"text": "A"}), "malformed"),
    "title is a number": (row(title=404), "malformed"),
    "length is a list": (row(length=["1:02"]), "malformed"),
    "search_information is a list": (body(search_information=[]), "malformed"),
    "zero is text": (body(search_information={"original_query_yields_zero_results": "perhaps"}), "malformed"),
    "null everywhere": (row(position=None, page=None, title=None, snippet=None), "malformed"),
    # Values that no column holds, or that mean nothing.
    "huge position": (row(position=HUGE), "malformed"),
    "position beyond smallint": (row(position=32_768), "malformed"),
    "overall position beyond smallint": (row(position_overall="40000"), "malformed"),
    "page beyond smallint": (row(page=5_000), "malformed"),
    "position times page beyond smallint": (row(position=9_000, page=1_000), "malformed"),
    "negative position": (row(position=-3), "malformed"),
    "page 0": (row(page=0), "malformed"),
    "position with a fraction": (row(position=1.5), "malformed"),
    "position is true": (row(position=True), "malformed"),
    "position is text": (row(position="first"), "malformed"),
    "position is a list": (row(position=[1]), "malformed"),
    "position has ten thousand digits": (row(position="9" * 10_000), "malformed"),
    "huge total": (body(search_information={"total_results": HUGE}), "malformed"),
    "negative total": (body(search_information={"total_results": -1}), "malformed"),
    "total is text": (body(search_information={"total_results": "about 1,480,000"}), "malformed"),
    "huge number": (body(info={"credits_used_this_request": 0}).replace(b": 0}", b": 1e999}"), "malformed"),
    "credits are nan": (body(info={"credits_used_this_request": "nan"}), "malformed"),
    "credits are inf": (body(info={"credits_used_this_request": "inf"}), "malformed"),
    "negative credits": (body(info={"credits_used_this_request": -1}), "malformed"),
    "more credits than a search can cost": (body(info={"credits_used_this_request": 1e9}), "malformed"),
    "more rows than ever rank": (body([GOOD] * 40_000), "malformed"),
    "not fulfilled": (body(info={"success": False}), "soft_fail"),
    "not fulfilled, as 0": (body(info={"success": 0}), "soft_fail"),
    "not fulfilled, said after the opposite": (body()[:-1] + b',"request_info":{"success":false}}', "soft_fail"),
    "not fulfilled, as text": (body(info={"success": "false", "message": "\x00" * 10_000}), "soft_fail"),
}  # fmt: skip


@pytest.mark.parametrize(("answer", "code"), REFUSED.values(), ids=REFUSED)
async def test_answer_of_the_wrong_kind_is_refused(answer: bytes, code: str) -> None:
    """It raises AnswerError, is tried again for free or at most twice, and nothing of it is recorded."""
    till = Till(PROVIDER, lambda _: httpx.Response(200, content=answer))

    with pytest.raises(AnswerError) as caught:
        await handle([search()], till)

    assert caught.value.codes == (code,)
    assert len(str(caught.value)) < 500
    assert categorize(caught.value, PROVIDER.errors).category == "recoverable"
    assert till.units == []


DEGRADED = {
    "empty request_info": (body(None, info={}), "no_results_block", 0),
    "rows are null": (body(None), "no_results_block", 0),
    "no rows": (body([]), "no_results_block", 0),
    "rows of another kind": (body(None, news_results=[GOOD]), "no_results_block", 0),
    "sound row between two without a link": (body([{}, GOOD, {}]), "rows_without_host", 1),
    "row without a link": (body([{"position": 1}, GOOD]), "rows_without_host", 1),
    "link is no link": (row(link="javascript:void(0)"), "rows_without_host", 0),
    "link has a NUL in its host": (row(link="https://a\x00.example/"), "rows_without_host", 0),
    "link has an endless host": (row(link="https://" + "a." * 500 + "example"), "rows_without_host", 0),
    "link is HTML": (row(link="<a href='https://a.example'>"), "rows_without_host", 0),
    "link is a broken address": (row(link="http://[::nonsense]/"), "rows_without_host", 0),
    "link is blank": (row(link=" \t"), "rows_without_host", 0),
    "link is a path": (row(link="/search?q=shoes"), "rows_without_host", 0),
    "link has no host": (row(link="https:///shoes"), "rows_without_host", 0),
    "link has a blank in its host": (row(link="https://a b.example/"), "rows_without_host", 0),
}  # fmt: skip


@pytest.mark.parametrize(("answer", "reason", "kept"), DEGRADED.values(), ids=DEGRADED)
async def test_answer_with_too_little_in_it_is_marked(answer: bytes, reason: str, kept: int) -> None:
    """What is usable is kept, and the result says that it is less than was asked for."""
    till = Till(PROVIDER, lambda _: httpx.Response(200, content=answer))

    outcome = (await handle([search()], till))[7]

    assert isinstance(outcome, Completed)
    assert isinstance(outcome.result, SearchResult)
    assert (outcome.degraded, len(outcome.result.rankings)) == (reason, kept)
    assert_storable(outcome)


async def test_strange_but_valid_text_is_kept_as_it_is() -> None:
    """NUL aside, which Postgres cannot hold: markup, emoji and direction marks are somebody's title."""
    title = "<script>alert(1)</script> \U0001f45f \u202e a\x00b"
    till = Till(PROVIDER, lambda _: httpx.Response(200, content=row(title=title, new_field={"a": [None]})))

    outcome = (await handle([search()], till))[7]

    assert isinstance(outcome, Completed)
    assert isinstance(outcome.result, SearchResult)
    assert outcome.result.rankings[0].title == title.replace("\x00", "")
    assert outcome.degraded == ""
