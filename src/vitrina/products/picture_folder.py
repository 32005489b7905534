"""The folder of a source's pictures that a file brings with it: beside the file, or in its zip."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from vitrina.db.database import Database
from vitrina.embedded.server import home
from vitrina.errors import InputError
from vitrina.files import FileOptions, Product, ProductFile
from vitrina.files.zip_pictures import ZipPictures


@dataclass(frozen=True, slots=True)
class OwnPictures:
    """The pictures that a file brings: their folder, and the zip to unpack into it."""

    root: Path | None = None
    zipped: ZipPictures | None = None

    @classmethod
    def of(
        cls, database: Database, source: str, file: ProductFile, options: FileOptions
    ) -> OwnPictures:
        """Settle the folder, unless a person has named another; a zip gets a folder of its own."""
        if options.mapping.image_root is not None:
            return cls()
        if file.mapping.image_root is not None:
            return cls(file.mapping.image_root)
        if file.file.pictures is None:
            return cls()
        return cls(_unpacking_folder(database, source), file.file.pictures)

    def settled(self, options: FileOptions) -> FileOptions:
        """The options with this folder."""
        if self.root is None:
            return options
        return replace(options, mapping=replace(options.mapping, image_root=self.root))

    def unpack(self, products: Iterable[Product]) -> None:
        """Unpack the pictures of these products and of their variants."""
        if self.zipped is not None and self.root is not None:
            for product in products:
                self.zipped.unpack(_addresses(product), self.root)

    def notices(self) -> list[str]:
        """A line about the pictures that could not be unpacked."""
        return self.zipped.notices() if self.zipped is not None else []

    def prune(self, database: Database, source: str, since: float) -> None:
        """Remove unpacked pictures that no product has; none written after `since`."""
        if self.zipped is None or self.root is None:
            return
        rows = database.rows(
            "select distinct a.image from vitrina.products as p"
            " join vitrina.sources as s on s.id operator(pg_catalog.=) p.source_id"
            " cross join lateral (select p.image union all"
            "  select i.image from vitrina.product_images as i"
            "   where i.product_id operator(pg_catalog.=) p.id"
            "  union all select v.image from vitrina.variants as v"
            "   where v.product_id operator(pg_catalog.=) p.id) as a (image)"
            " where s.name operator(pg_catalog.=) %s::text and a.image is not null",
            (source,),
        )
        used = {self.root / row["image"].strip() for row in rows}
        for path in self.root.rglob("*"):
            if path.is_file() and path not in used and path.stat().st_mtime < since:
                path.unlink(missing_ok=True)


def unpacked_folder(database: Database, source: str) -> Path | None:
    """The folder that this source's pictures were unpacked into, if they came in a zip."""
    for row in database.rows(
        "select s.config operator(pg_catalog.->>) 'image_root' as folder"
        " from vitrina.sources as s where s.name operator(pg_catalog.=) %s::text",
        (source,),
    ):
        folder = Path(row["folder"]) if row["folder"] else None
        if folder is not None and folder.parent == _base():
            return folder
    return None


def _base() -> Path:
    return home().absolute() / "pictures"


def _addresses(product: Product) -> set[str]:
    found = {product.image, *(picture.address for picture in product.images)}
    return {address for address in found | {v.image for v in product.variants} if address}


def _unpacking_folder(database: Database, source: str) -> Path:
    """The folder below VITRINA_HOME that this source's pictures go into: the same each time."""
    folder = unpacked_folder(database, source)
    if folder is None:
        # sources of several databases may have the same name
        name = re.sub(r"[^\w-]+", "-", source)[:60].strip("-")
        folder = _base() / f"{name}-{secrets.token_hex(4)}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise InputError(
            f"cannot make {folder} for the pictures of the zip: {exc.strerror or exc};"
            " set VITRINA_HOME, or unpack them and give --image-root"
        ) from None
    return folder
