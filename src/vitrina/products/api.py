"""Sources of products: loads files; attaches and follows a shop's own tables."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from vitrina.context import Context
from vitrina.db.unknown import check_names
from vitrina.errors import AccessError
from vitrina.files import Product
from vitrina.files.options import PRUNE_MOST, FileOptions
from vitrina.products.entries import Preview, RejectedRow, RejectedRows, Source, SourceList, Synced
from vitrina.products.feed import host_of, is_address
from vitrina.products.load import Loaded, load_file, opened
from vitrina.products.picture_folder import unpacked_folder
from vitrina.weave.datasets import name_of

BATCH = 500


class Sources:
    """The sources of a catalog: loaded files, and followed tables of the shop."""

    def __init__(self, context: Context, allow: Callable[[Path], None]) -> None:
        self._database = context.database
        self._notice = context.notice
        self._allow_private = context.settings.allow_private_images
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
        """Load the products of a shop's export; queue new and changed ones.

        Args:
            path: the file, or the address of a feed; `-` is standard input; weave:///… is a Weave
                Dataset.
            source: the source's name; default: the file's name, or the host of the address.
            options: how to read the file.
            dry_run: only count, write nothing.
            progress: called with the counts so far.

        Raises InputError if the file cannot be used at all.
        """
        options = self.admitted(options)
        loaded = load_file(
            self._database,
            str(path),
            source=source_name(path, source),
            options=options,
            dry_run=dry_run,
            allow_private=self._allow_private,
            progress=progress,
        )
        self.allow_pictures_of(loaded)
        return loaded

    def preview(
        self,
        path: str | Path,
        *,
        source: str | None = None,
        options: FileOptions | None = None,
        k: int = 10,
    ) -> Preview:
        """How a file would be read, its first k products, and what loading it would change.

        Writes nothing; raises as `load` does.
        """
        name = source_name(path, source)
        found: list[Product] = []
        with opened(
            self._database, str(path), source=name, options=options or FileOptions()
        ) as file:
            for item in file.products():
                if isinstance(item, Product):
                    found.append(item)
                if len(found) >= k:
                    break
        return Preview(found, self.load(path, source=name, options=options, dry_run=True))

    def allow_pictures_of(self, loaded: Loaded) -> None:
        """Let this process read the pictures that a file brought with it."""
        if loaded.image_root is not None:
            self._allow(loaded.image_root)

    def prune(self, name: str, keep: Sequence[str], *, most: float = PRUNE_MOST) -> int:
        """Remove the products of a file's source whose external id is not in `keep`.

        Returns how many. Raises InputError if more than the share `most` of the products would go,
        and NotFoundError if the source is not found.
        """
        return int(
            self._database.value(
                "select vitrina.prune_products(%s, %s::text[], %s::real)", (name, list(keep), most)
            )
        )

    def admitted(self, options: FileOptions | None) -> FileOptions:
        """The options; naming a folder to this process lets it read there."""
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
        text: str | None = None,
        sku: str | None = None,
        codes: Sequence[str] = (),
    ) -> str:
        """Make a table or view of the shop a source, and follow it; returns its name.

        The next sync brings the products in. Call it again to change the settings.

        Args:
            table: its name, with its schema if that is not on the search_path.
            title: the column of titles.
            id: the columns that identify a product; default: the primary key.
            image, url: columns.
            attributes: columns to filter by and to tag from.
            where: SQL that is true for the rows to find, like "deleted_at is null".
            name: the source's name; default: the table's.
            text_config: the language of full text, like english or german.
            media_root: a folder or URL in front of pictures without a URL.
            triggers: note changes by triggers on the table; else poll for them.
            watermark: the timestamp column that every change of a row sets.
            wake: more tables whose changes wake products; see attach_query.
            text: the column of the shop's own descriptions, as text or HTML.
            sku: the column of SKUs.
            codes: columns of other codes by which a product is found (EAN, part number).

        Raises:
            NotFoundError: the table was not found.
            InputError: a column is missing, or no column identifies a product.
            AccessError: this role lacks a right; says what the table's owner must grant.
        """
        return self._name_of(
            "select vitrina.attach_table(%(table)s, %(title)s, id => %(id)s::text[],"
            " image => %(image)s, url => %(url)s, attributes => %(attributes)s::text[],"
            " predicate => %(where)s, name => %(name)s, text_config => %(text_config)s,"
            " media_root => %(media_root)s, triggers => %(triggers)s,"
            " watermark => %(watermark)s, wake => %(wake)s::text[], text => %(text)s,"
            " sku => %(sku)s, codes => %(codes)s::text[])",
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
                "text": text,
                "sku": sku,
                "codes": list(codes),
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
        """Make the rows of a query a source, and follow it; returns its name.

        Args:
            name: the source's name.
            query: gives id, title and, if present, image, image_stamp, url, attributes (jsonb),
                text (a description, as text or HTML), sku, codes (text[] or jsonb), images and
                variants (jsonb, as put_products has them); its other columns become attributes.
            wake: the tables whose changes wake products, each "table=column" if the column
                holds the product's id, "table(columns)=column" to name the relevant columns, or
                "table=select … from changed …", which gives ids for changed rows.
            id: the columns that identify a product, if not `id`.
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
            source = self._database.value(query, params, said=self._notice)
        except AccessError as exc:
            raise _for_owner(exc) from exc
        return str(
            self._database.value(
                "select s.name from vitrina.sources as s where s.id = %s", (source,)
            )
        )

    def list(self) -> SourceList:
        """Every source, by name."""
        return self._database.records(
            Source, "select * from vitrina.source_status as s order by s.source"
        )

    def rejects(self, source: str, *, k: int = 1000) -> RejectedRows:
        """Rows of an attached source that cannot be products, with the reason.

        Raises NotFoundError for an unknown source.
        """
        check_names(self._database, sources=[source])
        return self._database.records(
            RejectedRow,
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
        """Sync attached sources with the shop now; queue new and changed products.

        Skips a source that cannot be read, and names it in `problems`. Raises NotFoundError for an
        unknown source.
        """
        check_names(self._database, sources=sources)
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

    def sweep(self, source: str, *, most: float = PRUNE_MOST) -> int:
        """Compare all rows of an attached source with all its products, for the next sync.

        Returns how many differ. Raises NotFoundError if the source is not attached, InputError if
        more than ten products and more than the share `most` of all would be removed: 0.3 is 30 %,
        1 allows any number.
        """
        return int(
            self._database.value("select vitrina.sweep_source(%s, %s::real)", (source, most))
        )

    def remove(self, name: str) -> int:
        """Delete a source and its products; returns how many products. Keywords stay.

        Pictures that were unpacked from its zip files are deleted too.
        """
        folder = unpacked_folder(self._database, name)
        count = int(self._database.value("select vitrina.remove_source(%s)", (name,)))
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)
        return count

    def delete(self, source: str, external_ids: Sequence[str]) -> int:
        """Delete products of a source; returns how many. Those that are not there are skipped.

        Raises NotFoundError for an unknown source, InputError for an attached one.
        """
        return int(
            self._database.value(
                "select vitrina.delete_products(%s, %s::text[])", (source, list(external_ids))
            )
        )

    def detach(self, name: str, *, keep_products: bool = False) -> int:
        """Stop following the shop, and leave nothing of vitrina in its schema.

        Returns how many products it removed. Raises NotFoundError if the source is not attached.
        """
        try:
            return int(self._database.value("select vitrina.detach(%s, %s)", (name, keep_products)))
        except AccessError as exc:
            raise _for_owner(exc) from exc


def source_name(path: str | Path, given: str | None) -> str:
    """The name of the source for a file: the given name, or the file's."""
    if given is None and str(path).startswith("weave:///"):
        return name_of(str(path))
    if given is None and is_address(str(path)):
        return host_of(str(path))
    return given or ("stdin" if str(path) == "-" else Path(path).stem)


def _for_owner(exc: AccessError) -> AccessError:
    """The same error, with advice for attaching."""
    text = str(exc)
    if "permission denied" in text:
        text = text.partition(": ask for")[0] + ": attach and detach as the owner of vitrina"
    return AccessError(text)
