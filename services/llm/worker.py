"""Entry point: `landscape worker llm`."""

from services.llm.provider import PROVIDER, handle
from shared.runtime.serve import serve

broker = serve(PROVIDER, handle)
