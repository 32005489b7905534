"""The pictures of products as the database has them: which is whose, thumbnails, vectors."""

from __future__ import annotations

from collections.abc import Mapping

from vitrina.context import Context
from vitrina.db.database import HalfVector
from vitrina.errors import NotFoundError


class ProductPictures:
    """Looks up what is stored of pictures."""

    def __init__(self, context: Context) -> None:
        self._database = context.database

    def of(self, shown: Mapping[int, str | None]) -> dict[int, str]:
        """The sha256, in hex, of each product's picture: of the address shown, or its own.

        Products without a stored picture are left out.
        """
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

    def vector(self, product_id: int) -> HalfVector:
        """The vector of a product's picture in the image space in use.

        Raises NotFoundError if there is none.
        """
        found: HalfVector | None = self._database.value(
            "select e.embedding from vitrina.product_embeddings as e"
            " join vitrina.spaces as s on s.id = e.space_id"
            " where s.modality = 'image' and s.state = 'active' and e.product_id = %s::bigint",
            (product_id,),
        )
        if found is None:
            raise NotFoundError(f"product {product_id} has no picture to compare with")
        return found
