"""Canonical keys: one spelling per keyword, search, domain and video."""

import ipaddress
import re
import unicodedata
from functools import cache, lru_cache
from urllib.parse import parse_qs, parse_qsl, quote, unquote, urlsplit

import idna
import msgspec
from publicsuffixlist import PublicSuffixList

#: Hosts and URLs remembered; a large pipeline sees some 100,000 distinct ones.
CACHED = 1 << 17
#: Characters of a host name, by RFC 1035.
_HOST_LENGTH = 253

_SCHEME = re.compile(r"(?:[a-z][a-z0-9+.-]*:)?//", re.IGNORECASE)
_AUTHORITY_END = re.compile(r"[/?#\\]")
_PORT = re.compile(r":\d*$", re.ASCII)
_NAME = re.compile(r"(?:[a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}", re.ASCII)
#: Parameters that say where a visitor came from; no page depends on them.
_TRACKING = frozenset(
    [
        "_ga",
        "_gl",
        "_hsenc",
        "_hsmi",
        "cmpid",
        "dclid",
        "fbclid",
        "gad_source",
        "gbraid",
        "gclid",
        "gclsrc",
        "igshid",
        "mc_cid",
        "mc_eid",
        "mkt_tok",
        "msclkid",
        "oly_anon_id",
        "oly_enc_id",
        "s_cid",
        "scid",
        "srsltid",
        "ttclid",
        "twclid",
        "vero_conv",
        "vero_id",
        "wbraid",
        "wickedid",
        "yclid",
    ]
)
_TRACKING_PREFIXES = ("utm_", "hsa_", "pk_", "mtm_", "matomo_")
#: Left as they are in a path, and in a query: what RFC 3986 allows there and nobody encodes.
_PATH_SAFE, _QUERY_SAFE = "-._~!$&'()*+,;=:@", "-._~!$'()*,;:@/?"
_VIDEO = re.compile(r"[A-Za-z0-9_-]{11}", re.ASCII)
_VIDEO_HOSTS = frozenset(
    prefix + name
    for prefix in ("", "www.", "m.", "music.")
    for name in ("youtube.com", "youtube-nocookie.com")
)
#: Of 11 characters too, but players of a list or of a channel.
_NO_VIDEOS = frozenset({"videoseries", "live_stream"})


@lru_cache(CACHED)
def keyword_key(text: str) -> str:
    """NFKC, case-folded, blanks collapsed. Raises ValueError when nothing visible is left."""
    # Folding may undo the normal form and the other way round; twice is a fixed point (Unicode D146).
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFD", text).casefold()).casefold()
    key = " ".join(unicodedata.normalize("NFKC", folded).split())
    categories = {unicodedata.category(character) for character in key}
    if categories & {"Cc", "Cs"}:
        raise ValueError(f"keyword {text!r} holds a control character or half a surrogate pair; remove it")
    if not categories - {"Cf", "Mn", "Zs"}:
        raise ValueError("keyword is empty; give at least one visible character")
    return key


def search_key(keyword: str, region: str, content_type: str) -> str:
    """Compact JSON array of the three, the keyword in canonical form. Raises ValueError for an empty keyword."""
    return msgspec.json.encode((keyword_key(keyword), region, content_type)).decode()


def volume_key(keyword: str, region: str) -> str:
    """Compact JSON array of the two, the keyword in canonical form. Raises ValueError for an empty keyword."""
    return msgspec.json.encode((keyword_key(keyword), region)).decode()


def landscape_key(name: str) -> str:
    """Compact JSON array of a landscape's name; of nothing for the whole."""
    return msgspec.json.encode((name,) if name else ()).decode()


def host(url: str) -> str:
    """Lower-case A-label host of a URL or bare host: no user, port or final dot; IPv6 in brackets.

    Raises ValueError when there is none.
    """
    text = url.strip()
    scheme = _SCHEME.match(text)
    authority = _AUTHORITY_END.split(text[scheme.end() :] if scheme else text, maxsplit=1)[0]
    authority = authority.rpartition("@")[2]
    if authority.startswith("[") or authority.count(":") > 1:
        return _ipv6(authority, url)
    name = _PORT.sub("", authority).removesuffix(".").lower()
    if not _NAME.fullmatch(name):
        name = _a_label(name)
    if len(name) > _HOST_LENGTH or not _NAME.fullmatch(name):
        raise ValueError(f"no host in {url!r}; expected something like https://example.com/page")
    return name


