"""Deterministic chance: the same words give the same draw in every process, whatever was drawn before."""

from collections.abc import Sequence
from hashlib import blake2b
from random import Random
from typing import TypeVar

T = TypeVar("T")


def digest(seed: int, words: str, size: int = 8) -> bytes:
    """`size` bytes (at most 64) that depend on the seed and the words alone."""
    return blake2b(words.encode(), digest_size=size, key=seed.to_bytes(8, "little")).digest()


def share(seed: int, words: str) -> float:
    """A number in [0, 1)."""
    return int.from_bytes(digest(seed, words), "little") / 2**64


def generator(seed: int, words: str) -> Random:
    """A generator of its own for this seed and these words."""
    return Random(int.from_bytes(digest(seed, words), "little"))


def pick(rng: Random, choices: Sequence[T]) -> T:
    """One of the choices; several times faster than Random.choice, which matters here."""
    return choices[int(rng.random() * len(choices))]
