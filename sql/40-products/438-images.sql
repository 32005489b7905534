-- Thumbnails of pictures: each stored once, and collected when no product has it.

-- ---------------------------------------------------------------------------------------------
-- put_images(images): stores pictures, each once, and renews their thumbnails. images: a jsonb array of
-- {sha256 (hex), mime, width, height, bytes, thumbnail (base64 WebP), dhash (64 binary digits), layout:
-- of a square of 8, lightness and both colour axes less their means, as '[1,-2,…]', 192 numbers}.
-- ---------------------------------------------------------------------------------------------
create or replace function put_images(images jsonb) returns void
language plpgsql volatile security invoker
set search_path from current
as $func$
begin
    insert into images as i (sha256, mime, width, height, bytes, thumbnail, dhash, layout)
    select distinct on (r.sha256)
        decode(r.sha256, 'hex'), name_or_null(r.mime), r.width, r.height, r.bytes,
        decode(r.thumbnail, 'base64'), case when length(r.dhash) = 64 then r.dhash::bit(64) end,
        r.layout::@vector@.halfvec
    from jsonb_to_recordset(put_images.images) as r (
        sha256 text, mime text, width int, height int, bytes int, thumbnail text, dhash text,
        layout text)
    order by r.sha256
    -- locks a picture that is stored already, so that collect_images leaves it; its thumbnail may be
    -- that of an earlier version, which made smaller ones, and so measured its hash otherwise
    on conflict (sha256) do update set
        mime = excluded.mime, thumbnail = excluded.thumbnail, dhash = excluded.dhash,
        layout = coalesce(excluded.layout, i.layout)
    where (i.mime, i.thumbnail, i.dhash, i.layout::text)
        is distinct from (excluded.mime, excluded.thumbnail, excluded.dhash,
                          coalesce(excluded.layout, i.layout)::text);
exception when data_exception or integrity_constraint_violation then
    -- which row it was is looked for only now: thumbnails are long
    perform check_rows('images', put_images.images,
        '{"sha256": "sha256!", "mime": "name!", "width": "size!",
         "height": "size!", "bytes": "size!", "thumbnail": "base64!",
         "dhash": "bits!", "layout": "layout"}');
    raise;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- drop_unused(images) → how many of these thumbnails it deleted: those that no product has any more.
-- It skips thumbnails that a worker is about to use: put_images locks them.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.drop_unused(images bytea[]) returns int
language plpgsql volatile security invoker
set search_path from current
as $func$
declare
    _unused bytea[];
    _count int;
begin
    select array_agg(u.sha256) into _unused
    from (
        select i.sha256 from images as i
        where i.sha256 = any (drop_unused.images)
            and not exists (select from products as p where p.image_sha256 = i.sha256)
            and not exists (select from product_images as o where o.image_sha256 = i.sha256)
        for update of i skip locked
    ) as u;
    -- check again, now that they are locked: a reference may be newer than the first check
    delete from images as i
    where i.sha256 = any (_unused)
        and not exists (select from products as p where p.image_sha256 = i.sha256)
        and not exists (select from product_images as o where o.image_sha256 = i.sha256);
    get diagnostics _count = row_count;
    return _count;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- collect_images(k) → how many thumbnails without a product it deleted, at most k.
-- ---------------------------------------------------------------------------------------------
create or replace function collect_images(k int default 10000) returns int
language plpgsql volatile security invoker
set search_path from current
as $func$
begin
    perform check_k(k, 0, 2147483647);
    return drop_unused(array(
        select i.sha256 from images as i
        where not exists (select from products as p where p.image_sha256 = i.sha256)
            and not exists (select from product_images as o where o.image_sha256 = i.sha256)
        limit k));
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- pictures_to_lay_out(k) → stored pictures without a layout, from before it was measured: their sha256
-- (hex) and thumbnail, at most k. `vitrina work` measures them, for duplicates.
-- ---------------------------------------------------------------------------------------------
create or replace function pictures_to_lay_out(k int default 200)
returns table (sha256 text, thumbnail bytea)
language plpgsql stable security invoker
set search_path from current
as $func$
begin
    perform check_k(k);
    return query
    select encode(i.sha256, 'hex'), i.thumbnail
    from images as i
    where i.layout is null
    order by i.sha256
    limit pictures_to_lay_out.k;
end
$func$;

-- ---------------------------------------------------------------------------------------------
-- put_layouts(layouts) → how many pictures got one. layouts: a jsonb array of {sha256 (hex), layout}, as
-- for put_images. Raises VT004 for a wrong row.
-- ---------------------------------------------------------------------------------------------
create or replace function put_layouts(layouts jsonb) returns int
language plpgsql volatile security invoker
set search_path from current
as $func$
declare
    _count int;
begin
    perform check_rows('layouts', layouts, '{"sha256": "sha256!", "layout": "layout!"}');
    update images as i set layout = g.layout::@vector@.halfvec
    from jsonb_to_recordset(layouts) as g (sha256 text, layout text)
    where i.sha256 = decode(g.sha256, 'hex');
    get diagnostics _count = row_count;
    return _count;
end
$func$;
