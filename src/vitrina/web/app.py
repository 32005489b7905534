"""The application: screens behind the gate and the limits, errors as pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Scope

from vitrina.errors import VitrinaError
from vitrina.web import pages, session
from vitrina.web.later import Later
from vitrina.web.limits import Limits
from vitrina.web.screens import SCREENS
from vitrina.web.security import Gate
from vitrina.web.services import MCP_PATH, Services

if TYPE_CHECKING:
    from vitrina.web.mcp import Tools


def create_app(services: Services) -> ASGIApp:
    """The page over a catalogue: every screen, each behind the gate and the limits.

    Raises ConfigError for options that are not safe.
    """
    services.options.check()
    tools = Later(lambda: _tools(services)) if services.options.mcp else None
    app = FastAPI(
        title="vitrina",
        openapi_url=None,  # a screen gives it, with its tag
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=None if tools is None else lambda _: tools.running(),
    )
    app.state.services = services
    app.state.nav = [screen.NAV for screen in SCREENS if screen.NAV is not None]
    for screen in SCREENS:
        app.include_router(screen.router)
        editing = getattr(screen, "edit_router", None)
        if editing is not None and services.editor is not None:
            app.include_router(editing)
    app.include_router(session.router)
    app.router.routes.append(Route("/static/{path:path}", services.static))
    if tools is not None:
        app.router.routes.append(Route(MCP_PATH, tools))
    app.add_exception_handler(VitrinaError, _known)
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(Exception, _unknown)
    limited = Limits(
        app,
        lambda scope: _outside(app, scope, 503, "busy: try again in a second"),
        services.meter,
    )
    return Gate(
        limited, services.options, lambda scope, status, why: _outside(app, scope, status, why)
    )


def _tools(services: Services) -> Tools:
    """The tools of assistants: their package is imported only where they are served."""
    from vitrina.web.mcp import Tools

    return Tools(services)


def _outside(app: FastAPI, scope: Scope, status: int, reason: str) -> Response:
    scope["app"] = app
    return pages.refusal(scope, status, reason)


def _known(request: Request, error: Exception) -> Response:
    assert isinstance(error, VitrinaError)  # noqa: S101 - registered for these
    return pages.explained(request, error)


def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for these
    reason = error.detail
    if error.status_code == 404 and reason == "Not Found":
        reason = f"there is no page {request.url.path}"
    return pages.failure(request, error.status_code, reason)


def _unknown(request: Request, error: Exception) -> Response:
    """An answer without a word of the error, which may hold anything."""
    return pages.failure(request, 500, pages.BUG)
