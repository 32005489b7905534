"""What only Vendure has: variants, languages and channels."""

from __future__ import annotations

from shops.rehearsal import Rehearsal, ids


class VendureRehearsal(Rehearsal):
    """Vendure, gone through step by step."""

    def own_steps(self) -> None:
        self.variant_changed(self.listed[8]["id"])
        self.without_variants()
        self.in_another_language()
        self.in_another_channel()

    def without_variants(self) -> None:
        """A product is found while one of its variants is enabled."""
        product = self.listed[5]
        self.shop("enable_variants", id=product["id"], enabled=False)
        self.catalog.work(sources=[self.preset])
        assert product["id"] not in ids(self.search(product["title"], k=1000))
        with self.change("the variants of a product disabled, and enabled again"):
            self.shop("enable_variants", id=product["id"], enabled=True)
        assert product["id"] in ids(self.search(product["title"], k=3))

    def in_another_language(self) -> None:
        """Names in the language that was asked for, else in the channel's own."""
        product = self.listed[6]
        self.shop("translate", id=product["id"], language="de", title="Hölzerner Schaukelstuhl")
        german = ["--set", "language=de", "--text-config", "german"]
        self.command("attach", "--preset", self.preset, *german, *self.attach)
        self.catalog.work(sources=[self.preset])
        assert ids(self.search("schaukelstühle", mode="text")) == [product["id"]]
        with self.change("attached again in English"):
            english = ["--text-config", "english"]
            self.command("attach", "--preset", self.preset, *english, *self.attach)

    def in_another_channel(self) -> None:
        """A channel's products, at its prices, beside those of the default channel."""
        product = self.listed[7]
        self.shop("open_channel", code="trade", id=product["id"])
        self.command(
            "attach", "--preset", self.preset, "--name", "trade", "--set", "channel=trade",
            *self.attach,
        )  # fmt: skip
        self.catalog.work(sources=["trade"])
        hits = self.catalog.search(product["title"], sources=["trade"])
        assert ids(hits) == [product["id"]]
        assert self.catalog.search(where='$.currency == "EUR"', sources=["trade"])
        self.say("a channel attached beside: it has its own products and prices")
        self.command("detach", "trade")
        self.same()
