"""What OPTIONS says: every method of a path. The framework forgets those that were registered after the first."""

from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.routes import HTTPRoute
from litestar.types import ASGIApp, Message, Receive, Scope, Send


class AllowedMethods(ASGIMiddleware):
    """Writes the header Allow of answers to OPTIONS anew."""

    scopes = (ScopeType.HTTP,)

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Pass a request on."""

        async def corrected(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] < 300:
                others = [(name, value) for name, value in message["headers"] if name != b"allow"]
                message["headers"] = [*others, (b"allow", ", ".join(_methods(scope)).encode())]
            await send(message)

        await next_app(scope, receive, corrected if scope.get("method") == "OPTIONS" else send)


def _methods(scope: Scope) -> list[str]:
    template = scope["path_template"]
    return sorted(
        str(method)
        for route in scope["litestar_app"].routes
        if isinstance(route, HTTPRoute) and route.path_format == template
        for method in route.methods
    )
