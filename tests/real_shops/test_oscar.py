"""A real django-oscar shop: attached, searched, changed by its own models, detached."""

from __future__ import annotations

import contextlib
import importlib.util
from pathlib import Path

import pytest

import servers
from catalogues import SHARED
from real_shops.kept_shops import installed
from shops import pooler
from shops.goods import demo, fashion
from shops.rehearsal import ROLES
from shops.runs import Scene, rehearse
from vitrina import embedded

pytestmark = [
    pytest.mark.skipif(
        importlib.util.find_spec("oscar") is None, reason="no django-oscar: run make .venv/.shops"
    ),
]
no_pooler = pytest.mark.skipif(pooler.program() is None, reason="no pgbouncer: apt-get install it")


@pytest.mark.parametrize("way", ["direct", pytest.param("pooled", marks=no_pooler)])
def test_search_follows_the_shop(
    server: embedded.Server, tmp_path: Path, pytestconfig: pytest.Config, way: str
) -> None:
    template, _ = installed(server, "oscar", servers.cache(pytestconfig.rootpath))
    if (SHARED / "fashion").is_dir():
        goods = fashion(SHARED / "fashion", 30)
    else:
        goods = demo(tmp_path)[:30]
    picture = Path(goods.pop()["picture"])
    media = tmp_path / "media"
    media.mkdir()
    log: list[str] = []
    with pooler.pooled(server, ROLES) if way == "pooled" else contextlib.nullcontext() as socket:
        scene = Scene(server, f"oscar_{way}", media, goods, picture, socket, template)
        rehearse("oscar", scene, log.append)
    assert log[-1] == "detached: the schema dump is what it was, byte for byte"
