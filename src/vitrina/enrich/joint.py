"""Keeps joint spaces filled while products are worked on."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from decimal import Decimal

from vitrina.context import Context
from vitrina.errors import BudgetError, ConfigError, InputError, ItemError, ProviderError
from vitrina.ledger import Ledger
from vitrina.printing import counted
from vitrina.spaces.fill import Filled, fill
from vitrina.spaces.index import Indexing
from vitrina.spaces.joint import BATCH, JointEmbedder, JointSpace, JointSpaces, joint_spaces

REST_SECONDS = 60.0  # pause of a space after a failure
FRESH_SECONDS = 5.0  # a space may be added, or switched to, at any time
PASSING = (BudgetError, ConfigError, InputError, ItemError, ProviderError)


class JointFilling:
    """Embeds the stored pictures of products in the joint spaces in use, or being built.

    A model that cannot be had never stops the work: pictures are stored, and embedded later.

    Args:
        context: the catalog's context.
        ledger: of the run, whose budget it shares.
    """

    def __init__(self, context: Context, ledger: Ledger) -> None:
        self._context = context
        self._spaces = JointSpaces(context, lambda: ledger.spent)
        self._lock = threading.Lock()
        self._known: list[JointSpace] = []
        self._fresh_until = 0.0
        self._rest_until: dict[str, float] = {}
        self._owed = True  # what was not embedded before this run
        self._said: set[str] = set()

    @property
    def spent(self) -> Decimal:
        """USD that it has spent, at known prices."""
        return self._spaces.spent

    def embed(self, product_ids: Sequence[int]) -> int:
        """Embed these products' pictures where they are new; returns how many."""
        count = 0
        for space in self._at_work() if product_ids else ():
            if time.monotonic() < self._rest_until.get(space.name, 0.0):
                self._owed = True
                continue
            try:
                embedder = self._spaces.embedder(space)
                embedder.check_budget()
                made = embedder.fill_products(product_ids)
            except PASSING as exc:
                self._rest(space, exc)
                continue
            count += made.count
            self._owed = True  # its keywords may be new
            self._say_refused(space, made.refused)
        return count

    def owe(self) -> None:
        """Pictures were stored that it has not seen: the next `catch_up` looks for them."""
        self._owed = True

    def catch_up(self, stop: threading.Event | None = None) -> int:
        """Embed whatever the joint space in use lacks; returns how many vectors are new."""
        if not self._owed:
            return 0
        self._owed = False
        count = 0
        for space in self._at_work():
            if space.state != "active":
                continue  # `vitrina spaces build` fills it
            if time.monotonic() < self._rest_until.get(space.name, 0.0):
                self._owed = True
                continue
            try:
                embedder = self._spaces.embedder(space)
                done = self._fill(embedder, space.name, stop)
            except PASSING as exc:
                self._rest(space, exc)
                continue
            count += done.count
            self._say_refused(space, done.refused)
        return count

    def _fill(self, embedder: JointEmbedder, space: str, stop: threading.Event | None) -> Filled:
        database = self._context.database
        if not database.rows("select from vitrina.missing_in_space(%s) limit 1", (space,)):
            return Filled(keywords=embedder.fill_keywords())
        try:
            right = Indexing(database, space)
        except InputError:  # another process is at it: what it makes is not paid for twice
            self._owed = True
            self._rest_until[space] = time.monotonic() + FRESH_SECONDS
            return Filled()
        with right:
            return fill(database, embedder, space, batch=BATCH, stop=stop)

    def close(self) -> None:
        """Close connections."""
        self._spaces.close()

    def _at_work(self) -> list[JointSpace]:
        with self._lock:
            if time.monotonic() >= self._fresh_until:
                found = joint_spaces(self._context.database)
                self._known = [space for space in found if space.state in ("active", "building")]
                self._fresh_until = time.monotonic() + FRESH_SECONDS
            return self._known

    def _rest(self, space: JointSpace, exc: Exception) -> None:
        self._owed = True
        self._rest_until[space.name] = time.monotonic() + REST_SECONDS
        self._say(
            f"pictures are not embedded in {space.name} yet: {exc}; `vitrina work` tries again, or:"
            f" vitrina spaces build {space.name}"
        )

    def _say_refused(self, space: JointSpace, refused: Mapping[int, str]) -> None:
        if not refused:
            return
        product, reason = next(iter(refused.items()))
        self._say(
            f"{counted(len(refused), 'product has', 'products have')} no vector in {space.name}:"
            f" product {product}: {reason}"
        )

    def _say(self, line: str) -> None:
        if line not in self._said:
            self._said.add(line)
            self._context.notice(line)
