"""What became of products, written to the database: enrichments, vectors of pictures, jobs."""

from __future__ import annotations

import base64
from typing import Any

from vitrina.db.database import Database, Jsonb
from vitrina.enrich.in_hand import Work
from vitrina.enrich.stages import dump_terms
from vitrina.pictures.decode import Picture
from vitrina.pictures.layout import written
from vitrina.redaction import redact

NO_VECTOR = "no vector yet: "  # begins the error of a job that only lacks its vector


def put(database: Database, worker: str, works: list[Work]) -> int:
    """Write the products still leased in their version; returns how many new vectors."""
    pictures = {work.picture.sha256: work.picture for work in works if work.picture}
    images = [image_row(picture) for picture in pictures.values()]
    with database.transaction() as conn:
        rows = conn.execute(
            "select s.id from vitrina.store_enrichments(%s, %s, %s, %s, %s) as s (id)",
            (
                worker,
                [work.job.product_id for work in works],
                [work.job.version for work in works],
                Jsonb([_enrichment(work) for work in works]),
                Jsonb(images),
            ),
        ).fetchall()
        held = {row[0] for row in rows}
        return _put_image_embeddings(conn, [work for work in works if work.job.product_id in held])


def put_pictures(database: Database, worker: str, works: list[Work]) -> int:
    """Write the pictures that were fetched again; returns how many new vectors."""
    looked = [work for work in works if work.picture]
    pictures = {work.picture.sha256: work.picture for work in looked if work.picture}
    with database.transaction() as conn:
        rows = conn.execute(
            "select s.id from vitrina.store_pictures(%s, %s, %s, %s, %s) as s (id)",
            (
                worker,
                [work.job.product_id for work in looked],
                [work.job.version for work in looked],
                Jsonb(
                    [
                        {"product_id": work.job.product_id, "image_sha256": work.picture.sha256}
                        for work in looked
                        if work.picture
                    ]
                ),
                Jsonb([image_row(picture) for picture in pictures.values()]),
            ),
        ).fetchall()
        held = {row[0] for row in rows}
        return _put_image_embeddings(conn, [w for w in looked if w.job.product_id in held])


def finish(
    database: Database,
    worker: str,
    good: list[Work],
    bad: list[Work],
    due: str | None = None,
) -> int:
    """Finish and fail jobs; returns how many failed permanently. `due`: why no vector."""
    ids, versions = [w.job.product_id for w in good], [w.job.version for w in good]
    with database.transaction() as conn:
        if due is not None:
            conn.execute(
                "select vitrina.defer_embeddings(%s, %s, %s, %s)",
                (worker, ids, versions, redact(NO_VECTOR + due)),
            )
        conn.execute("select vitrina.finish_jobs(%s, %s, %s)", (worker, ids, versions))
        failed = 0
        for tries in sorted({work.tries for work in bad}):
            works = [work for work in bad if work.tries == tries]
            row = conn.execute(
                "select vitrina.fail_jobs(%s, %s, %s, %s, replies => %s::text[], versions => %s)",
                (
                    worker,
                    [w.job.product_id for w in works],
                    [w.error for w in works],
                    tries,
                    [w.reply and redact(w.reply) for w in works],
                    [w.job.version for w in works],
                ),
            ).fetchone()
            failed += int(row[0]) if row else 0
    return failed


def _put_image_embeddings(conn: Any, works: list[Work]) -> int:
    count = 0
    for space in sorted({space for work in works for space in work.image_embeddings}):
        made = [work for work in works if space in work.image_embeddings and work.picture]
        row = conn.execute(
            # none if the space has been dropped meanwhile
            "select vitrina.put_embeddings(s.name, %s, %s, %b) from vitrina.spaces as s"
            " where s.name = %s",
            (
                [work.job.product_id for work in made],
                [bytes.fromhex(work.picture.sha256) for work in made if work.picture],
                [work.image_embeddings[space] for work in made],
                space,
            ),
        ).fetchone()
        count += int(row[0]) if row else 0
    return count


def image_row(picture: Picture) -> dict[str, object]:
    """A picture as put_images takes it."""
    return {
        "sha256": picture.sha256,
        "mime": picture.mime,
        "width": picture.width,
        "height": picture.height,
        "bytes": picture.size,
        "thumbnail": base64.b64encode(picture.thumbnail).decode(),
        "dhash": f"{picture.dhash:064b}",
        "layout": written(picture.layout) if picture.layout else None,
    }


def _enrichment(work: Work) -> dict[str, object]:
    assert work.enrichment is not None  # noqa: S101 - the caller filters
    return {
        "product_id": work.job.product_id,
        "image_sha256": work.picture.sha256 if work.picture else None,
        "image_error": work.image_error,
        "terms": dump_terms(work.enrichment.terms),
        "description": work.enrichment.description,
        "caption": work.enrichment.caption,
        "answers": list(work.enrichment.answers),
    }
