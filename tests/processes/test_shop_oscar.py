"""A real django-oscar shop: attached, searched, changed by its own models, detached."""

from __future__ import annotations

import contextlib
import importlib.util
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

import servers
from catalogues import SHARED
from shops import pooler
from shops.goods import demo, fashion
from shops.rehearsal import ROLES, make_database, make_roles
from shops.runs import Scene, oscar, rehearse
from vitrina import embedded

pytestmark = [
    pytest.mark.skipif(
        importlib.util.find_spec("oscar") is None, reason="no django-oscar: run make .venv/.shops"
    ),
]
no_pooler = pytest.mark.skipif(pooler.program() is None, reason="no pgbouncer: apt-get install it")


@pytest.fixture(scope="module")
def filled(server: embedded.Server, tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """A shop with products, to copy: filled once, whichever process runs which test."""
    home = server.data.parents[1]
    if (SHARED / "fashion").is_dir():
        goods = fashion(SHARED / "fashion", 30)
    else:
        goods = demo(tmp_path_factory.mktemp("pictures"))[:30]
    picture = Path(goods.pop()["picture"])
    scene = Scene(server, "oscar_filled", home / "oscar-media", goods, picture)
    done = home / ".oscar-filled"
    with servers.locked(home / ".oscar"):
        if not done.exists():
            scene.folder.mkdir()
            make_roles(server)
            make_database(server, scene.name)
            with oscar(scene):
                done.touch()
    return scene


@pytest.mark.parametrize("way", ["direct", pytest.param("pooled", marks=no_pooler)])
def test_search_follows_the_shop(
    server: embedded.Server, filled: Scene, tmp_path: Path, way: str
) -> None:
    media = shutil.copytree(filled.folder, tmp_path / "media")
    log: list[str] = []
    with pooler.pooled(server, ROLES) if way == "pooled" else contextlib.nullcontext() as socket:
        scene = replace(
            filled, name=f"oscar_{way}", folder=media, pooler=socket, template=filled.name
        )
        rehearse("oscar", scene, log.append)
    assert log[-1] == "detached: the schema dump is what it was, byte for byte"
