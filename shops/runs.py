"""The shops, ready to be rehearsed: installed, migrated and filled by their own means."""

from __future__ import annotations

import contextlib
import functools
import http.server
import os
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from shops import npm, pooler, relay
from shops.medusa.rehearsal import MedusaRehearsal
from shops.oscar.rehearsal import OscarRehearsal
from shops.process import Shop, run
from shops.rehearsal import ROLES, Rehearsal, let_in, make_database
from shops.vendure.rehearsal import VendureRehearsal
from vitrina import embedded
from vitrina.db import schema

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Scene:
    """Where a shop is run.

    Args:
        server: the database's server.
        name: a name for the database.
        folder: for what the shop stores; empty if its samples are not there yet.
        goods: what a shop without samples is filled with.
        picture: one that none of them has.
        pooler: the folder of a pooler's socket, if the shop and vitrina go through one.
        template: a database to copy in which the shop is installed already, with its samples.
    """

    server: embedded.Server
    name: str
    folder: Path
    goods: list[dict[str, Any]]
    picture: Path
    pooler: str | None = None
    template: str | None = None

    def url(self, role: str) -> str:
        """The database's address for a role."""
        if self.pooler:
            return pooler.url(self.pooler, role, self.name)
        return self.server.url(self.name).replace("postgres@", f"{role}@", 1)


@contextlib.contextmanager
def oscar(scene: Scene) -> Iterator[Rehearsal]:
    """Oscar, its products imported by its own importers."""
    command = [sys.executable, "-W", "ignore", "-m", "shops.oscar.shop"]
    environment = os.environ | {
        "DATABASE_URL": scene.url("shop"),
        "DJANGO_SETTINGS_MODULE": "shops.oscar.settings",
        "SHOP_MEDIA": str(scene.folder),
    }
    with run(command, cwd=ROOT, environment=environment) as shop:
        if scene.template is None:
            shop("migrate")
        if scene.goods:
            shop("populate", goods=scene.goods)
        attach = ["--media-root", str(scene.folder)]
        yield _rehearsal(scene, "oscar", shop, attach, Path, OscarRehearsal)


@contextlib.contextmanager
def vendure(scene: Scene) -> Iterator[Rehearsal]:
    """Vendure, with its own sample products and pictures."""
    home = npm.install("vendure")
    with contextlib.ExitStack() as stack:
        environment = npm.environment(
            DATABASE_URL=stack.enter_context(_tcp(scene)),
            SHOP_MEDIA=str(scene.folder),
            SHOP_PORT=str(_free_port()),
        )
        shop = stack.enter_context(run(["node", "shop.js"], cwd=home, environment=environment))
        shop("populate" if scene.template is None else "serve")

        def file_of(picture: str) -> Path:
            return scene.folder / picture.removeprefix("/assets/")

        attach = ["--media-root", str(scene.folder)]
        yield _rehearsal(scene, "vendure", shop, attach, file_of, VendureRehearsal)


@contextlib.contextmanager
def medusa(scene: Scene) -> Iterator[Rehearsal]:
    """Medusa, filled by its own workflows; its pictures are served over HTTP."""
    home = npm.install("medusa")
    medusa_bin = home / "node_modules" / ".bin" / "medusa"
    with contextlib.ExitStack() as stack:
        media = stack.enter_context(_served(scene.folder))
        environment = npm.environment(
            DATABASE_URL=stack.enter_context(_tcp(scene)),
            SHOP_MEDIA=str(scene.folder),
            SHOP_MEDIA_URL=media,
        )
        npm.call([medusa_bin, "db:migrate"], home, environment)
        command: list[str | Path] = [medusa_bin, "exec", "shop.js"]
        shop = stack.enter_context(run(command, cwd=home, environment=environment))
        shop("populate", goods=scene.goods)

        def file_of(picture: str) -> Path:
            return scene.folder / Path(urlsplit(picture).path).name

        yield _rehearsal(scene, "medusa", shop, [], file_of, MedusaRehearsal)


SHOPS: dict[str, Callable[[Scene], contextlib.AbstractContextManager[Rehearsal]]] = {
    "oscar": oscar,
    "vendure": vendure,
    "medusa": medusa,
}


def rehearse(name: str, scene: Scene, say: Callable[[str], None] = print) -> None:
    """A shop's whole rehearsal, in a database of its own."""
    make_database(scene.server, scene.name, scene.template or "template0")
    say(f"installing and filling {name}, as its owner `{ROLES[0]}`")
    with SHOPS[name](scene) as rehearsal:
        rehearsal.say = say
        let_in(scene.server, scene.name)
        say(f"installing vitrina as `{ROLES[1]}`, which is no superuser")
        schema.upgrade(scene.url(ROLES[1]))
        rehearsal.run()


def _rehearsal(
    scene: Scene,
    preset: str,
    shop: Shop,
    attach: list[str],
    file_of: Callable[[str], Path],
    kind: type[Rehearsal],
) -> Rehearsal:
    url = scene.url(ROLES[1])
    return kind(shop, scene.server, scene.name, url, preset, attach, scene.picture, file_of)


@contextlib.contextmanager
def _tcp(scene: Scene) -> Iterator[str]:
    """The database's address over TCP, for node."""
    folder, number = (
        (Path(scene.pooler), pooler.PORT) if scene.pooler else (scene.server.socket, 5432)
    )
    with relay.tcp(folder / f".s.PGSQL.{number}") as port:
        yield f"postgresql://{ROLES[0]}@127.0.0.1:{port}/{scene.name}"


@contextlib.contextmanager
def _served(folder: Path) -> Iterator[str]:
    """A folder over HTTP, as a shop's file server has it."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])
