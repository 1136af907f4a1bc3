"""The videos and channels of the world: every id can be checked, so that unknown ids are told from known."""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import blake2b
from struct import unpack
from typing import NamedTuple

from services.simulator import vocabulary
from services.simulator.chance import digest
from services.simulator.vocabulary import SYLLABLES

POPULAR = 400
"""Videos that many searches show; further ones belong to one search each."""
POPULAR_CHANNELS = 100
"""Channels that hold many videos each."""
OWN_CHANNEL_SHARE = 0.11
"""Of videos: the only one of their channel. So there is about one channel per 8 videos."""
CHANNELS = 1 << 31
DEAD_IN_256 = 5
"""Videos per 256 (2 %) that searches show but YouTube no longer has."""

_ID_SPACE = 1 << 48
_UNITS = float(1 << 32)


class Video(NamedTuple):
    """Facts of a video; what depends on the seed and its number alone."""

    number: int
    id: str
    title: str
    channel: int
    seconds: int
    draws: tuple[int, ...]
    """Six 32-bit draws for what else is asked of it."""


class Videos:
    """Numbers, ids and facts. A number is below 2^48; popular videos have the numbers below POPULAR."""

    def __init__(self, seed: int) -> None:
        self._key = digest(seed, "videos", 32)
        self._factor = int.from_bytes(self._key[:6], "little") | 1
        self._inverse = pow(self._factor, -1, _ID_SPACE)

    def own_number(self, words: str) -> int:
        """The number of a video that belongs to these words."""
        number = int.from_bytes(self._digest(words.encode(), 6), "little")
        return max(number, POPULAR)

    def id(self, number: int) -> str:
        """The 11-character id."""
        payload = (number * self._factor % _ID_SPACE).to_bytes(6, "little")
        check = self._digest(payload, 3)
        known = check[:2] if check[2] >= DEAD_IN_256 else bytes((check[0] ^ 0xFF, check[1]))
        return urlsafe_b64encode(payload + known)[:11].decode()

    def find(self, video_id: str) -> Video | None:
        """The video, or None for an id that is dead or was never given out."""
        raw = _decode(video_id, 11, 8)
        if raw is None or self._digest(raw[:6], 3)[:2] != raw[6:]:
            return None
        return self.video(int.from_bytes(raw[:6], "little") * self._inverse % _ID_SPACE, video_id)

    def video(self, number: int, video_id: str = "") -> Video:
        """The facts of a number, dead or not."""
        title, topic, length, owner, *draws = unpack("<10I", self._digest(b"video %d" % number, 40))
        return Video(
            number,
            video_id or self.id(number),
            vocabulary.title(title, topic),
            _channel(owner / _UNITS, draws[0]),
            int(20 + 3580 * (length / _UNITS) ** 2),
            tuple(draws),
        )

    def channel_id(self, channel: int) -> str:
        """The 24-character id of a channel below CHANNELS."""
        number = channel.to_bytes(4, "little")
        return "UC" + urlsafe_b64encode(number + self._digest(b"channel" + number, 12))[:22].decode()

    def find_channel(self, channel_id: str) -> int | None:
        """The channel's number, or None for an id that was never given out."""
        raw = _decode(channel_id[2:], 22, 16)
        if raw is None:
            return None
        channel = int.from_bytes(raw[:4], "little")
        return channel if channel < CHANNELS and self.channel_id(channel) == channel_id else None

    def draws(self, channel: int) -> tuple[int, ...]:
        """Six 32-bit draws of a channel."""
        return unpack("<6I", self._digest(b"facts of channel %d" % channel, 24))

    def _digest(self, words: bytes, size: int) -> bytes:
        return blake2b(words, digest_size=size, key=self._key).digest()


def _channel(share: float, draw: int) -> int:
    if share < OWN_CHANNEL_SHARE:
        return POPULAR_CHANNELS + draw % (CHANNELS - POPULAR_CHANNELS)
    return int(POPULAR_CHANNELS * ((share - OWN_CHANNEL_SHARE) / (1 - OWN_CHANNEL_SHARE)) ** 2)


def channel_title(channel: int) -> str:
    """The name a channel goes by everywhere."""
    return (
        f"{SYLLABLES[channel % len(SYLLABLES)].title()}{SYLLABLES[channel // 7 % len(SYLLABLES)]} {channel}"
    )


def _decode(text: str, characters: int, size: int) -> bytes | None:
    if len(text) != characters or not text.isascii():
        return None
    try:
        raw = urlsafe_b64decode(text + "=" * (-characters % 4))
    except binascii.Error:
        return None
    # Base64 readers drop foreign characters and spare bits; only the exact spelling is the id.
    return raw if len(raw) == size and urlsafe_b64encode(raw)[:characters].decode() == text else None
