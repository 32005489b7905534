"""A real Vendure shop with its own samples: attached, searched, changed by its API, detached."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import servers
from real_shops.kept_shops import installed
from shops import npm
from shops.goods import demo
from shops.runs import Scene, rehearse
from vitrina import embedded

pytestmark = pytest.mark.once

MISSING = npm.missing("vendure")


@pytest.mark.skipif(MISSING is not None, reason=str(MISSING))
def test_search_follows_the_shop(
    server: embedded.Server, tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    template, files = installed(server, "vendure", servers.cache(pytestconfig.rootpath))
    assets = shutil.copytree(files, tmp_path / "assets")
    picture = Path(demo(tmp_path)[0]["picture"])  # a drawing, unlike Vendure's photographs
    log: list[str] = []
    scene = Scene(server, "vendure", assets, [], picture, template=template)
    rehearse("vendure", scene, log.append)
    assert log[-1] == "detached: the schema dump is what it was, byte for byte"
