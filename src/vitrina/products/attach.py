"""Sources that follow a shop's own tables: attach, sync, detach."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from vitrina.errors import AccessError

if TYPE_CHECKING:
    from vitrina.db.database import Database

BATCH = 500


@dataclass(slots=True)
class Synced:
    """What syncs did: rows looked at, by outcome, and what is wrong with which source."""

    taken: int = 0
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    queued: int = 0
    removed: int = 0
    rejected: int = 0
    problems: dict[str, str] = field(default_factory=dict)


class Attachments:
    """The part of a catalog that follows a shop's tables."""

    database: Database
    _notice: Callable[[str], None]

    def attach(
        self,
        table: str,
        *,
        title: str,
        id: Sequence[str] | None = None,
        image: str | None = None,
        url: str | None = None,
        attributes: Sequence[str] = (),
        where: str | None = None,
        name: str | None = None,
        text_config: str | None = None,
        media_root: str | None = None,
        triggers: bool = True,
        watermark: str | None = None,
        wake: Sequence[str] = (),
    ) -> str:
        """Make a table or view of the shop's a source that is kept in step; returns its name.

        The products come in with the next sync. Called again, it changes how.

        Args:
            table: its name, with its schema where that is not on the search_path.
            title: the column of titles.
            id: the columns that identify a product; the primary key without it.
            image, url: columns.
            attributes: columns to filter by and to tag from.
            where: SQL that is true for the rows to be found, like "deleted_at is null".
            name: of the source; the table's without it.
            text_config: of full text, like english or german.
            media_root: a folder or URL in front of pictures that are no URLs.
            triggers: note changes by triggers on the table; else look for them.
            watermark: the column of type timestamp that every change of a row sets.
            wake: more tables whose changes wake products; see attach_query.

        Raises:
            NotFoundError: there is no such table.
            InputError: a column is missing, or nothing identifies a product.
            AccessError: this role may not; says what the table's owner grants.
        """
        return self._name_of(
            "select vitrina.attach_table(%(table)s, %(title)s, id => %(id)s::text[],"
            " image => %(image)s, url => %(url)s, attributes => %(attributes)s::text[],"
            " predicate => %(where)s, name => %(name)s, text_config => %(text_config)s,"
            " media_root => %(media_root)s, triggers => %(triggers)s,"
            " watermark => %(watermark)s, wake => %(wake)s::text[])",
            {
                "table": table,
                "title": title,
                "id": list(id) if id else None,
                "image": image,
                "url": url,
                "attributes": list(attributes),
                "where": where,
                "name": name,
                "text_config": text_config,
                "media_root": media_root,
                "triggers": triggers,
                "watermark": watermark,
                "wake": list(wake),
            },
        )

    def attach_query(
        self,
        name: str,
        query: str,
        *,
        wake: Sequence[str] = (),
        id: Sequence[str] | None = None,
        where: str | None = None,
        text_config: str | None = None,
        media_root: str | None = None,
        triggers: bool = True,
        watermark: str | None = None,
    ) -> str:
        """Make what a query gives a source that is kept in step; returns its name.

        Args:
            name: of the source.
            query: gives id, title and, where there are, image, image_stamp, url and attributes
                (jsonb); its other columns become attributes.
            wake: the tables whose changes wake products, each "table=column" where the column
                holds the product's id, "table(columns)=column" to say which columns matter, or
                "table=select … from changed …", which gives ids for changed rows.
            id: the columns that identify a product where that is not `id`.
            where, text_config, media_root, triggers, watermark: as for attach.

        Raises as attach does.
        """
        return self._name_of(
            "select vitrina.attach_query(%(name)s, %(query)s, wake => %(wake)s::text[],"
            " id => %(id)s::text[], predicate => %(where)s, text_config => %(text_config)s,"
            " media_root => %(media_root)s, triggers => %(triggers)s, watermark => %(watermark)s)",
            {
                "name": name,
                "query": query,
                "wake": list(wake),
                "id": list(id or ("id",)),
                "where": where,
                "text_config": text_config,
                "media_root": media_root,
                "triggers": triggers,
                "watermark": watermark,
            },
        )

    def _name_of(self, query: Any, params: Mapping[str, object]) -> str:
        try:
            source = self.database.value(query, params)
        except AccessError as exc:
            raise _for_owner(exc) from exc
        name = str(
            self.database.value(
                "select s.name from vitrina.sources as s where s.id = %s", (source,)
            )
        )
        if secured := self.row_secured(name):
            self._notice(
                f"the row-level security of {', '.join(secured)} is no part of search: whoever may"
                f" search finds every product of {name}; to search per tenant, give each a source"
                " (docs/shops.md)"
            )
        return name

    def row_secured(self, source: str) -> list[str]:
        """The tables under an attached source that have row-level security."""
        rows = self.database.rows("select r.relation from vitrina.row_secured(%s) as r", (source,))
        return [row["relation"] for row in rows]

    def sources(self) -> list[dict[str, Any]]:
        """Every source with its state, its counts, and what is wrong with it."""
        return self.database.rows("select * from vitrina.source_status as s order by s.source")

    def rejects(self, source: str, *, k: int = 1000) -> list[dict[str, Any]]:
        """Rows of an attached source that are no product as they are, with the reason."""
        return self.database.rows(
            "select r.external_id, r.reason, r.rejected_at from vitrina.rejects as r"
            " join vitrina.sources as s on s.id = r.source_id where s.name = %s"
            " order by r.external_id limit %s",
            (source, k),
        )

    def sync(
        self,
        *,
        sources: Sequence[str] | None = None,
        progress: Callable[[Synced], None] | None = None,
    ) -> Synced:
        """Bring attached sources in step with the shop now; what is new or changed is queued.

        A source that cannot be read is passed over, and named in `problems`.
        """
        done = Synced()
        while self.sync_once(done, sources=sources):
            if progress is not None:
                progress(done)
        return done

    def sync_once(self, done: Synced, *, sources: Sequence[str] | None = None) -> int:
        """One batch of each attached source, added to `done`; returns how many ids it took."""
        taken = 0
        for row in self.database.rows(
            "select * from vitrina.sync_sources(%s, %s::text[])",
            (BATCH, list(sources) if sources is not None else None),
        ):
            source, problem = row.pop("source"), row.pop("problem")
            taken += row["taken"]
            for name, count in row.items():
                setattr(done, name, getattr(done, name) + count)
            if problem is not None:
                done.problems[source] = problem
            else:
                done.problems.pop(source, None)
        return taken

    def sweep(self, source: str) -> int:
        """Compare all rows of an attached source with all its products, for the next sync.

        Returns how many differ. Raises NotFoundError where no such source is attached.
        """
        return int(self.database.value("select vitrina.sweep_source(%s)", (source,)))

    def detach(self, name: str, *, keep_products: bool = False) -> int:
        """Follow the shop no more: nothing of vitrina's is left in its schema.

        Returns how many products went. Raises NotFoundError where no such source is attached.
        """
        try:
            return int(self.database.value("select vitrina.detach(%s, %s)", (name, keep_products)))
        except AccessError as exc:
            raise _for_owner(exc) from exc


def _for_owner(exc: AccessError) -> AccessError:
    """The same, with the way out that attaching has."""
    text = str(exc)
    if "permission denied" in text:
        text = text.partition(": ask for")[0] + ": attach and detach as the owner of vitrina"
    return AccessError(text)
