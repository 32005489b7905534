"""Rehearse attaching a real shop: `python -m shops oscar`, or vendure, or medusa.

`--pooled` goes through pgbouncer in transaction mode, `--postgres 16` runs on that server;
`python -m shops install vendure` only installs.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import tempfile
from pathlib import Path

from shops import npm, pooler
from shops.goods import fashion
from shops.rehearsal import ROLES, make_roles
from shops.runs import SHOPS, Scene, rehearse
from vitrina import embedded

DATA = Path(
    os.environ.get("VITRINA_SHARED_DATA", Path(__file__).parents[2] / "shared" / "data")
).resolve()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m shops", description=__doc__)
    parser.add_argument("names", nargs="+", metavar="NAME", choices=["install", *SHOPS])
    parser.add_argument("--pooled", action="store_true")
    parser.add_argument("--postgres", type=int, default=18)
    arguments = parser.parse_args()
    if arguments.names[0] == "install":
        for name in arguments.names[1:]:
            npm.install(name)
        return
    for name in arguments.names:
        print(f"== {name}")
        play(name, pooled=arguments.pooled, version=arguments.postgres)


def play(name: str, *, pooled: bool, version: int) -> None:
    """One shop, on a server of its own."""
    home = Path(tempfile.mkdtemp(prefix="vs-", dir="/tmp"))
    home.chmod(0o755)
    media = home / "media"
    media.mkdir()
    try:
        server = embedded.start(home, version=version)
        make_roles(server)
        with pooler.pooled(server, ROLES) if pooled else contextlib.nullcontext() as socket:
            goods = fashion(DATA / "fashion", 90)
            picture = Path(goods.pop()["picture"])
            rehearse(name, Scene(server, name, media, goods, picture, socket))
    finally:
        embedded.stop(home)
        shutil.rmtree(home)


if __name__ == "__main__":
    main()
