"""What only Oscar has: attributes of a product, and children, which are part of their parent."""

from __future__ import annotations

from shops.rehearsal import Rehearsal, ids


class OscarRehearsal(Rehearsal):
    """Oscar, gone through step by step."""

    def own_steps(self) -> None:
        self.deleted_at_once()
        self.recoloured()
        self.with_children()

    def deleted_at_once(self) -> None:
        """A deleted product is not found even before the next drain."""
        product = self.listed[5]
        self.shop("delete", id=product["id"])
        assert product["id"] not in ids(self.search(product["title"], k=1000))
        self.say("a product deleted: gone in the same transaction")

    def recoloured(self) -> None:
        product = self.listed[6]["id"]
        with self.change("an attribute changed"):
            self.shop("recolour", id=product, colour="Magenta")
        assert product in ids(self.search(where='$.colour == "Magenta"'))
        keywords = self.search(where='$.colour == "Magenta"')[0].keywords
        assert "magenta" in keywords

    def with_children(self) -> None:
        parent = self.listed[7]["id"]
        with self.change("children added to a product"):
            children = [
                self.shop("add_child", parent=parent, size=size, price=price)
                for size, price in (("XS", 30), ("XXL", 20))
            ]
        assert ids(self.search(where='$.size == "XXL" && $.price == 20')) == [parent]
        (hit,) = self.search(f"SKU-{children[1]}-new", k=1)
        assert (hit.external_id, hit.sku) == (parent, f"SKU-{children[1]}-new")
        assert self.search(where='$.size == "XXL"')[0].attributes["price_max"] == 30
        self.variant_changed(parent)
        with self.change("a child hidden, the other deleted"):
            self.shop("publish", id=children[1], public=False)
            self.shop("delete", id=children[0])
        assert (
            self.rows(
                "select v.sku from vitrina.variants as v join vitrina.catalog as c"
                " on c.product_id = v.product_id where c.source = %s"
            )
            == []
        )
        assert (
            self.rows(
                "select c.title from vitrina.catalog as c"
                " where c.source = %s and c.attributes ? 'size'"
            )
            == []
        )