def _ipv6(authority: str, url: str) -> str:
    inside = authority[1:].partition("]")[0] if authority.startswith("[") else authority
    if "%" in inside:
        raise ValueError(f"no host in {url!r}: an address with a zone is valid on one machine only")
    try:
        return f"[{ipaddress.IPv6Address(inside)}]"
    except ValueError:
        raise ValueError(f"no host in {url!r}: neither a name nor an IPv6 address") from None


def _a_label(name: str) -> str:
    """As browsers do: percent-decoding, UTS 46 mapping, punycode per label. Other text is left for the caller."""
    try:
        mapped = idna.uts46_remap(unquote(name, errors="strict"), std3_rules=False)
        labels = (
            label if label.isascii() else "xn--" + label.encode("punycode").decode()
            for label in mapped.split(".")
        )
        return ".".join(labels).removesuffix(".")
    except UnicodeError:  # idna's own errors are among them
        return name


@lru_cache(CACHED)
def registrable_domain(url_or_host: str) -> str:
    """The name its owner registered, by the public suffix list with its private section; A-label.

    Where there is none (an IP address, a public suffix, a local name) the host itself. Raises
    ValueError when there is no host.
    """
    return _registrable(host(url_or_host))


@lru_cache(CACHED)
def _registrable(name: str) -> str:
    # A name never ends in a number (RFC 3696), an address does; the list would cut 127.0.0.1 to 0.1.
    if name.startswith("[") or name.rpartition(".")[2].isdigit():
        return name
    domain: str | None = _suffixes().privatesuffix(name)
    bare = name.removeprefix("www.")
    # www.github.io is the site of github.io, not of a customer named www. Under a registry, as in
    # www.co.uk, it is somebody's name.
    if (
        domain == name != bare
        and _suffixes().is_public(bare)
        and not _suffixes(only_icann=True).is_public(bare)
    ):
        return bare
    return domain or name


@cache
def _suffixes(*, only_icann: bool = False) -> PublicSuffixList:
    return PublicSuffixList(only_icann=only_icann)


@lru_cache(CACHED >> 2)
def page_key(url: str) -> str:
    """Host without `www.` and port, resolved path and sorted query without what only tracks; no scheme, no fragment.

    Two spellings of one page give one key; a page of its own under a query keeps it. Raises ValueError
    when there is no host.
    """
    text = url.strip()
    scheme = _SCHEME.match(text)
    name = host(text).removeprefix("www.")
    after = text[scheme.end() :] if scheme else text
    after = after.replace("\\", "/").partition("#")[0]
    path, _, query = after.partition("?")
    path = _resolved(path.partition("/")[2])
    pairs = sorted(
        (_encoded(key), _encoded(value))
        for key, value in parse_qsl(query, keep_blank_values=True, max_num_fields=1000)
        if not _tracks(key.lower())
    )
    asked = "&".join(f"{key}={value}" for key, value in pairs)
    return f"{name}/{path}?{asked}" if asked else f"{name}/{path}"


def _resolved(path: str) -> str:
    """Without dot segments, doubled and final slashes; percent-encoding in one spelling."""
    segments: list[str] = []
    for segment in path.split("/"):
        plain = unquote(segment, errors="surrogateescape")
        if plain == "..":
            del segments[-1:]
        elif plain not in {"", "."}:
            segments.append(quote(plain, safe=_PATH_SAFE, errors="surrogateescape"))
    return "/".join(segments)


def _encoded(text: str) -> str:
    return quote(text, safe=_QUERY_SAFE)


def _tracks(name: str) -> bool:
    return name in _TRACKING or name.startswith(_TRACKING_PREFIXES)


def video_id(url: str) -> str | None:
    """The YouTube video a URL plays; None for a channel, list, search or any other site. Ids keep their case."""
    if "yout" not in url.lower():  # nearly all of a landscape's URLs: not worth parsing
        return None
    try:
        name = host(url)
        text = url.strip()
        parts = urlsplit(text if _SCHEME.match(text) else f"//{text}")
        path = [segment for segment in parts.path.split("/") if segment]
        match (name.removeprefix("www."), path):
            case ("youtu.be", [found, *_]):
                pass
            case (_, ["watch"]) if name in _VIDEO_HOSTS:
                found = parse_qs(parts.query, max_num_fields=100).get("v", [""])[0]
            case (_, ["shorts" | "embed" | "live", found, *_]) if name in _VIDEO_HOSTS:
                pass
            case _:
                return None
    except ValueError:
        return None
    return found if _VIDEO.fullmatch(found) and found not in _NO_VIDEOS else None
