"""The API's own page: its routes and their names, without a line from elsewhere."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from vitrina.web import pages
from vitrina.web.how import How, curl
from vitrina.web.server import address
from vitrina.web.services import MCP_PATH, services

router = APIRouter(include_in_schema=False)
NAV = ("API", "/docs")
EXAMPLES = {
    "/api/search": "/api/search?q=grey+sofa&n=3",
    "/api/count": "/api/count?q=sofa",
    "/api/facets": "/api/facets?q=sofa&k=3&attribute=price",
    "/api/suggest": "/api/suggest?q=so",
    "/api/similar/{product_id}": "/api/similar/1?n=3",
    "/api/recommend": "/api/recommend?like=1&unlike=2&n=3",
    "/api/product/{product_id}": "/api/product/1",
    "/api/explain": "/api/explain?product=1&q=red+shoes",
}


@router.get("/openapi.json")
def openapi(request: Request) -> Response:
    """The routes of the API, for machines."""
    return pages.data(request, request.app.openapi())


@router.get("/docs")
def docs(request: Request) -> Response:
    """Every route of /openapi.json in words, each with an example."""
    schema = request.app.openapi()
    options = services(request).options
    base = address(options.host, options.port)
    models = schema.get("components", {}).get("schemas", {})
    routes = [
        {
            "path": path,
            "method": method.upper(),
            "text": told.get("description", told.get("summary", "")),
            "parameters": told.get("parameters", []),
            "fields": _fields(told, models),
            "example": EXAMPLES.get(path, ""),
        }
        for path, methods in schema["paths"].items()
        for method, told in methods.items()
    ]
    how = How(curl=curl(base, "/openapi.json"))
    tools = []
    if options.mcp:
        from vitrina.web.tools import TOOLS

        tools = [(tool.name, tool.text) for tool in TOOLS]
    return pages.page(
        request,
        "docs.html",
        {"routes": routes, "base": base, "how": how, "tools": tools, "mcp": base + MCP_PATH},
    )


def _fields(told: dict[str, Any], models: dict[str, Any]) -> list[tuple[str, str]]:
    """The fields of a route's answer, with their types; those of what a list holds, indented."""
    try:
        answer = told["responses"]["200"]["content"]["application/json"]["schema"]["$ref"]
    except KeyError:
        return []
    found: list[tuple[str, str]] = []
    for name, kind in models[answer.rpartition("/")[2]].get("properties", {}).items():
        found.append((name, _type(kind)))
        inner = kind.get("items", {}).get("$ref")
        if inner:
            inside = models[inner.rpartition("/")[2]].get("properties", {})
            found += [(f"{name}[].{each}", _type(type_)) for each, type_ in inside.items()]
    return found


def _type(kind: dict[str, Any]) -> str:
    if "anyOf" in kind:
        return " or ".join(_type(each) for each in kind["anyOf"])
    if kind.get("type") == "array":
        return f"list of {_type(kind.get('items', {}))}"
    if "$ref" in kind:
        return str(kind["$ref"]).rpartition("/")[2]
    return str(kind.get("format") or kind.get("type") or "any")
