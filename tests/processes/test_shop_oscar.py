"""A real django-oscar shop: attached, searched, changed by its own models, detached."""

from __future__ import annotations

import contextlib
import importlib.util
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from shops import pooler
from shops.goods import fashion
from shops.rehearsal import ROLES, make_database, make_roles
from shops.runs import Scene, oscar, rehearse
from vitrina import embedded

pytestmark = [
    pytest.mark.data,
    pytest.mark.skipif(
        importlib.util.find_spec("oscar") is None, reason="no django-oscar: run make .venv/.shops"
    ),
]
no_pooler = pytest.mark.skipif(pooler.program() is None, reason="no pgbouncer: apt-get install it")


@pytest.fixture(scope="module")
def filled(
    server: embedded.Server, shared_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> Scene:
    """A shop with products, to copy."""
    goods = fashion(shared_data / "fashion", 60)
    picture = Path(goods.pop()["picture"])
    scene = Scene(server, "oscar_filled", tmp_path_factory.mktemp("media"), goods, picture)
    make_roles(server)
    make_database(server, scene.name)
    with oscar(scene):
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
