"""Rules of searches: products pinned, hidden or boosted, for a query or for all."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from vitrina.db.database import Database, Jsonb
from vitrina.db.unknown import unknown_names
from vitrina.errors import InputError, NotFoundError
from vitrina.search.product import Key, named

FIELDS = (
    "query", "action", "source", "external_id", "attribute", "value", "weight", "position",
    "valid_from", "valid_to",
)  # fmt: skip

_ROW = re.compile(r"row (\d+) of rules: (.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule: `action` is pin, hide or boost; it is about a product, or about an attribute.

    A rule without `query` is of every search. `value` is None where any that says yes counts.
    `state` is holds, planned (not yet), ended or removed.
    """

    id: int
    query: str | None
    action: str
    source: str | None
    external_id: str | None
    title: str | None
    attribute: str | None
    value: str | None
    weight: float | None
    position: int | None
    valid_from: datetime | None
    valid_to: datetime | None
    state: str
    role: str
    created_at: datetime
    removed_at: datetime | None


@dataclass(frozen=True, slots=True)
class PutRule:
    """A rule that was put: its id, and whether it was added, changed or unchanged.

    `remark` says why it changes no search as things are: it has ended, or no product has its value.
    """

    id: int
    state: str
    remark: str | None = None


class Rules:
    """What a merchandiser decides for searches."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(
        self,
        query: str | None = None,
        *,
        pin: Sequence[Key] = (),
        hide: Sequence[Key] = (),
        boost: Mapping[Key, float] | None = None,
        valid_from: date | datetime | str | None = None,
        valid_to: date | datetime | str | None = None,
    ) -> list[PutRule]:
        """Add rules for a query and all that mean the same; without a query, for all searches.

        Args:
            query: words; those of another case or number, and synonyms, mean the same.
            pin: products, each named as for `Catalog.get`, that come first, in this order, if the
                filters of a search leave them.
            hide: what no search shows: products, attributes ("discontinued": any value that says
                yes) or their values ("brand:Acme").
            boost: the same, and by what the score is multiplied.
            valid_from, valid_to: when the rules hold; None: from now on, for ever.

        A rule that was there is changed. Raises NotFoundError for an unknown product or attribute,
        with the nearest ones; InputError for a weight or a time that cannot be.
        """
        rules: list[dict[str, Any]] = []
        rules += [
            {"action": "pin", "product_id": named(self._database, one).product_id} for one in pin
        ]
        rules += [{"action": "hide", **self._target(one)} for one in hide]
        rules += [
            {"action": "boost", "weight": weight, **self._target(one)}
            for one, weight in (boost or {}).items()
        ]
        if not rules:
            raise InputError("a rule pins, hides or boosts: name a product or an attribute")
        dates = {"valid_from": valid_from, "valid_to": valid_to}
        try:
            return self.put([{"query": query, **dates, **rule} for rule in rules])
        except (InputError, NotFoundError) as exc:
            raise type(exc)(_ROW.sub(r"\2", str(exc))) from None

    def put(self, rules: Iterable[Mapping[str, Any]], *, prune: bool = False) -> list[PutRule]:
        """Add or change rules, given as objects with the fields of Rule.

        prune: these are all rules; others are removed.

        Raises InputError and NotFoundError for the first rule that is wrong; then no rule changes.
        """
        given = [{name: _plain(value) for name, value in rule.items()} for rule in rules]
        return self._database.records(
            PutRule, "select * from vitrina.put_rules(%s, prune => %s)", (Jsonb(given), prune)
        )

    def load(self, path: str | Path, *, prune: bool = False) -> list[PutRule]:
        """Add or change the rules of a CSV or JSON file, which has the fields of Rule; see put."""
        from vitrina.files.opening import open_rows  # on use: a search does without
        from vitrina.files.rows import BadRow

        rules, lines = [], []
        with open_rows(str(path)) as rows:
            for row in rows:
                if isinstance(row, BadRow):
                    raise InputError(f"line {row.line} of {path} cannot be read: {row.reason}")
                rules.append({name.strip().lower(): value for name, value in row.values.items()})
                lines.append(row.line)
        try:
            return self.put(rules, prune=prune)
        except (InputError, NotFoundError) as exc:
            found = _ROW.match(str(exc))
            if found is None:
                raise
            line = lines[int(found[1]) - 1]
            raise type(exc)(f"line {line} of {path}: {found[2]}") from None

    def list(self, query: str | None = None, *, removed: bool = False) -> list[Rule]:
        """All rules; or those that hold now for a search of `query`; or the removed ones."""
        statement = "select * from vitrina.list_rules(%s, %s)"
        return self._database.records(Rule, statement, (query, removed))

    def remove(self, ids: Sequence[int]) -> int:
        """Remove rules; `restore` brings them back. Returns how many. Raises NotFoundError."""
        return int(self._database.value("select vitrina.remove_rules(%s::bigint[])", (list(ids),)))

    def restore(self, ids: Sequence[int]) -> int:
        """Let removed rules hold again. Returns how many. Raises NotFoundError."""
        return int(self._database.value("select vitrina.restore_rules(%s::bigint[])", (list(ids),)))

    def _target(self, given: Key) -> dict[str, Any]:
        """The product, attribute or value that is meant; a product comes before an attribute."""
        try:
            return {"product_id": named(self._database, given).product_id}
        except NotFoundError as exc:
            if not isinstance(given, str):
                raise
            name, colon, value = given.partition(":")
            unknown = unknown_names(self._database, attributes=[name])
            if unknown is None:
                return {"attribute": name, "value": value if colon else None}
            if colon:
                raise NotFoundError(f"{exc}, and {unknown}") from None
            near = unknown.partition("; nearest: ")[2]
            also = f"; or the attribute: {near}" if near else ""
            raise NotFoundError(f"{exc}{also}") from None


def _plain(value: object) -> object:
    """A value of a rule in JSON."""
    return value.isoformat() if isinstance(value, date | datetime) else value
