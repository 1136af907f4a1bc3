"""Who gets which part of the environment, and when the simulator stands in."""

from pathlib import Path

import pytest

from services.gateway.standalone import stack
from services.gateway.standalone.machine import SimulatorOptions, Standalone
from services.gateway.standalone.services import discover
from shared.errors import ConfigError

SECRETS = {
    "LANDSCAPE_PROVIDERS__SERP__API_KEY": "serp-secret",
    "LANDSCAPE_PROVIDERS__MEDIA__API_KEY": "media-secret",
    "LANDSCAPE_TOKEN": "token-secret",
}
ENVIRONMENT = {
    **SECRETS,
    "PATH": "/bin",
    "LANDSCAPE_RUNTIME__THREADS": "3",
    "LANDSCAPE_LOG__LEVEL": "debug",
    "LANDSCAPE_GATEWAY__HOST": "127.0.0.1",
    "LANDSCAPE_PROVIDERS__SERP__CONCURRENCY": "5",
}


def test_common_part_has_no_secret_and_no_address() -> None:
    """What every process gets: the machine's own environment, timing, logging."""
    assert stack.common(ENVIRONMENT) == {
        "PATH": "/bin",
        "LANDSCAPE_RUNTIME__THREADS": "3",
        "LANDSCAPE_LOG__LEVEL": "debug",
        "TZ": "UTC",
    }


def test_worker_gets_its_own_provider_and_no_other() -> None:
    """A key is worth money."""
    assert stack.worker(ENVIRONMENT, "serp") == {
        "LANDSCAPE_PROVIDERS__SERP__API_KEY": "serp-secret",
        "LANDSCAPE_PROVIDERS__SERP__CONCURRENCY": "5",
    }


def test_gateway_gets_settings_of_all_providers_but_no_credential() -> None:
    """It never calls a provider."""
    part = stack.gateway(ENVIRONMENT)
    assert part["LANDSCAPE_PROVIDERS__SERP__CONCURRENCY"] == "5"
    assert part["LANDSCAPE_GATEWAY__HOST"] == "127.0.0.1"
    assert not set(part.values()) & set(SECRETS.values())


def test_simulator_replaces_every_provider_and_gets_no_real_key() -> None:
    """Simulated and real answers are never mixed."""
    changed = stack.simulated(ENVIRONMENT, ["serp", "media"], "http://127.0.0.1:9")
    assert changed["LANDSCAPE_PROVIDERS__SERP__BASE_URL"] == "http://127.0.0.1:9/scaleserp"
    assert changed["LANDSCAPE_PROVIDERS__MEDIA__BASE_URL"] == "http://127.0.0.1:9/youtube/v3"
    assert not {"serp-secret", "media-secret"} & set(changed.values())


def test_limits_are_raised_for_the_simulator_unless_they_are_set() -> None:
    """A real plan's limits would make a demo take hours; somebody who sets one means it."""
    changed = stack.simulated(ENVIRONMENT, ["serp", "media"], "http://127.0.0.1:9")
    assert changed["LANDSCAPE_PROVIDERS__SERP__CONCURRENCY"] == "5"
    assert changed["LANDSCAPE_PROVIDERS__SERP__REQUESTS_PER_SECOND"] == "0"
    assert changed["LANDSCAPE_PROVIDERS__MEDIA__CONCURRENCY"] == "20"


def test_key_or_address_makes_a_provider_configured() -> None:
    """Limits alone do not: the simulator still stands in."""
    services = ["serp", "media"]
    assert stack.configured(ENVIRONMENT, services) == services
    assert stack.configured({"LANDSCAPE_PROVIDERS__SERP__CONCURRENCY": "5"}, services) == []
    assert stack.configured({"LANDSCAPE_PROVIDERS__SERP__BASE_URL": "http://x"}, services) == ["serp"]


def test_without_simulator_only_services_with_a_key_run(tmp_path: Path) -> None:
    """Their phases are a stated gap; a worker without a key could only fail."""
    key = {"LANDSCAPE_PROVIDERS__SERP__API_KEY": "x"}
    assert Standalone(tmp_path, environment=key).workers == ["serp"]
    assert Standalone(tmp_path, simulator=SimulatorOptions(), environment=key).workers == discover()


def test_neither_key_nor_simulator_is_an_error_before_anything_starts(tmp_path: Path) -> None:
    """It names a variable that would help."""
    with pytest.raises(ConfigError, match="LANDSCAPE_PROVIDERS__SERP__API_KEY"):
        Standalone(tmp_path / "data")
    assert not (tmp_path / "data").exists()


def test_unknown_service_is_an_error(tmp_path: Path) -> None:
    """The message lists those there are."""
    with pytest.raises(ConfigError, match="no service 'nosuch'; there are: enrichment, keywords, llm"):
        Standalone(tmp_path, services=["nosuch"])


def test_simulator_options_become_its_flags() -> None:
    """Those that are not given stay the simulator's own defaults."""
    assert SimulatorOptions().arguments() == []
    assert SimulatorOptions(seed=7, latency_ms=50, fault_rate=0.05).arguments() == [
        *("--seed", "7"),
        *("--latency-ms", "50"),
        *("--fault-rate", "0.05"),
    ]
