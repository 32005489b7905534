"""What an attached shop must do, whichever it is: searched, changed, and left as it was."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from shops.process import Shop
from vitrina import embedded
from vitrina.catalog import Catalog
from vitrina.search.hits import Hit
from vitrina.settings import Settings

ROLES = (
    "shop",
    "vitrina_owner",
)  # the owner of the shop's tables; the owner of vitrina, no superuser
_RANDOM = re.compile(r"^\\(?:un)?restrict \S+$", re.MULTILINE)  # pg_dump marks its output


def make_roles(server: embedded.Server) -> None:
    """The roles, none of which may make others; those of vitrina are made by a DBA too then."""
    with psycopg.connect(server.url("postgres"), autocommit=True) as conn:
        for role in (*(f"{role} login" for role in ROLES), "vitrina_reader", "vitrina_writer"):
            conn.execute(
                f"do $$ begin create role {role}; exception"
                " when duplicate_object or unique_violation then end $$"
            )


def make_database(server: embedded.Server, name: str, template: str = "template0") -> None:
    """A database of the shop's, in which a DBA has made the extension and let vitrina's role in."""
    with psycopg.connect(server.url("postgres"), autocommit=True) as conn:
        conn.execute(f"create database {name} owner shop template {template}")
    with psycopg.connect(server.url(name), autocommit=True) as conn:
        conn.execute("create extension if not exists vector")
        conn.execute("grant all on schema public to shop")
        conn.execute(f"grant create on database {name} to vitrina_owner")


def let_in(server: embedded.Server, name: str) -> None:
    """What the owner of the shop's tables grants to vitrina's role, and to the shop's."""
    with psycopg.connect(server.url(name).replace("postgres@", "shop@"), autocommit=True) as conn:
        conn.execute("grant usage on schema public to vitrina_owner")
        conn.execute("grant select, trigger on all tables in schema public to vitrina_owner")


