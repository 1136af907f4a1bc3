"""What can be done about a gate that is shut, and the command that does it."""

from collections.abc import Callable, Mapping
from typing import Final

#: From the names of what waits (pipeline, service, phase, letter) to a command line; None where a name it needs is missing.
Command = Callable[[Mapping[str, str]], str | None]


def _with(text: str) -> Command:
    def command(names: Mapping[str, str]) -> str | None:
        try:
            return text.format_map(names)
        except KeyError:
            return None

    return command


def _retry(names: Mapping[str, str]) -> str | None:
    phase = f" --phase {names['phase']}" if "phase" in names else ""
    return f"landscape retry-failed {names['pipeline']}{phase}"


_NOTHING: Final = "nothing: it goes on by itself"

#: Gate -> what to do, and the command.
REMEDIES: Final[Mapping[str, tuple[str, Command | None]]] = {
    "retry": (_NOTHING, None),
    "rate": ("nothing: it goes on by itself; more only with a higher limit of the provider's", None),
    "concurrency": ("nothing: it goes on by itself; more only with a higher limit of the provider's", None),
    "breaker": (
        "nothing: it is tried out by itself, unless it is held; reset it when the provider is known to be back",
        _with("landscape breakers reset {service}"),
    ),
    "quota": ("wait for the day to end, or have the provider raise the quota and set UNITS_PER_DAY", None),
    "budget": ("raise the budget: name what it may spend in all", _with("landscape budget {pipeline} AMOUNT")),
    "account": ("mend key, credit or permissions; then a few calls try again within a minute", _with("landscape doctor --live")),
    "paused": ("unpause it", _with("{unpause}")),
    "in_doubt": (
        "look the call up at the provider, and say what became of it: rebuy, charged or not_charged",
        _with("landscape in-doubt {pipeline} --decide DECISION"),
    ),
    "shutdown": (_NOTHING, None),
    "cancelled": ("resume it, if it was not meant", _with("landscape resume {pipeline}")),
    "worker": ("start a worker", _with("landscape worker {service}")),
    "lease": (_NOTHING, None),
    "upstream": (_NOTHING, None),
    "linger": (_NOTHING, None),
    "turn": (_NOTHING, None),
    "working": ("nothing", None),
    "idle": ("nothing", None),
    "dead_letter": ("cure the cause, then replay it", _with("landscape dead-letters replay {letter}")),
    "failed": ("cure the cause, then retry it", _retry),
    "finished": ("nothing", None),
}  # fmt: skip
