"""The identity of a fact: what makes two wants the same purchase."""

import hashlib
import json
import uuid
from collections.abc import Mapping
from typing import Any


def fact_key(provider: str, endpoint: str, subject: str, params: Mapping[str, Any]) -> str:
    """UUID text over provider, endpoint, subject and parameters; the order of parameters does not matter."""
    identity = json.dumps([provider, endpoint, subject, params], sort_keys=True, separators=(",", ":"))
    return str(uuid.UUID(bytes=hashlib.blake2b(identity.encode(), digest_size=16).digest()))
