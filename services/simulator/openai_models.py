"""The models that answer, with what each of them takes."""

from collections.abc import Mapping
from typing import NamedTuple


class Model(NamedTuple):
    """A model by the name it is asked for."""

    name: str
    snapshot: str
    """The name it answers with."""
    context_tokens: int
    """Prompt and completion together."""
    output_tokens: int
    reasons: bool
    """Spends reasoning tokens; rejects max_tokens and any temperature but 1."""


_CHATTING = {
    "gpt-4o": ("2024-08-06", 128_000, 16_384),
    "gpt-4o-mini": ("2024-07-18", 128_000, 16_384),
    "gpt-4.1": ("2025-04-14", 1_047_576, 32_768),
    "gpt-4.1-mini": ("2025-04-14", 1_047_576, 32_768),
}
_REASONING = {
    "gpt-5": "2025-08-07", "gpt-5-mini": "2025-08-07", "gpt-5-nano": "2025-08-07", "gpt-5.1": "2025-11-13",
    "gpt-5.2": "2025-12-11", "gpt-5.4": "", "gpt-5.4-mini": "2026-03-17", "gpt-5.4-nano": "2026-03-17",
    "gpt-5.5": "2026-04-23", "gpt-5.6-sol": "", "gpt-5.6-terra": "", "gpt-5.6-luna": "", "gpt-6-sol": "",
    "gpt-6-luna": "", "gpt-6-astra": "",
}  # fmt: skip
"""Context and output of the youngest are not published here: all have those of the first."""


def _all() -> list[Model]:
    models = [
        Model(name, f"{name}-{day}", context, output, reasons=False)
        for name, (day, context, output) in _CHATTING.items()
    ]
    models += [
        Model(name, f"{name}-{day}" if day else name, 400_000, 128_000, reasons=True)
        for name, day in _REASONING.items()
    ]
    return models + [model._replace(name=model.snapshot) for model in models if model.snapshot != model.name]


MODELS: Mapping[str, Model] = {model.name: model for model in _all()}