def dump(server: embedded.Server, name: str) -> str:
    """The schema of everything but vitrina, as pg_dump has it."""
    pg_dump = embedded.bin_dir(server.version) / "pg_dump"
    done = subprocess.run(
        [pg_dump, "--schema-only", "--exclude-schema=vitrina", server.url(name)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return _RANDOM.sub("", done.stdout)


@dataclass
class Rehearsal:
    """An attached shop, gone through step by step.

    Args:
        shop: the shop, with its products in it.
        server: where its database is, and `name`, what it is called.
        url: vitrina's way to the database.
        attach: the options of `vitrina attach` after the preset's name.
        picture: a picture that none of its products has.
        file_of: the file of a picture as the shop lists it.
        say: where the log goes.
    """

    shop: Shop
    server: embedded.Server
    name: str
    url: str
    preset: str
    attach: list[str]
    picture: Path
    file_of: Callable[[str], Path]
    say: Callable[[str], None] = print
    listed: list[dict[str, str]] = field(default_factory=list)
    new: str = ""

    def run(self) -> None:
        """All of it, with what each shop can do."""
        before = dump(self.server, self.name)
        with Catalog(settings=Settings(database_url=self.url, allow_private_images=True)) as found:
            self.catalog = found
            self.attached()
            self.searched()
            self.renamed()
            self.repriced()
            self.repictured()
            self.category_renamed()
            self.added()
            self.hidden_and_shown()
            self.deleted()
            self.own_steps()
            self.detached(before)

    # -- steps ---------------------------------------------------------------------------------

    def attached(self) -> None:
        """Every product the shop lists is in the catalogue, enriched, with its picture."""
        self.command("attach", "--preset", self.preset, *self.attach)
        # one of the shops serves its pictures from this machine
        self.command("work", "--drain", "--allow-private-images")
        self.same()
        self.listed = self.shop("listed")
        states = self.rows(
            "select distinct c.state, c.image_error from vitrina.catalog as c where c.source = %s"
        )
        assert states == [("enriched", None)]
        self.say(f"{len(self.listed)} products listed and enriched, all with their pictures")

    def searched(self) -> None:
        """A title finds its product; so does the picture."""
        sample = self.listed[:: max(1, len(self.listed) // 8)]
        for product in sample:
            assert product["title"] in [hit.title for hit in self.search(product["title"], k=3)]
            hits = self.search(image=self.file_of(product["picture"]), k=3)
            assert product["id"] in ids(hits)
            assert hits[0].similarity is not None
            assert hits[0].similarity > 0.98
        self.say(f"{len(sample)} of {len(sample)} are found by their title, and by their picture")

    def renamed(self) -> None:
        """Found by the new title, and no more by what the old one alone had."""
        product = self.listed[0]
        with self.change("a product renamed"):
            self.shop("rename", id=product["id"], title="Turquoise Hammock with Fringes")
        assert ids(self.search("turquoise hammock", k=1)) == [product["id"]]
        assert product["title"] not in [hit.title for hit in self.search(product["title"], k=50)]

    def repriced(self) -> None:
        """A new price is there to filter by, and nothing is worked on or paid for it."""
        product = self.listed[1]["id"]
        spent = self.spent(product)
        with self.change("a price changed, at no cost"):
            self.shop("reprice", id=product, price=1.25)
        assert ids(self.search(where="$.price < 1.5")) == [product]
        assert self.spent(product) == spent

    def repictured(self) -> None:
        """Found by the new picture."""
        product = self.listed[2]["id"]
        assert ids(self.search(image=self.picture, k=1)) != [product]
        with self.change("a picture changed"):
            self.shop("repicture", id=product, picture=str(self.picture))
        assert ids(self.search(image=self.picture, k=1)) == [product]

    def category_renamed(self) -> None:
        """Every product of a category follows its name."""
        ((name, count),) = self.rows(
            "select n.name, count(*) from vitrina.catalog as c"
            " cross join jsonb_array_elements_text(c.attributes -> 'category') as n (name)"
            " where c.source = %s group by n.name order by count(*) desc, n.name limit 1"
        )
        with self.change(f"a category of {count} products renamed"):
            self.shop("rename_category", name=name, to="Curiosities")
        assert len(self.search(where='$.category == "Curiosities"', k=1000)) == count > 1

    def added(self) -> None:
        """Found by its text and by its picture."""
        with self.change("a product added"):
            self.new = self.shop(
                "add", title="Amber Gramophone", picture=str(self.picture), price=99
            )
        assert ids(self.search("gramophone", k=1)) == [self.new]
        assert self.new in ids(self.search(image=self.picture, k=2))

    def hidden_and_shown(self) -> None:
        """What the shop does not show is not found; shown again, it costs nothing again."""
        product = self.listed[3]
        spent = self.spent()
        with self.change("a product unpublished"):
            self.shop("publish", id=product["id"], public=False)
        assert product["id"] not in ids(self.search(product["title"], k=1000))
        with self.change("the product published again, at no cost"):
            self.shop("publish", id=product["id"], public=True)
        assert product["id"] in ids(self.search(product["title"], k=3))
        assert self.spent() == spent

    def deleted(self) -> None:
        """Gone, by text and by picture."""
        product = self.listed[4]
        with self.change("a product deleted"):
            found = self.file_of(product["picture"]).read_bytes()
            self.shop("delete", id=product["id"])
        assert product["id"] not in ids(self.search(product["title"], k=1000))
        with tempfile.TemporaryDirectory() as folder:
            kept = Path(folder) / "deleted.jpg"
            kept.write_bytes(found)
            assert product["id"] not in ids(self.search(image=kept, k=1000))

    def variant_changed(self, product: str) -> None:
        """Found by its new SKU, at its new price, and nothing is worked on or paid for it."""
        spent = self.spent(product)
        with self.change("a variant renamed, repriced and sold out, at no cost"):
            self.shop("change_variant", id=product, sku="ZQ-9000", title="Odd one", price=0.75)
        (hit,) = self.search("ZQ-9000", k=1)
        assert (hit.external_id, hit.sku) == (product, "ZQ-9000")
        assert ids(self.search(where="$.price == 0.75")) == [product]
        assert self.rows(
            "select v.title, v.attributes - 'currency' @> '{\"price\": 0.75, \"in_stock\": false}'"
            " from vitrina.variants as v join vitrina.catalog as c on c.product_id = v.product_id"
            " where c.source = %s and v.sku = 'ZQ-9000'"
        ) == [("Odd one", True)]
        assert self.spent(product) == spent

    def own_steps(self) -> None:
        """What only this shop has."""

    def detached(self, before: str) -> None:
        """Nothing of vitrina is left in the shop's schema."""
        self.command("detach", self.preset)
        assert dump(self.server, self.name) == before
        self.say("detached: the schema dump is what it was, byte for byte")

    # -- tools ---------------------------------------------------------------------------------

    def command(self, *arguments: str) -> None:
        """Run vitrina's command line."""
        self.say(f"$ vitrina {shlex.join(arguments)}")
        done = subprocess.run(
            [sys.executable, "-m", "vitrina", "--database-url", self.url, *arguments],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        for line in (done.stdout + done.stderr).splitlines():
            self.say(f"  {line}")

    @contextmanager
    def change(self, what: str) -> Iterator[None]:
        """A change in the shop, then one drain; what follows checks that search is right."""
        yield
        began = time.monotonic()
        self.catalog.work(sources=[self.preset])
        took = time.monotonic() - began
        self.same()
        self.say(f"{what}: search follows within one drain of {took:.2f} s")

    def same(self) -> None:
        """The catalogue is what the shop lists, and the triggers have missed nothing."""
        rows = self.rows(
            "select c.external_id, c.title from vitrina.catalog as c where c.source = %s"
        )
        assert dict(rows) == {product["id"]: product["title"] for product in self.shop("listed")}
        assert self.catalog.sources.sweep(self.preset) == 0

    def search(self, query: str | None = None, **options: Any) -> list[Hit]:
        """Search this source."""
        return self.catalog.search(query, sources=[self.preset], **options)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """The rows of a query about this source."""
        with psycopg.connect(self.server.url(self.name)) as conn:
            return conn.execute(query, (self.preset,)).fetchall()

    def spent(self, product: str | None = None) -> object:
        """What has been asked of providers so far, and when a product was last worked on."""
        with psycopg.connect(self.server.url(self.name)) as conn:
            return conn.execute(
                "select (select count(*) from vitrina.generations), max(c.enriched_at)"
                " from vitrina.catalog as c where c.source = %s and c.external_id = %s",
                (self.preset, product),
            ).fetchone()


def ids(hits: list[Hit]) -> list[str]:
    """The shop's ids of hits, in order."""
    return [hit.external_id for hit in hits]
