"""Whether what is stored is as it should be: spaces, sources, work, and all that is derived."""

from __future__ import annotations

from collections.abc import Iterator

from vitrina.doctor.finding import Finding, Rows
from vitrina.errors import ConfigError
from vitrina.printing import counted
from vitrina.products.invariants import CHECK, Check

BACKLOG_SECONDS = 600  # if changes wait longer, there is no worker


def spaces(rows: Rows) -> Iterator[Finding]:
    """The spaces, their indexes, and what is still to be filled."""
    for name, modality, model, dimensions, state, count, partition in rows(
        "select s.name, s.modality, s.model, s.dimensions, s.state,"
        " (select count(*) from vitrina.product_embeddings as e where e.space_id = s.id),"
        " format('vitrina.product_embeddings_%s', s.id) from vitrina.spaces as s order by s.id"
    ):
        invalid = rows(
            "select i.indexrelid::regclass::text from pg_index as i"
            " where i.indrelid = to_regclass(%s) and not i.indisvalid",
            partition,
        )
        text = f"{modality}, {model}, {dimensions} dimensions, {state}: {counted(count, 'product')}"
        yield (
            Finding(
                f"space {name}",
                "wrong",
                f"{text}; its index is invalid",
                f"reindex index {invalid[0][0]};",
            )
            if invalid
            else Finding(f"space {name}", "ok", text)
        )
    ((known,),) = rows(
        "select coalesce(has_function_privilege("
        "to_regprocedure('vitrina.space_filling()'), 'execute'), false)"
    )
    filling = "select f.space, f.before, f.products, f.waiting, f.failed"
    for space, before, products, waiting, failed in (
        rows(f"{filling} from vitrina.space_filling() as f") if known else ()
    ):
        without = f", {failed:,} cannot be fetched again" if failed else ""
        yield Finding(
            f"space {space}", "note",
            f"filled beside {before}: {products:,} products, {waiting:,} wait{without}",
            "vitrina work",
        )  # fmt: skip
    yield from _joint_models(rows)
    active = {
        "text" if modality == "text" else "image"
        for (modality,) in rows(
            "select s.modality from vitrina.spaces as s where s.state = 'active'"
        )
    }
    for modality in ("text", "image"):
        if modality not in active:
            yield Finding(
                f"{modality} space", "note", "none is active", "select vitrina.use_space('NAME');"
            )


def _joint_models(rows: Rows) -> Iterator[Finding]:
    """The joint spaces whose model cannot be had here, and why."""
    ((known,),) = rows(
        "select exists (select from pg_attribute as a"
        " where a.attrelid = to_regclass('vitrina.spaces') and a.attname = 'settings')"
    )
    if not known:
        return  # of an older vitrina
    from vitrina.models.joint.endpoint import settings_of
    from vitrina.models.joint.forms import FORMS
    from vitrina.models.joint.towers import missing

    for name, provider, state, folder in rows(
        "select s.name, s.provider, s.state, s.settings ->> 'model_path' from vitrina.spaces as s"
        " where s.modality = 'joint' and s.state <> 'retired' order by s.id"
    ):
        reason = None
        if provider == "fastembed":
            reason = missing(folder)
        elif provider in FORMS:
            try:
                settings_of(FORMS[provider])
            except ConfigError as exc:
                reason = str(exc)
        if reason is not None:
            yield Finding(
                f"space {name}",
                "wrong" if state == "active" else "note",
                f"its model cannot be had here: {reason}; words find pictures by keywords only, and"
                " new pictures are not embedded",
                "do what it says, or go back to another space: vitrina spaces list",
            )


def attached(rows: Rows) -> Iterator[Finding]:
    """The sources that follow tables of the shop."""
    for source, state, follows, products, rejects, problem, waiting in rows(
        "select s.source, s.state, s.follows, s.products, s.rejects, s.problem,"
        " extract(epoch from now() - s.noted_since)::bigint"
        " from vitrina.source_status as s where s.state <> 'file' order by s.source"
    ):
        check = f"source {source}"
        if problem is not None:
            yield Finding(check, "wrong", problem, "vitrina attach …; or: vitrina detach " + source)
        elif waiting is not None and waiting > BACKLOG_SECONDS:
            yield Finding(
                check,
                "note",
                f"changes have waited {counted(waiting // 60, 'minute')}",
                "vitrina work",
            )
        else:
            aside = f", {counted(rejects, 'row')} set aside" if rejects else ""
            do = f"vitrina sources --rejects {source}" if rejects else "nothing"
            yield Finding(
                check, "ok", f"{state} with {follows}: {counted(products, 'product')}{aside}", do
            )
    for source, relations in rows(
        "select r.source, string_agg(r.relation, ', ' order by r.relation)"
        " from vitrina.row_secured() as r group by r.source order by r.source"
    ):
        yield Finding(
            f"source {source}", "note",
            f"search ignores the row-level security of {relations}:"
            " whoever may search finds all its products",
            "give each tenant a source of its own (docs/shops.md)",
        )  # fmt: skip
    for relation, owner in rows(
        "select distinct w.relation, pg_get_userbyid(n.nspowner)"
        " from vitrina.wakes as w join pg_namespace as n on n.nspname = 'vitrina'"
        # by text: to_regclass raises for a role that may not use the schema
        " join pg_class as c on true join pg_namespace as m on m.oid = c.relnamespace"
        " where quote_ident(m.nspname) || '.' || quote_ident(c.relname) = w.relation"
        " and not has_table_privilege(n.nspowner, c.oid, 'select')"
    ):
        yield Finding(
            "grants", "wrong", f"{owner} may not read {relation}",
            f"as its owner: grant select on {relation} to {owner};",
        )  # fmt: skip


def work(rows: Rows) -> Iterator[Finding]:
    """What waits, what failed, and which pictures are missing."""
    ((products, enriched, queued, failed),) = rows(
        "select s.products, s.enriched, s.queued, s.failed from vitrina.status as s"
    )
    yield Finding("products", "ok", f"{products:,}, {enriched:,} of them enriched")
    if queued:
        yield Finding(
            "queue", "note", f"{counted(queued, 'product waits', 'products wait')}", "vitrina work"
        )
    if failed:
        yield Finding(
            "queue",
            "note",
            f"{counted(failed, 'product')} failed permanently",
            "vitrina jobs list --state failed; vitrina jobs retry",
        )
    yield from _pictures(rows)


def _pictures(rows: Rows) -> Iterator[Finding]:
    """The products whose picture cannot be had, which may be tried again, and those without one."""
    ((unusable, without),) = rows(
        "select count(*) filter (where p.image_error is not null),"
        " count(*) filter (where p.image is null) from vitrina.products as p"
    )
    if unusable:
        yield Finding(
            "pictures",
            "note",
            f"{counted(unusable, 'product has', 'products have')} no usable picture",
            "vitrina ingest --retry-images",
        )
    if without:
        has = counted(without, "product has", "products have")
        yield Finding("pictures", "ok", f"{has} no picture in their source", "nothing")


def invariants(rows: Rows) -> Iterator[Finding]:
    """Every row of `vitrina.check()`."""
    ((may,),) = rows("select has_function_privilege('vitrina.check()', 'execute')")
    if not may:
        yield Finding(
            "data", "note", "this role may not read all that is checked",
            "run it as the owner of vitrina, or as a writer",
        )  # fmt: skip
        return
    for row in rows(CHECK):
        one = Check(*row)
        yield Finding(one.check, one.level, one.found, "nothing" if one.level == "ok" else one.do)
