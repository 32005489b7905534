"""Sources of products: files are loaded; a shop's own tables are attached and followed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from vitrina.context import Context
from vitrina.errors import AccessError
from vitrina.files.options import FileOptions
from vitrina.products.load import Loaded, load_file
from vitrina.weave.datasets import name_of

Rows: TypeAlias = list[dict[str, Any]]
Names: TypeAlias = list[str]

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

    def count(self, row: Mapping[str, int]) -> None:
        """Add what one batch of one source did."""
        self.taken += row["taken"]
        self.inserted += row["inserted"]
        self.updated += row["updated"]
        self.unchanged += row["unchanged"]
        self.queued += row["queued"]
        self.removed += row["removed"]
        self.rejected += row["rejected"]


class Sources:
    """The sources of a catalog: files that were loaded, tables of the shop that are followed."""

    def __init__(self, context: Context, allow: Callable[[Path], None]) -> None:
        self._database = context.database
        self._notice = context.notice
        self._allow = allow

    def load(
        self,
        path: str | Path,
        *,
        source: str | None = None,
        options: FileOptions | None = None,
        dry_run: bool = False,
        progress: Callable[[Loaded], None] | None = None,
    ) -> Loaded:
        """Bring in the products of a CSV or JSON Lines file; new and changed ones are queued.

        Args:
            path: the file; `-` is standard input; weave:///… is a Weave Dataset.
            source: its name; the file's own name without one.
            options: how to read the file.
            dry_run: write nothing, only count.
            progress: called with the counts so far.

        Raises InputError where the file cannot be used at all.
        """
        options = self.admitted(options)
        return load_file(
            self._database,
            str(path),
            source=source_name(path, source),
            options=options,
            dry_run=dry_run,
            progress=progress,
        )

    def admitted(self, options: FileOptions | None) -> FileOptions:
        """The options; whoever names a folder to this process lets it read there."""
        options = options or FileOptions()
        if options.mapping.image_root is not None:
            self._allow(options.mapping.image_root)
        return options

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
            source = self._database.value(query, params)
        except AccessError as exc:
            raise _for_owner(exc) from exc
        name = str(
            self._database.value(
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

    def row_secured(self, source: str) -> Names:
        """The tables under an attached source that have row-level security."""
        rows = self._database.rows("select r.relation from vitrina.row_secured(%s) as r", (source,))
        return [row["relation"] for row in rows]

    def list(self) -> Rows:
        """Every source with its state, its counts, and what is wrong with it."""
        return self._database.rows("select * from vitrina.source_status as s order by s.source")

    def rejects(self, source: str, *, k: int = 1000) -> Rows:
        """Rows of an attached source that are no product as they are, with the reason."""
        return self._database.rows(
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
        for row in self._database.rows(
            "select * from vitrina.sync_sources(%s, %s::text[])",
            (BATCH, list(sources) if sources is not None else None),
        ):
            source, problem = row.pop("source"), row.pop("problem")
            taken += row["taken"]
            done.count(row)
            if problem is not None:
                done.problems[source] = problem
            else:
                done.problems.pop(source, None)
        return taken

    def sweep(self, source: str) -> int:
        """Compare all rows of an attached source with all its products, for the next sync.

        Returns how many differ. Raises NotFoundError where no such source is attached.
        """
        return int(self._database.value("select vitrina.sweep_source(%s)", (source,)))

    def remove(self, name: str) -> int:
        """Delete a source and its products; returns how many there were. Keywords stay."""
        return int(self._database.value("select vitrina.remove_source(%s)", (name,)))

    def detach(self, name: str, *, keep_products: bool = False) -> int:
        """Follow the shop no more: nothing of vitrina's is left in its schema.

        Returns how many products went. Raises NotFoundError where no such source is attached.
        """
        try:
            return int(self._database.value("select vitrina.detach(%s, %s)", (name, keep_products)))
        except AccessError as exc:
            raise _for_owner(exc) from exc


def source_name(path: str | Path, given: str | None) -> str:
    """The name of the source that a file is loaded into: the one given, or the file's own."""
    if given is None and str(path).startswith("weave:///"):
        return name_of(str(path))
    return given or ("stdin" if str(path) == "-" else Path(path).stem)


def _for_owner(exc: AccessError) -> AccessError:
    """The same, with the way out that attaching has."""
    text = str(exc)
    if "permission denied" in text:
        text = text.partition(": ask for")[0] + ": attach and detach as the owner of vitrina"
    return AccessError(text)
