"""Entry point: `landscape worker media`."""

from services.media.provider import PROVIDER, handle
from shared.runtime.serve import serve

broker = serve(PROVIDER, handle)
