-- What bench/_million.py runs; each part has a name. Braces are filled in by it.

-- @models
create schema made;
create table made.models as
select row_number() over (order by p.id)::int as place, p.id, p.caption, p.description, p.attributes,
       regexp_split_to_array(btrim(p.title), '\s+') as words,
       array(select t.term from vitrina.product_terms as t where t.product_id = p.id order by t.place) as terms,
       array(select t.form from vitrina.product_terms as t where t.product_id = p.id order by t.place) as forms,
       array(select coalesce(t.facet, '') from vitrina.product_terms as t
             where t.product_id = p.id order by t.place) as facets,
       -- without what differs between those made of it: joining full texts keeps their order
       vitrina_internal.product_lexemes(
           jsonb_populate_record(p, '{"title": "", "external_id": "", "text": null, "keywords": []}'),
           'pg_catalog.english', '{}') as tail
from vitrina.products as p
where p.enriched_at is not null;
create table made.words as
select row_number() over (order by m.place, w.n)::int as place, w.word
from made.models as m cross join unnest(m.words) with ordinality as w (word, n);
create unique index on made.words (place);
create table made.terms as
select m.place as model, t.place::int, t.term, t.form, nullif(t.facet, '') as facet, a.keyword_id, k.name
from made.models as m
cross join unnest(m.terms, m.forms, m.facets) with ordinality as t (term, form, facet, place)
join vitrina.keyword_aliases as a on a.alias = t.form
join vitrina.keywords as k on k.id = a.keyword_id;
create index on made.terms (model);
analyze made.models, made.terms, made.words;

-- @chance
create function made.chance(n bigint, seed int, below int) returns int
language sql immutable parallel safe
return (hashint8extended(n, seed) & 2147483647) % below;

-- @rows
create unlogged table {table} as
select n.n, made.chance(n.n, 1, {models}) + 1 as model, made.chance(n.n, 2, {models}) + 1 as other
from generate_series({first}, {last}) as n (n);
analyze {table};
insert into vitrina.products (id, source_id, external_id, title, caption, description, attributes, input_hash,
                              enriched_at)
overriding system value
select {base} + r.n, s.id, 'many-' || r.n, r.title, r.caption, r.description, r.attributes,
       vitrina_internal.enrichment_hash(r.title, null, null, r.attributes, null), now()
from (
    select t.n, o.caption, o.description, t.title,
           o.attributes || jsonb_build_object(
               'price', round(exp(4 + 0.8 * (made.chance(t.n, 4, 1000) + made.chance(t.n, 5, 1000)
                                            + made.chance(t.n, 6, 1000) - 1500) / 500.0)::numeric, 2)) {shares}
               as attributes
    from (
        select m.n, m.model, left(string_agg(coalesce(x.word, w.word), ' ' order by w.place), 2000) as title
        from {table} as m
        join made.models as o on o.place = m.model
        cross join unnest(o.words) with ordinality as w (word, place)
        left join made.words as x on made.chance(m.n, 100 + w.place::int, 5) = 0
            and x.place = made.chance(m.n, 300 + w.place::int, {words}) + 1
        group by m.n, m.model) as t
    join made.models as o on o.place = t.model
    offset 0) as r
join vitrina.sources as s on s.name = 'many-' || r.n % {sources};
insert into vitrina.product_terms (product_id, place, term, form, facet)
select {base} + k.n, row_number() over (partition by k.n order by k.own desc, k.place), k.term, k.form, k.facet
from (
    select m.n, true as own, t.* from {table} as m
    join made.terms as t on t.model = m.model
    where made.chance(m.n, 500 + t.place, 5) > 0
    union all
    select m.n, false, t.* from {table} as m
    join made.models as o on o.place = m.other
    join made.terms as t on t.model = m.other and t.place = cardinality(o.terms)
    where not exists (select from made.terms as e where e.model = m.model and e.form = t.form)) as k;
create unlogged table {said} as
select distinct on (t.product_id, a.keyword_id) t.product_id, a.keyword_id, k.name, t.term, t.place
from vitrina.product_terms as t
join vitrina.keyword_aliases as a on a.alias = t.form
join vitrina.keywords as k on k.id = a.keyword_id
where t.product_id between {base} + {first} and {base} + {last}
order by t.product_id, a.keyword_id, t.place;
insert into vitrina.product_keywords (product_id, keyword_id, said)
select s.product_id, s.keyword_id, s.term from {said} as s order by 1, 2;
update vitrina.products as p set keywords = s.keywords
from (select s.product_id, array_agg(s.name order by s.place) as keywords from {said} as s group by 1) as s
where p.id = s.product_id;
insert into vitrina.product_text (product_id, tsv, version)
select p.id, setweight(vitrina_internal.text_lexemes('pg_catalog.english', p.title), 'A')
             || setweight(vitrina_internal.text_lexemes(
                    'pg_catalog.english', left(array_to_string(p.keywords, ' . '), 10000)), 'B')
             || o.tail
             || array_to_tsvector(array(select '#' || u.word from unnest(p.keywords) as u (word))
                                  || ('=' || vitrina_internal.bare_code(p.external_id))),
       vitrina_internal.text_version()
from {table} as m
join made.models as o on o.place = m.model
join vitrina.products as p on p.id = {base} + m.n
order by p.id;

-- @hashes
select p.id, sha256(convert_to(vitrina.embedding_input(p.keywords, p.caption), 'utf8')), r.model, r.other
from vitrina.products as p join {table} as r on p.id = {base} + r.n order by p.id
