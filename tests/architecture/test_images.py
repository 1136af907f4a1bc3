"""Dockerfile and compose.yaml: valid, complete, and no container knows a credential that is not its own.

Checked as files. No image is built here, and none of the images they name has been run.
"""

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from services.gateway.standalone import stack
from shared import config
from shared.domain.phases import SERVICES
from tests.architecture.distributions import FOLDERS, ROOT

COMPOSE = ROOT / "compose.yaml"
DOCKERFILE = (ROOT / "Dockerfile").read_text()
SIMULATOR = "http://simulator:8090"
PASSWORDS = {"POSTGRES_PASSWORD": "p0stgres", "REDIS_PASSWORD": "r3dis", "LANDSCAPE_TOKEN": "t0ken"}
#: Everything an operator may set of the providers, each with a value of its own.
KEYS = {
    f"LANDSCAPE_PROVIDERS__{service.upper()}__{name}": f"{service}-{name}".lower()
    for service in SERVICES
    for name in ("API_KEY", "CLIENT_ID", "CLIENT_SECRET", "REFRESH_TOKEN")
}
#: Set by compose.yaml itself, of no use in a container, or deadly.
NOT_PASSED_ON = {"URL", "LOG__FILE", "RUNTIME__FAULT_POINT"}
OAUTH = {
    "CLIENT_ID",
    "CLIENT_SECRET",
    "REFRESH_TOKEN",
    "OAUTH_URL",
    "CUSTOMER_ID",
    "LOGIN_CUSTOMER_ID",
    "VERSION",
}
#: What only one provider has. All others have an API_KEY.
SPECIAL = {"keywords": OAUTH, "llm": {"ORGANIZATION", "PROJECT", "API_KEY"}}

_VARIABLE = re.compile(r"\$\{(\w+)(?:(:[-+?])((?:[^${}]|\$\{[^{}]*\})*))?\}")

each_service = pytest.mark.parametrize("service", SERVICES)


def compose() -> Any:
    """The file with its merge keys resolved."""
    return json.loads(json.dumps(YAML(typ="safe", pure=True).load(COMPOSE)))


def interpolate(text: str, given: Mapping[str, str]) -> str:
    """A value as compose makes it, of ${A}, ${A:-else}, ${A:+then} and ${A:?error}, one inside another."""

    def replace(match: re.Match[str]) -> str:
        name, operator, word = match.groups()
        value = given.get(name, "")
        if operator == ":?":
            assert value, f"{name}: {word}"
        if operator == ":+":
            return interpolate(word, given) if value else ""
        return value or (interpolate(word, given) if operator == ":-" else "")

    return _VARIABLE.sub(replace, text)


def environment(name: str, **given: str) -> dict[str, str]:
    """What a container gets, with these variables in .env."""
    known = {**PASSWORDS, **given}
    values = compose()["services"][name].get("environment", {})
    named = {
        key: known.get(key) if value is None else interpolate(str(value), known)
        for key, value in values.items()
    }
    return {key: value for key, value in named.items() if value is not None}


