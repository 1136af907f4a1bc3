"""The published messages of the Google Ads API, by version.

The package has no types of its own, so its modules are imported without.
"""

import pkgutil
from importlib import import_module
from typing import Any

#: Those that the package knows, which are those that are alive.
VERSIONS = sorted(
    found.name
    for found in pkgutil.iter_modules(import_module("google.ads.googleads").__path__)
    if found.name[0] == "v" and found.name[1:].isdigit()
)
LATEST = VERSIONS[-1]


def request(version: str) -> Any:
    """An empty request for historical metrics."""
    return _planning(version).GenerateKeywordHistoricalMetricsRequest.pb()()


def response(version: str) -> Any:
    """An empty answer with historical metrics."""
    return _planning(version).GenerateKeywordHistoricalMetricsResponse.pb()()


def error_codes(version: str) -> dict[str, frozenset[str]]:
    """Family of errors, in camel case -> its values."""
    code = _errors(version).ErrorCode.pb().DESCRIPTOR
    return {
        field.json_name: frozenset(value.name for value in field.enum_type.values) for field in code.fields
    }


def load_errors() -> None:
    """Makes the failures of every version known to a detail's "@type"."""
    for version in VERSIONS:
        _errors(version)


def _planning(version: str) -> Any:
    return import_module(f"google.ads.googleads.{version}.services.types.keyword_plan_idea_service")


def _errors(version: str) -> Any:
    return import_module(f"google.ads.googleads.{version}.errors.types.errors")
