"""Which process gets which part of the environment: each worker its own provider's settings and no other's."""

from collections.abc import Collection, Mapping

PREFIX = "LANDSCAPE_"
#: Settings every process may read.
COMMON = ("LANDSCAPE_RUNTIME__", "LANDSCAPE_LOG__")
#: A provider's variable with one of these in its name is a credential.
CREDENTIAL = ("KEY", "SECRET", "TOKEN")

#: Where the simulator stands in for the provider of a service.
SIMULATED_PATHS = {
    "serp": "/scaleserp",
    "keywords": "/googleads",
    "enrichment": "/cognism/api",
    "media": "/youtube/v3",
    "pages": "/scrapingbee/api/v1",
    "llm": "/openai/v1",
}
#: What a simulator takes, where a real plan would take hours. Used where nothing else is set.
SIMULATED_LIMITS = {"REQUESTS_PER_SECOND": "0", "CONCURRENCY": "20"}
#: Credentials and accounts the simulator accepts where a key is not all that is needed.
SIMULATED_ACCOUNTS = {
    "keywords": {
        "CLIENT_ID": "simulator",
        "CLIENT_SECRET": "simulator",
        "REFRESH_TOKEN": "simulator",
        "CUSTOMER_ID": "1234567890",
    },
}
SIMULATED_OAUTH_PATH = "/oauth/token"


def provider_prefix(service: str) -> str:
    """What the variables of a service's provider begin with."""
    return f"{PREFIX}PROVIDERS__{service.upper()}__"


def configured(environment: Mapping[str, str], services: Collection[str]) -> list[str]:
    """Services whose provider has a key, or an address of its own."""
    return [
        service
        for service in services
        for key in ("REFRESH_TOKEN" if service in SIMULATED_ACCOUNTS else "API_KEY",)
        if any(
            environment.get(f"{provider_prefix(service)}{name}") for name in (key, f"{key}_FILE", "BASE_URL")
        )
    ]


def common(environment: Mapping[str, str]) -> dict[str, str]:
    """Everything that is not ours, and of ours what every process may read."""
    return {
        name: value
        for name, value in environment.items()
        if not name.startswith(PREFIX) or name.startswith(COMMON)
    } | {"TZ": "UTC"}  # fmt: skip


def simulated(
    environment: Mapping[str, str], services: Collection[str], simulator_url: str
) -> dict[str, str]:
    """The environment with every service's provider replaced by the simulator; real keys are not sent to it."""
    changed = dict(environment)
    for service in services:
        prefix = provider_prefix(service)
        for name in [name for name in changed if name.startswith(prefix) and _is_credential(name)]:
            del changed[name]
        for name, value in SIMULATED_LIMITS.items():
            changed.setdefault(f"{prefix}{name}", value)
        changed[f"{prefix}BASE_URL"] = simulator_url + SIMULATED_PATHS.get(service, f"/{service}")
        changed[f"{prefix}API_KEY"] = "simulator"
        changed[f"{prefix}OAUTH_URL"] = simulator_url + SIMULATED_OAUTH_PATH
        changed |= {f"{prefix}{name}": value for name, value in SIMULATED_ACCOUNTS.get(service, {}).items()}
    return changed


def worker(environment: Mapping[str, str], service: str) -> dict[str, str]:
    """A worker's part: its own provider, with its credentials."""
    return {name: value for name, value in environment.items() if name.startswith(provider_prefix(service))}


def gateway(environment: Mapping[str, str]) -> dict[str, str]:
    """The gateway's part: where it listens, and every provider's settings without a credential."""
    return {
        name: value
        for name, value in environment.items()
        if name.startswith(f"{PREFIX}GATEWAY__")
        or (name.startswith(f"{PREFIX}PROVIDERS__") and not _is_credential(name))
    }


def _is_credential(name: str) -> bool:
    return any(word in name.rpartition("__")[2] for word in CREDENTIAL)
