"""The dead messages of a queue in Redis, as Dramatiq keeps them: copies of dead letters, and what it refused itself.

Dramatiq has no API for them. Ids stand in the sorted set `<queue>.XQ`, by the moment they died; the messages in
the hash `<queue>.XQ.msgs`. A copy's id says which letter it is of; any other message is a bare one.
"""

import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Final, cast

import msgspec
import redis.asyncio
from dramatiq import Message as Envelope
from redis.exceptions import RedisError

from shared.broker.client import NAMESPACE
from shared.domain.message import ACTOR, Message

_SCRIPT = (Path(__file__).parent / "lua" / "take_dead.lua").read_text()
#: Begins the id of every copy; the letter's job follows.
_COPY: Final = b"dead-letter-"
#: Ids in one command.
_PART: Final = 1000


class DeadMessage(msgspec.Struct, frozen=True):
    """A bare message that was taken out."""

    message_id: str
    message: Message | None
    """None: it is none of ours, or cannot be read."""


class DeadMessages:
    """Of all queues. Every method raises OSError when Redis is away; nothing is lost by that."""

    def __init__(self, client: redis.asyncio.Redis) -> None:
        self._client = client
        self._take = cast("Callable[..., Awaitable[list[bytes]]]", client.register_script(_SCRIPT))

    async def mirror(self, queue: str, letters: Sequence[Message]) -> int:
        """Make the copies exactly those of these letters; bare messages are left alone. How many were missing or left over."""
        wanted = {_name(letter.job_id): letter for letter in letters}
        try:
            found = {name for name in await self._ids(queue) if name.startswith(_COPY)}
            missing = [(name, letter) for name, letter in wanted.items() if name not in found]
            for n in range(0, len(missing), _PART):
                await self._add(queue, missing[n : n + _PART])
            surplus = sorted(found - wanted.keys())
            await self._remove(queue, surplus)
        except RedisError as error:
            raise OSError(f"cannot copy dead letters of {queue}: {error}") from None
        return len(missing) + len(surplus)

    async def take_bare(self, queue: str) -> list[DeadMessage]:
        """Take out every message that is no copy; of those who ask at the same time one gets it."""
        try:
            bare = [name for name in await self._ids(queue) if not name.startswith(_COPY)]
            return await self._remove(queue, bare)
        except RedisError as error:
            raise OSError(f"cannot read the dead messages of {queue}: {error}") from None

    async def _ids(self, queue: str) -> list[bytes]:
        return cast("list[bytes]", await self._client.zrange(_ids_key(queue), 0, -1))

    async def _add(self, queue: str, copies: Sequence[tuple[bytes, Message]]) -> None:
        now = time.time() * 1000
        encoded = {name: _encode(queue, name, letter) for name, letter in copies}
        async with self._client.pipeline(transaction=True) as pipe:
            pipe.hset(_messages_key(queue), mapping=cast("dict[Any, Any]", encoded))
            pipe.zadd(_ids_key(queue), dict.fromkeys(encoded, now))
            await pipe.execute()

    async def _remove(self, queue: str, names: Sequence[bytes]) -> list[DeadMessage]:
        removed = []
        for n in range(0, len(names), _PART):
            keys = [_ids_key(queue), _messages_key(queue)]
            taken = await self._take(keys=keys, args=list(names[n : n + _PART]))
            removed += [
                DeadMessage(name.decode("utf-8", "replace"), _decode(body))
                for name, body in zip(taken[::2], taken[1::2], strict=True)
            ]
        return removed


def _name(job_id: int) -> bytes:
    return b"%b%d" % (_COPY, job_id)


def _ids_key(queue: str) -> str:
    return f"{NAMESPACE}:{queue}.XQ"


def _messages_key(queue: str) -> str:
    return f"{NAMESPACE}:{queue}.XQ.msgs"


def _encode(queue: str, name: bytes, letter: Message) -> bytes:
    kwargs = {"job_id": letter.job_id, "fence": letter.fence}
    options = {"redis_message_id": name.decode()}
    return Envelope(queue_name=queue, actor_name=ACTOR, args=(), kwargs=kwargs, options=options).encode()


class _Body(msgspec.Struct):
    actor_name: str
    kwargs: Message


def _decode(body: bytes) -> Message | None:
    try:
        found = msgspec.json.decode(body, type=_Body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return found.kwargs if found.actor_name == ACTOR else None
