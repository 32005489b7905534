"""What only Medusa has: variants and sales channels."""

from __future__ import annotations

from shops.rehearsal import Rehearsal


class MedusaRehearsal(Rehearsal):
    """Medusa, gone through step by step."""

    def own_steps(self) -> None:
        """A variant; and one sales channel, to which the added product does not belong."""
        self.variant_changed(self.listed[5]["id"])
        shown = {product["id"]: product["title"] for product in self.shop("listed")}
        channel = ["--set", "sales_channel=Shop"]
        self.command("attach", "--preset", self.preset, *channel, *self.attach)
        self.catalog.work(sources=[self.preset])
        rows = self.rows(
            "select c.external_id, c.title from vitrina.catalog as c where c.source = %s"
        )
        assert set(shown.items()) - set(rows) == {(self.new, "Amber Gramophone")}
        assert self.catalog.sources.sweep(self.preset) == 0
        self.say("attached to one sales channel: its products, and no others")
