"""Duplicates: products that are there twice, beside each other, the surest first."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from vitrina.search.browse import Duplicate
from vitrina.web import pages
from vitrina.web.how import How, curl, python_call, shell, sql_call
from vitrina.web.server import address
from vitrina.web.services import services

router = APIRouter(include_in_schema=False)
NAV = None
MOST = 60  # pairs on the page
LOOKS = 0.93  # pictures that look alike from this cosine on, if they are asked for too


@router.get("/duplicates")
def duplicates(request: Request, looks: bool = False) -> Response:
    """Copies of pictures and equal texts; with `looks`, also what only looks alike."""
    shared = services(request)
    asked: dict[str, Any] = {"k": MOST, **({"min_looks": LOOKS} if looks else {})}
    rows = shared.catalog.duplicates(**asked)
    ids = [id_ for row in rows for id_ in (row.product_id, row.of_product)]
    base = address(shared.options.host, shared.options.port)
    given = {"k": str(MOST), **({"min_looks": str(LOOKS)} if looks else {})}
    options = ["-k", str(MOST), *(["--min-looks", str(LOOKS)] if looks else [])]
    return pages.page(
        request,
        "duplicates.html",
        {
            "rows": rows,
            "why": {(row.product_id, row.of_product): reason(row) for row in rows},
            "looks": looks,
            "most": MOST,
            "pictures": shared.catalog.pictures.of(dict.fromkeys(ids)),
            "how": How(
                sql=sql_call("duplicates", given),
                cli=shell("vitrina", "duplicates", *options),
                python=python_call(
                    "duplicates", [f"{key}={value!r}" for key, value in asked.items()]
                ),
                curl=curl(
                    base, "/api/duplicates?" + "&".join(f"{k}={v}" for k, v in given.items())
                ),
            ),
        },
    )


def reason(row: Duplicate) -> str:
    """Why two products may be one, in words."""
    said = []
    if "picture" in row.reasons:
        same = row.picture_similarity == 1 and row.distance == 0
        said.append("the same picture" if same else "a copy of the picture")
    if "text" in row.reasons:
        said.append("the same words" if row.similarity is None else "nearly the same text")
    if "looks" in row.reasons:
        said.append("looks much alike")
    return ", ".join(said)
