"""Keys: every spelling of a keyword, domain or video comes to the same text, and to nothing else."""

import json
import string
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.domain import keys

LABELS = st.text(string.ascii_lowercase + string.digits, min_size=1, max_size=12).filter(
    lambda text: not text.isdigit()
)
ENDINGS = st.sampled_from(
    ["com", "co.uk", "de", "com.vn", "gov.sa", "github.io", "blogspot.com", "公司.cn", "museum"]
)
IDS = st.text(string.ascii_letters + string.digits + "-_", min_size=11, max_size=11).filter(
    lambda text: text not in {"videoseries", "live_stream"}
)


@given(st.text())
@example("\u0390 Straße \ufb01 \uff46ull \u0345")
@example("\u200d")
def test_keyword_key_is_a_fixed_point(text: str) -> None:
    """The key of a key is the key; what has none raises ValueError."""
    try:
        key = keys.keyword_key(text)
    except ValueError:
        return

    assert key == keys.keyword_key(key)
    assert key == " ".join(key.split())


@pytest.mark.parametrize(
    "text", ["Running  Shoes", " running\tshoes\n", "\uff32\uff35NNING shoes", "running\u00a0SHOES"]
)
def test_spellings_of_a_keyword_share_a_key(text: str) -> None:
    """Case, width and blanks do not make another keyword."""
    assert keys.keyword_key(text) == "running shoes"


@pytest.mark.parametrize("text", ["", "  \t", "\u200b\u200d", "\ufeff"])
def test_keyword_without_visible_characters_is_refused(text: str) -> None:
    """Nothing to search for is an error that says what to do."""
    with pytest.raises(ValueError, match="at least one visible character"):
        keys.keyword_key(text)


@pytest.mark.parametrize("text", ["a\x00b", "a\ud800b"])
def test_keyword_no_store_can_hold_is_refused(text: str) -> None:
    """NUL and half a surrogate pair would fail much later, in Postgres."""
    with pytest.raises(ValueError, match="control character"):
        keys.keyword_key(text)


def test_search_key_is_compact_json() -> None:
    """The key is an array without blanks, in canonical form and not escaped."""
    key = keys.search_key(" Grüne  Energie ", "DE", "organic")

    assert key == '["grüne energie","DE","organic"]'
    assert json.loads(key) == ["grüne energie", "DE", "organic"]


def test_search_keys_differ_where_a_separator_would_not_keep_them_apart() -> None:
    """Quotes and commas in a keyword cannot imitate another search."""
    assert keys.search_key('a","DE', "US", "news") != keys.search_key("a", 'DE","US', "news")


@given(LABELS, LABELS, ENDINGS, st.sampled_from(["http", "https", "HTTPS"]), st.integers(1, 65535))
def test_domain_ignores_everything_but_the_owner(
    sub: str, name: str, ending: str, scheme: str, port: int
) -> None:
    """Subdomain, case, port, final dot, user, path and tracking parameters do not change the domain."""
    domain = keys.registrable_domain(f"{name}.{ending}")
    variants = [
        f"{name}.{ending}.",
        f"www.{name}.{ending}",
        f"WWW.{name.upper()}.{ending}:{port}",
        f"{scheme}://{sub}.{name}.{ending}/a/b?utm_source=x&gclid=y#z",
        f"{scheme}://user:p%40ss@{name}.{ending}:{port}/@path",
        f"//{name}.{ending}\\path",
        f"  {scheme}://{name}.{ending}?q=http://other.org/  ",
        f"{sub}.{name}.{ending}".encode("idna").decode(),
    ]

    assert [keys.registrable_domain(variant) for variant in variants] == [domain] * len(variants)
    assert domain == f"{name}.{ending}".encode("idna").decode()
    assert keys.registrable_domain(domain) == domain


@given(st.text())
@example("http://[::1")
@example("https://%ff.com")
@example("\uff11.2.3.4")
@example("xn--.com")
@example("https://faß。de")
@example("a" * 300)
def test_domain_is_idempotent_and_raises_nothing_else(text: str) -> None:
    """Whatever comes in: a domain that is its own domain, or ValueError."""
    try:
        domain = keys.registrable_domain(text)
    except ValueError:
        return

    assert keys.registrable_domain(domain) == domain
    assert domain.isascii()
    assert domain == domain.lower()