def test_compose_file_is_valid() -> None:
    """By the schema of the compose specification."""
    command = [
        sys.executable,
        "-m",
        "check_jsonschema",
        "--builtin-schema",
        "vendor.compose-spec",
        str(COMPOSE),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode == 0, done.stdout


def test_a_misspelt_word_would_be_found(tmp_path: Path) -> None:
    """Otherwise the check above may have looked at nothing."""
    wrong = tmp_path / "compose.yaml"
    wrong.write_text(COMPOSE.read_text().replace("restart: unless-stopped", "restrat: unless-stopped"))
    command = [
        sys.executable,
        "-m",
        "check_jsonschema",
        "--builtin-schema",
        "vendor.compose-spec",
        str(wrong),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert "restrat" in done.stdout


def test_dockerfile_has_no_known_weakness() -> None:
    """By hadolint, with nothing excepted."""
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run(
        [hadolint, "--no-color", ROOT / "Dockerfile"], capture_output=True, text=True, timeout=60, check=False
    )

    assert (done.returncode, done.stdout) == (0, "")


def test_image_holds_what_is_shared_and_one_service() -> None:
    """And the requirements as they are locked, with their hashes."""
    copied = re.findall(r"^COPY (?:--\S+ )?(\S+)", DOCKERFILE, re.MULTILINE)

    assert copied == ["requirements.lock", "/venv", "shared", "services/$SERVICE"]
    assert re.search(r"pip install .*--require-hashes -r requirements\.lock$", DOCKERFILE, re.MULTILINE)
    assert DOCKERFILE.count("pip install") == 1


def test_build_sees_only_what_the_dockerfile_copies() -> None:
    """No .env, no data directory and no history can end in a layer."""
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]

    assert rules[0] == "*"
    assert [rule for rule in rules if rule.startswith("!")] == ["!requirements.lock", "!shared", "!services"]


def test_image_runs_as_nobody() -> None:
    """From the last stage on; and the command is replaced by the process, which so gets the stop signal."""
    last = DOCKERFILE.rpartition("\nFROM ")[2]
    (user,) = re.findall(r"^USER (\d+):\d+$", last, re.MULTILINE)

    assert int(user) > 0
    assert re.search(r'^CMD \["sh", "-c", "exec ', last, re.MULTILINE)


def test_image_is_built_on_a_tested_python() -> None:
    """One of those the workshop's launcher prefers."""
    (version,) = set(re.findall(r"^FROM python:([\d.]+)-slim", DOCKERFILE, re.MULTILINE))

    assert f"python{version}" in (ROOT / "landscape").read_text()


def test_every_service_of_the_tree_has_a_container_and_its_image() -> None:
    """A seventh provider is not forgotten; the simulator runs in the demo alone."""
    services = compose()["services"]
    built = {
        name: service["build"]["args"]["SERVICE"] for name, service in services.items() if "build" in service
    }

    assert built == {"migrate": "gateway"} | {name: name for name in FOLDERS if name != "shared"}
    assert set(services) - set(built) == {"postgres", "redis"}
    assert {name: service["profiles"] for name, service in services.items() if "profiles" in service} == {
        "simulator": ["demo"]
    }
    assert {
        name for name, service in services.items() if service["image"] != f"landscape-{built.get(name)}"
    } == {
        "postgres",
        "redis",
    }


def test_containers_are_stopped_and_watched_properly() -> None:
    """An init that reaps, more time than calls in flight may take, and a health check each."""
    services = compose()["services"]
    drain = config.Runtime().drain_seconds

    for name in (*SERVICES, "gateway"):
        service = services[name]
        assert service["init"] is True
        assert int(service["stop_grace_period"].removesuffix("s")) > drain + 10
        assert service["depends_on"]["migrate"]["condition"] == "service_completed_successfully"
    assert [name for name, service in services.items() if "healthcheck" not in service] == ["migrate"]


def test_only_the_gateway_is_published_and_only_to_this_machine() -> None:
    """The stores are nobody else's business; who wants more puts a proxy in front."""
    published = {name: s["ports"] for name, s in compose()["services"].items() if "ports" in s}
    port = environment("gateway")["LANDSCAPE_GATEWAY__PORT"]

    assert published == {"gateway": [f"127.0.0.1:{port}:{port}"]}
    assert int(port) == config.Gateway().port


@pytest.mark.parametrize("name", [*SERVICES, "gateway", "migrate"])
@pytest.mark.parametrize("simulator", ["", SIMULATOR])
def test_every_variable_is_a_setting_with_a_value_it_may_have(name: str, simulator: str) -> None:
    """With the simulator and without: the container's settings are read as its process reads them."""
    settings = config.load(environment(name, SIMULATOR=simulator, **KEYS))

    assert settings.postgres_url == "postgresql://landscape:p0stgres@postgres:5432/landscape"


@each_service
def test_every_setting_of_a_worker_can_be_set(service: str) -> None:
    """What .env.example lists works here, too."""
    names = {name.replace("<SERVICE>", service.upper()) for name in config.names()}
    others = set.union(*SPECIAL.values()) - SPECIAL.get(service, {"API_KEY"}) | {"MODEL"}
    wanted = {
        f"{config.PREFIX}{name}"
        for name in names - NOT_PASSED_ON
        if name.partition("__")[0] not in {"GATEWAY", "TOKEN", "SERVICES"}
        and name.rpartition("__")[2] not in others
    }

    assert set(compose()["services"][service]["environment"]) == wanted


@pytest.mark.parametrize("name", [*SERVICES, "gateway", "migrate", "postgres", "redis", "simulator"])
def test_a_container_knows_its_own_credentials_and_no_others(name: str) -> None:
    """Whoever breaks into one of them can spend on one provider."""
    values = set(environment(name, **KEYS).values())
    own = {value for key, value in KEYS.items() if f"__{name.upper()}__" in key}
    used = own & values

    assert values & set(KEYS.values()) == used
    assert bool(used) == (name in SERVICES)
    assert (PASSWORDS["LANDSCAPE_TOKEN"] in values) == (name == "gateway")


@each_service
def test_the_demo_calls_the_simulator_with_no_real_key(service: str) -> None:
    """Where the one-machine demo finds each provider, too."""
    own = config.load(environment(service, SIMULATOR=SIMULATOR, **KEYS)).provider(service)
    values = environment(service, SIMULATOR=SIMULATOR, **KEYS).values()

    assert own.base_url == SIMULATOR + stack.SIMULATED_PATHS[service]
    assert not set(KEYS.values()) & set(values)
    if service == "keywords":
        assert own.oauth_url == f"{SIMULATOR}/oauth/token"
        assert own.customer_id is not None
        assert len(own.customer_id) == 10


@each_service
def test_without_the_simulator_the_providers_own_addresses_count(service: str) -> None:
    """An address that is set would make every answer a simulated one."""
    own = config.load(environment(service, **KEYS)).provider(service)

    assert not own.base_url
    assert own.oauth_url == config.Provider().oauth_url


def test_simulator_listens_where_the_demo_looks_for_it() -> None:
    """As the command at the top of the file says."""
    simulator = compose()["services"]["simulator"]

    assert f"SIMULATOR={SIMULATOR} docker compose --profile demo up" in COMPOSE.read_text()
    assert simulator["command"][-4:] == ["--host", "0.0.0.0", "--port", SIMULATOR.rpartition(":")[2]]
    assert config.load(environment("gateway", SIMULATOR=SIMULATOR)).provider("serp").base_url


@pytest.mark.parametrize("name", PASSWORDS)
def test_a_missing_secret_stops_the_start(name: str) -> None:
    """No password has a default."""
    texts = [str(v) for s in compose()["services"].values() for v in s.get("environment", {}).values()]
    users = [text for text in texts if f"${{{name}" in text]

    assert users
    assert all(f"${{{name}:?" in text for text in users)
