"""Keep the database of a commit as a dump, to upgrade it in tests/sql/test_states.py.

`python scripts/make_dumps.py COMMIT …` checks each commit out beside, lets its own package install
vitrina, ingest a few products and attach a shop's table, and adds the dump, named by its revision,
to tests/data/states.tar.xz. Do so for the last commit before the next migration comes: in the midst
of writing one, a state is nobody's. (Before the first release 0004, 0005 and 0010 came together
with others, and 0006, 0007, 0015 and 0020 to 0022 were never the newest in the form they have.)
The words that vitrina brings (20 MB, much the same in all) stay out, and an upgrade loads them
again; the states of 0001, 0003 and 0008 have all but word_pieces.
"""

from __future__ import annotations

import argparse
import io
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import psycopg

from vitrina import embedded

ROOT = Path(__file__).resolve().parents[1]
STATES = ROOT / "tests" / "data" / "states.tar.xz"
# what an older psql reads, and the older of the two servers
VERSION = 16
BUILT_IN = (
    "word_pieces",
    "thesaurus",
    "contrasts",
    "related_terms",
    "seeded_words",
    "condition_words",
)
SEEDS = ("word_pieces", "retail_words", "condition_words")
PRODUCTS = """\
id,title
lamp,Brass reading lamp
rack,Bamboo shoe rack
table,Black metal side table
"""
SHOP = """\
create table public.chair (id int primary key, title text);
insert into public.chair values (1, 'Oak chair'), (2, 'Pine chair');
"""


def install(tree: Path, url: str, home: Path) -> None:
    """Run the package of a work tree on an empty database."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    environment = kept | {"PYTHONPATH": str(tree / "src"), "VITRINA_HOME": str(home / "own")}
    products = home / "shop.csv"
    products.write_text(PRODUCTS, "utf-8")
    for arguments in (["db", "upgrade"], ["ingest", str(products)]):
        command = [sys.executable, "-m", "vitrina", "--database-url", url, *arguments]
        done = subprocess.run(
            command, env=environment, cwd=home, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise RuntimeError(
                f"{' '.join(arguments)} of {tree.name}: {done.stderr.strip()[-2000:]}"
            )


def attach(conn: psycopg.Connection) -> bool:
    """Attach a shop's table; whether that commit could."""
    conn.execute(SHOP)
    found = conn.execute(
        "select 1 from pg_proc where pronamespace = 'vitrina'::regnamespace"
        " and proname = 'attach_table'"
    ).fetchone()
    if found is not None:
        conn.execute("select vitrina.attach_table('public.chair', 'title')")
    return found is not None


def state(commit: str, server: embedded.Server, home: Path) -> tuple[str, bytes]:
    """The revision of a commit, and the dump of a database that it made."""
    tree = home / commit
    subprocess.run(["git", "worktree", "add", "--quiet", "--detach", tree, commit], check=True)
    try:
        name = f"state_{commit}"
        with psycopg.connect(server.url("postgres"), autocommit=True) as conn:
            conn.execute(f"create database {name} template template0")
        install(tree, server.url(name), home)
        with psycopg.connect(server.url(name), autocommit=True) as conn:
            attached = attach(conn)
            conn.execute("delete from vitrina.installed where name = any (%s)", [list(SEEDS)])
            row = conn.execute("select version_num from vitrina.alembic_version").fetchone()
            assert row is not None
        command = [embedded.bin_dir(VERSION) / "pg_dump", "--no-owner", "--restrict-key=vitrina"]
        command += [f"--exclude-table-data=vitrina.{table}" for table in BUILT_IN]
        command.append(server.url(name))
        dump = subprocess.run(command, capture_output=True, check=True).stdout
    finally:
        subprocess.run(["git", "worktree", "remove", "--force", tree], check=True)
    print(
        f"{row[0]}: {commit}, {len(dump):,} bytes{', with a shop' if attached else ''}", flush=True
    )
    return row[0], dump


def kept() -> dict[str, bytes]:
    """The dumps that are there, by revision."""
    if not STATES.exists():
        return {}
    with tarfile.open(STATES) as tar:
        return {
            member.name.removesuffix(".sql"): file.read()
            for member in tar
            if (file := tar.extractfile(member)) is not None
        }


def keep(dumps: dict[str, bytes]) -> None:
    """Write all dumps into one archive: each differs little from the one before it."""
    with tarfile.open(STATES, "w:xz", preset=9) as tar:
        for revision, dump in sorted(dumps.items()):
            member = tarfile.TarInfo(f"{revision}.sql")
            member.size = len(dump)
            tar.addfile(member, io.BytesIO(dump))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("commits", nargs="+", metavar="COMMIT")
    commits = parser.parse_args().commits
    dumps = kept()
    failed: list[str] = []
    with tempfile.TemporaryDirectory(prefix="vitrina-states-") as folder:
        home = Path(folder)
        home.chmod(0o755)
        server = embedded.start(home / "server", version=VERSION, options={"fsync": "off"})
        try:
            for commit in commits:
                try:
                    revision, dump = state(commit, server, home)
                except RuntimeError as error:
                    print(error, file=sys.stderr, flush=True)
                    failed.append(commit)
                    continue
                dumps[revision] = dump
                keep(dumps)
        finally:
            embedded.stop(home / "server")
    print(f"{STATES.stat().st_size:,} bytes of {len(dumps)} states")
    if failed:
        sys.exit(f"could not make the states of {', '.join(failed)}")


if __name__ == "__main__":
    main()
