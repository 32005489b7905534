"""Logging in and out, and the choice of light or dark."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from vitrina.web import pages
from vitrina.web.receiving import form
from vitrina.web.security import SESSION, is_token, local_path, session_of
from vitrina.web.services import services

router = APIRouter(include_in_schema=False)
YEAR = 31536000


@router.get("/login")
def login(request: Request, next: str = "/") -> Response:
    """The form that asks for the token."""
    answer = pages.page(request, "login.html", {"next": local_path(next), "wrong": False})
    answer.headers["Cache-Control"] = "no-store"
    return answer


@router.post("/login")
async def log_in(request: Request) -> Response:
    """Check the token, and go on to where the visitor wanted to go."""
    given = await form(request)
    options = services(request).options
    wanted = local_path(given.get("next", "/"))
    answer: Response
    if options.token is not None and is_token(given.get("token", ""), options):
        answer = RedirectResponse(wanted, 303)
        answer.set_cookie(
            SESSION,
            session_of(options.token),
            httponly=True,
            samesite="strict",
            # TLS ends before this server; the gate has seen that it is this site's own origin
            secure=request.headers.get("origin", "").startswith("https://"),
        )
    else:
        answer = pages.page(request, "login.html", {"next": wanted, "wrong": True}, 403)
    answer.headers["Cache-Control"] = "no-store"
    return answer


@router.post("/logout")
def log_out(request: Request) -> Response:
    """Forget the visitor."""
    answer = RedirectResponse("/login", 303)
    answer.delete_cookie(SESSION, httponly=True, samesite="strict")
    answer.headers["Cache-Control"] = "no-store"
    return answer


@router.post("/theme")
async def theme(request: Request) -> Response:
    """Remember light or dark; anything else follows the system."""
    given = await form(request)
    answer = RedirectResponse(local_path(given.get("next", "/")), 303)
    chosen = given.get("theme", "")
    if chosen in pages.THEMES:
        answer.set_cookie("theme", chosen, max_age=YEAR, samesite="strict")
    else:
        answer.delete_cookie("theme", samesite="strict")
    answer.headers["Cache-Control"] = "no-store"
    return answer
