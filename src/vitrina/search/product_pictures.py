"""The pictures of products as the database has them: which is whose, thumbnails, vectors."""

from __future__ import annotations

from collections.abc import Mapping

from vitrina.context import Context
from vitrina.db.database import HalfVector
from vitrina.errors import NotFoundError
from vitrina.pictures.decode import Picture, decode
from vitrina.pictures.limits import Limits
from vitrina.pictures.loader import Folders, load_product_picture
from vitrina.search.product import ID_END


class ProductPictures:
    """Looks up what is stored of pictures."""

    def __init__(self, context: Context, folders: Folders) -> None:
        self._database = context.database
        self._folders = folders
        self._limits = Limits(allow_private=context.settings.allow_private_images)

    def of(self, shown: Mapping[int, str | None]) -> dict[int, str]:
        """The sha256, in hex, of each product's picture: of the address shown, or its own.

        Products without a stored picture are left out.
        """
        if not shown:
            return {}
        rows = self._database.rows(
            "select u.id, encode(coalesce(i.image_sha256, p.image_sha256), 'hex') as sha256"
            " from unnest(%s::bigint[], %s::text[]) as u (id, image)"
            " join vitrina.products as p on p.id = u.id"
            " left join vitrina.product_images as i on i.product_id = p.id and i.image = u.image"
            " where coalesce(i.image_sha256, p.image_sha256) is not null",
            (list(shown), list(shown.values())),
        )
        return {row["id"]: row["sha256"] for row in rows}

    def thumbnail(self, sha256: str) -> bytes | None:
        """The thumbnail, a WebP, of the picture with this hash, in hex; None if there is none."""
        found = self._database.value(
            "select i.thumbnail from vitrina.images as i where i.sha256 = decode(%s, 'hex')",
            (sha256,),
        )
        return None if found is None else bytes(found)

    def all_of(self, product_id: int) -> list[str | None]:
        """The sha256, in hex, of each picture of a product, in their order; None: not fetched."""
        rows = self._database.rows(
            "select encode(m.image_sha256, 'hex') as sha256 from vitrina.product_images as m"
            " where m.product_id = %s::bigint order by m.position",
            (product_id,),
        )
        return [row["sha256"] for row in rows]

    def open(self, product_id: int, place: int = 0) -> Picture:
        """A picture of a product, fetched within the limits; `place` counts from 0.

        Raises NotFoundError if there is none, PictureError if it cannot be had.
        """
        if product_id >= ID_END:
            raise NotFoundError(f"product {product_id} not found")
        for row in self._database.rows(
            "select m.image, s.config ->> 'image_root' as root"
            " from vitrina.product_images as m"
            " join vitrina.products as p on p.id = m.product_id"
            " join vitrina.sources as s on s.id = p.source_id"
            " where m.product_id = %s::bigint order by m.position offset %s limit 1",
            (product_id, place),
        ):
            return load_product_picture(row["image"], row["root"], self._folders, self._limits)
        raise NotFoundError(f"product {product_id} has no picture {place + 1}")

    def small(self, product_id: int) -> Picture:
        """A product's picture as its thumbnail has it, without fetching.

        Raises NotFoundError if there is none.
        """
        thumbnail = self._database.value(
            "select i.thumbnail from vitrina.products as p"
            " join vitrina.images as i on i.sha256 = p.image_sha256 where p.id = %s::bigint",
            (product_id,),
        )
        if thumbnail is None:
            raise NotFoundError(f"product {product_id} has no picture to compare with")
        return decode(bytes(thumbnail))

    def vector(self, product_id: int) -> HalfVector:
        """The vector of a product's picture in the image space in use.

        Raises NotFoundError if there is none.
        """
        found: HalfVector | None = self._database.value(
            "select e.embedding from vitrina.product_embeddings as e"
            " join vitrina.spaces as s on s.id = e.space_id"
            " where s.modality <> 'text' and s.state = 'active' and e.product_id = %s::bigint",
            (product_id,),
        )
        if found is None:
            raise NotFoundError(f"product {product_id} has no picture to compare with")
        return found

    def shown_to_words(self) -> str | None:
        """The joint space in use, in which words find pictures; None if it is none."""
        name = self._database.value(
            "select s.name from vitrina.spaces as s"
            " where s.modality = 'joint' and s.state = 'active'"
        )
        return None if name is None else str(name)

    def space(self) -> str | None:
        """The space in which pictures are compared now; None if there is none."""
        name = self._database.value(
            "select s.name from vitrina.spaces as s"
            " where s.modality <> 'text' and s.state = 'active'"
        )
        return None if name is None else str(name)
