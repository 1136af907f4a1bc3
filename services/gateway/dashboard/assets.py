"""Scripts and styles of the pages: files of this package, checked in, served from memory."""

import gzip
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from litestar import Response, get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath

from services.gateway.actor import AnyRequest

FOLDER: Final = Path(__file__).parent / "static"
_MEDIA_TYPES: Final = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
#: The address changes with the content.
_FOR_EVER: Final = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Asset:
    """One file."""

    content: bytes
    compressed: bytes
    media_type: str
    address: str


def _load(path: Path) -> Asset:
    content = path.read_bytes()
    version = hashlib.sha256(content).hexdigest()[:12]
    return Asset(
        content,
        gzip.compress(content, 9, mtime=0),
        _MEDIA_TYPES[path.suffix],
        f"/ui/static/{path.name}?v={version}",
    )


ASSETS: Final = {path.name: _load(path) for path in sorted(FOLDER.iterdir()) if path.suffix in _MEDIA_TYPES}


@get("/static/{name:str}", include_in_schema=False)
async def static(request: AnyRequest, name: FromPath[str]) -> Response[bytes]:
    """Without a session: nothing in it is secret, and the sign-in page needs it."""
    asset = ASSETS.get(name)
    if asset is None:
        raise NotFoundException
    headers = {"Cache-Control": _FOR_EVER, "Vary": "Accept-Encoding"}
    if "gzip" not in request.headers.get("accept-encoding", ""):
        return Response(asset.content, media_type=asset.media_type, headers=headers)
    headers["Content-Encoding"] = "gzip"
    return Response(asset.compressed, media_type=asset.media_type, headers=headers)