@pytest.mark.parametrize(
    ("given_", "domain"),
    [
        ("https://www.example.co.uk/x", "example.co.uk"),
        ("news.bbc.co.uk", "bbc.co.uk"),
        ("https://alice.github.io/blog", "alice.github.io"),
        ("github.io", "github.io"),
        ("www.github.io", "github.io"),
        ("www.co.uk", "www.co.uk"),
        ("www.ck", "www.ck"),
        ("www.com", "www.com"),
        ("https://München.de/bier", "xn--mnchen-3ya.de"),
        ("XN--MNCHEN-3YA.de", "xn--mnchen-3ya.de"),
        ("straße.de", "xn--strae-oqa.de"),
        ("http://😀.ws", "xn--e28h.ws"),
        ("http://127.0.0.1:8001/x", "127.0.0.1"),
        ("10.0.0.7", "10.0.0.7"),
        ("http://[2001:DB8:0:0::1]:80/", "[2001:db8::1]"),
        ("::1", "[::1]"),
        ("localhost:8001", "localhost"),
        ("co.uk", "co.uk"),
        ("foo_bar.example.com", "example.com"),
        ("http://ex%61mple.com", "example.com"),
    ],
)
def test_domains_of_known_hosts(given_: str, domain: str) -> None:
    """Private suffixes, registries, IDN, addresses and local names."""
    assert keys.registrable_domain(given_) == domain


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "https://",
        "https:///path",
        "/relative/path",
        "?q=1",
        "a..b",
        ".com",
        "javascript:alert(1)",
        "http://a b.com",
        "http://[fe80::1%25eth0]/",
        "-" * 64 + ".com",
    ],
)
def test_text_without_a_host_is_refused(text: str) -> None:
    """The error shows the text and what was expected."""
    with pytest.raises(ValueError, match="no host in"):
        keys.registrable_domain(text)


def test_host_keeps_the_subdomain() -> None:
    """A host is not yet a domain: the www stays."""
    assert keys.host("https://u@WWW.Shop.Example.com.:8443/x") == "www.shop.example.com"


@given(IDS)
def test_every_form_of_a_video_address_gives_its_id(video: str) -> None:
    """Watch, short, embedded and live addresses on all of YouTube's hosts; the id keeps its case."""
    forms = [
        f"https://www.youtube.com/watch?v={video}",
        f"https://www.youtube.com/watch?app=desktop&v={video}&t=42s",
        f"HTTPS://M.YouTube.com/watch?v={video}#x",
        f"https://music.youtube.com/watch/?v={video}&list=PL1",
        f"https://youtu.be/{video}?si=tracking",
        f"youtu.be/{video}",
        f"https://youtube.com/shorts/{video}?feature=share",
        f"https://www.youtube-nocookie.com/embed/{video}",
        f"//www.youtube.com:443/live/{video}/",
    ]

    assert [keys.video_id(form) for form in forms] == [video] * len(forms)


@pytest.mark.parametrize(
    "url",
    [
        "https://www.youtube.com/",
        "https://www.youtube.com/@channel",
        "https://www.youtube.com/playlist?list=PLabcdefghijk",
        "https://www.youtube.com/embed/videoseries?list=PL1",
        "https://www.youtube.com/embed/live_stream?channel=UC1",
        "https://www.youtube.com/results?search_query=abcdefghijk",
        "https://www.youtube.com/watch?v=tooshort",
        "https://www.youtube.com/watch?v=abcdefghijkl",
        "https://www.youtube.com/watch?v=abcdefghij%20",
        "https://youtube.com.evil.example/watch?v=abcdefghijk",
        "https://notyoutube.com/watch?v=abcdefghijk",
        "https://example.com/?u=https://youtu.be/abcdefghijk",
        "https://youtu.be",
        "https://[youtube/watch?v=abcdefghijk",
    ],
)
def test_addresses_that_play_no_single_video_have_no_id(url: str) -> None:
    """Channels, lists, searches, malformed ids and other sites that mention YouTube."""
    assert keys.video_id(url) is None


@given(st.text() | st.text().map(lambda text: f"https://www.youtube.com/watch?v={text}"))
def test_video_id_never_raises(text: str) -> None:
    """Any text gives an id of 11 characters or None."""
    found = keys.video_id(text)

    assert found is None or len(found) == 11


@pytest.mark.benchmark
def test_domains_are_looked_up_fast() -> None:
    """At least 100,000 lookups a second on the addresses of a pipeline: 5,000 hosts, each seen 20 times."""
    urls = [f"https://www.site{number % 5_000}.co.uk/page/{number % 20}" for number in range(100_000)]
    keys.registrable_domain("load.the.list.example")

    begun = time.process_time()
    for url in urls:
        keys.registrable_domain(url)

    assert time.process_time() - begun < 1.0
