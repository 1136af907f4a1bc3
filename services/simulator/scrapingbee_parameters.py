"""The query of a ScrapingBee call: its parameters, their rules, and the refusals."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple
from urllib.parse import urlsplit

from services.simulator.scrapingbee_target import Tier

MIN_TIMEOUT_MS, MAX_TIMEOUT_MS = 1000, 140_000
MAX_WAIT_MS = 35_000

_YES, _NO = ("true", "1"), ("false", "0")
_NEEDS_JS = ("wait", "wait_for", "wait_browser")
_NOT_WITH_AUTO = ("render_js", "premium_proxy", "stealth_proxy")
_NOT_WITH_STEALTH = ("forward_headers", "forward_headers_pure", "cookies", "timeout")
_FORMS = ("return_page_source", "return_page_markdown", "return_page_text")


def _is_absolute(url: str) -> str:
    try:
        parts = urlsplit(url.strip())
        valid = parts.scheme in ("http", "https") and "." in (parts.hostname or "") and " " not in url.strip()
    except ValueError:
        valid = False
    return "" if valid else "Not a valid URL."


def _is_boolean(value: str) -> str:
    return "" if value.lower() in _YES + _NO else "Not a valid boolean."


def _is_country(value: str) -> str:
    return "" if len(value) == 2 and value.isascii() and value.isalpha() else "Not a valid country code."


def _is_within(low: int, high: int, value: str) -> str:
    if not (value.isascii() and value.isdigit()):
        return "Not a valid integer."
    return "" if low <= int(value) <= high else f"Must be between {low} and {high}."


def _is_among(choices: tuple[str, ...], value: str) -> str:
    return "" if value in choices else f"Must be one of: {', '.join(choices)}."


def _is_free(_: str) -> str:
    return ""


def _is_not_simulated(_: str) -> str:
    return "This parameter is not simulated."


_RULES: Mapping[str, Callable[[str], str]] = {
    "url": _is_absolute,
    "render_js": _is_boolean,
    "premium_proxy": _is_boolean,
    "stealth_proxy": _is_boolean,
    "mode": partial(_is_among, ("auto",)),
    "max_cost": partial(_is_within, 1, 75),
    "country_code": _is_country,
    "timeout": partial(_is_within, MIN_TIMEOUT_MS, MAX_TIMEOUT_MS),
    "wait": partial(_is_within, 0, MAX_WAIT_MS),
    "wait_browser": partial(_is_among, ("domcontentloaded", "load", "networkidle0", "networkidle2")),
    "session_id": partial(_is_within, 0, 10_000_000),
    "device": partial(_is_among, ("desktop", "mobile")),
    "window_width": partial(_is_within, 1, 10_000),
    "window_height": partial(_is_within, 1, 10_000),
    "block_resources": _is_boolean,
    "block_ads": _is_boolean,
    "return_page_source": _is_boolean,
    "return_page_markdown": _is_boolean,
    "return_page_text": _is_boolean,
    "json_response": _is_boolean,
    "transparent_status_code": _is_boolean,
    "forward_headers": _is_boolean,
    "forward_headers_pure": _is_boolean,
    **dict.fromkeys(("api_key", "wait_for", "cookies", "tag"), _is_free),
    **dict.fromkeys(
        (
            "js_scenario", "extract_rules", "ai_query", "ai_selector", "ai_extract_rules", "own_proxy",
            "custom_google", "screenshot", "screenshot_full_page", "screenshot_selector", "scraping_config",
        ),
        _is_not_simulated,
    ),
}  # fmt: skip
"""What is wrong with a value, by the parameter; empty when nothing is."""


class Fetch(NamedTuple):
    """A valid call, defaults filled in."""

    url: str
    tier: Tier
    render_js: bool
    auto: bool
    """Escalates by itself, up to `max_cost` credits."""
    max_cost: int
    form: str
    """"page", or "markdown", "text", "source"."""
    json_response: bool
    transparent: bool
    """The target's status and body are passed on, and billed, whatever they are."""

    @property
    def subject(self) -> str:
        """What is bought. Parameters that change nothing here are left out."""
        how = f"mode=auto max_cost={self.max_cost}" if self.auto else f"tier={self.tier}"
        switches = "" if self.auto else f" render_js={str(self.render_js).lower()}"
        further = " json_response=true" * self.json_response + " transparent=true" * self.transparent
        return f"page url={self.url} {how}{switches} form={self.form}{further}"


Errors = dict[str, list[str]]


def read(query: Mapping[str, str]) -> Fetch | Errors:
    """The call, or what is wrong with each of its parameters."""
    errors: Errors = {name: [why] for name, value in query.items() if (why := _problem(name, value))}
    if "url" not in query:
        errors["url"] = ["Missing data for required field."]
    if errors:
        return errors
    if conflict := _conflict(query):
        return {conflict[0]: [conflict[1]]}
    stealth, premium = _is_on(query, "stealth_proxy"), _is_on(query, "premium_proxy")
    form = next((name.removeprefix("return_page_") for name in _FORMS if _is_on(query, name)), "page")
    return Fetch(
        query["url"].strip(),
        "stealth" if stealth else "premium" if premium else "default",
        _is_on(query, "render_js", default=True),
        query.get("mode") == "auto",
        int(query.get("max_cost", "75")),
        form,
        _is_on(query, "json_response"),
        _is_on(query, "transparent_status_code"),
    )


def _problem(name: str, value: str) -> str:
    return _RULES[name](value) if name in _RULES else "Unknown field."


def _conflict(query: Mapping[str, str]) -> tuple[str, str] | None:
    """The parameter that does not go with the others, and why."""
    auto, render_js = "mode" in query, _is_on(query, "render_js", default=True)
    premium, stealth = _is_on(query, "premium_proxy"), _is_on(query, "stealth_proxy")
    forms = [name for name in _FORMS if _is_on(query, name)]
    rules = [
        *(
            (auto and name in query, "mode", f"mode=auto cannot be combined with {name}.")
            for name in _NOT_WITH_AUTO
        ),
        ("max_cost" in query and not auto, "max_cost", "max_cost needs mode=auto."),
        (stealth and premium, "stealth_proxy", "stealth_proxy cannot be combined with premium_proxy."),
        (stealth and not render_js, "stealth_proxy", "stealth_proxy needs render_js=true."),
        (
            "country_code" in query and not (stealth or premium),
            "country_code",
            "country_code needs premium_proxy or stealth_proxy.",
        ),
        *(
            (stealth and name in query, name, f"{name} cannot be combined with stealth_proxy.")
            for name in _NOT_WITH_STEALTH
        ),
        *((not render_js and name in query, name, f"{name} needs render_js=true.") for name in _NEEDS_JS),
        (len(forms) > 1, "".join(forms[1:2]), "Only one form of the page can be returned."),
    ]
    return next(((name, why) for broken, name, why in rules if broken), None)


def _is_on(query: Mapping[str, str], name: str, *, default: bool = False) -> bool:
    return query[name].lower() in _YES if name in query else default
