-- The contents of the columns of the views, and of the tables that shops read.

do $columns$
declare
    _said record;
begin
    for _said in
        select t.key as in_table, c.key as name, c.value as text
        from jsonb_each('{
            "catalog": {
                "product_id": "The product''s id, unique in the database.",
                "source": "The source it comes from.",
                "external_id": "Its id in that source, the shop''s own.",
                "title": "The title, as the shop wrote it.",
                "description": "A long text about the picture, or composed from the title.",
                "caption": "One sentence, made from the description.",
                "keywords": "Its keywords, in the order in which they were said.",
                "url": "The address of its page, without secrets.",
                "image": "The address or path of its picture, without secrets.",
                "image_error": "Why the picture could not be used.",
                "image_sha256": "The sha256 of its picture, in hexadecimal digits.",
                "attributes": "What searches filter by: price, brand, and all other columns.",
                "state": "new, queued, leased, failed or enriched.",
                "enriched_at": "When it was last enriched.",
                "created_at": "When it came in.",
                "updated_at": "When it last changed.",
                "text": "The shop''s own long text.",
                "sku": "The shop''s stock-keeping unit.",
                "codes": "Other codes that find it: EAN, part number.",
                "images": "All its pictures, in the order of the shop.",
                "variants": "The forms in which it is sold."},
            "source_status": {
                "source": "The name of the source.",
                "state": "file, in step, behind, waiting or broken.",
                "follows": "The table of the shop that it follows.",
                "triggers": "Whether triggers note the shop''s changes; else they are polled.",
                "products": "How many products it has.",
                "enriched": "How many of them are enriched.",
                "queued": "How many wait for work.",
                "failed": "How many failed for good.",
                "noted": "Noted changes that are not synced yet.",
                "noted_since": "Since when the oldest of them waits.",
                "rejects": "Rows that cannot be products; see the table rejects.",
                "problem": "Why it cannot be read, and what to do.",
                "synced_at": "When changes were last taken in.",
                "swept_at": "When all rows were last compared.",
                "changed_at": "The latest change of one of its products."},
            "status": {
                "products": "How many products there are.",
                "enriched": "How many of them are enriched.",
                "without_picture": "How many have no usable picture.",
                "queued": "How many wait for work, with those in a worker''s hands.",
                "leased": "How many are in a worker''s hands.",
                "failed": "How many failed for good.",
                "oldest_lease": "When the lease that ends first ends.",
                "keywords": "How many keywords the vocabulary has.",
                "aliases": "How many terms resolve to them.",
                "text_space": "The text space in use.",
                "image_space": "The picture space in use.",
                "generations": "How many answers of models are stored.",
                "spend": "What they cost, in USD, as far as prices are known.",
                "next_image_space": "The picture space that is filled beside it; see space_filling."},
            "keywords": {
                "id": "The keyword''s id.",
                "name": "The keyword, as it is shown.",
                "facet": "Its kind: type, material, style, color …",
                "pinned": "Whether only a person may rename it or merge it away.",
                "created_at": "When it was made.",
                "form": "Its name in normal form.",
                "marks": "The groups of contrasts that its words are in, each with the word.",
                "kinds": "Its key, and those of all that it is a kind of."},
            "keyword_aliases": {
                "alias": "A term in normal form.",
                "key": "The term without spaces: free standing and freestanding are the same.",
                "keyword_id": "Its keyword; null if it was dropped.",
                "similarity": "How similar it was, if vectors decided.",
                "method": "new, form, thesaurus, embedding, judge or manual.",
                "decided_at": "When it was decided."},
            "product_terms": {
                "product_id": "The product.",
                "place": "The place in the order in which terms were said.",
                "term": "The term, as it was said.",
                "form": "The term in normal form.",
                "facet": "The facet in which it was said."},
            "given_keywords": {
                "product_id": "The product whose keywords a person set.",
                "terms": "The keywords that the person gave.",
                "said": "What models said, for when the person takes these back."},
            "thesaurus": {
                "term": "A term in normal form.",
                "canonical": "The term that it stands for.",
                "facet": "The facet of that term.",
                "language": "Only where all sources are in this language; empty: everywhere.",
                "domain": "The kind of shop that sells such a type: furniture, fashion …",
                "key": "The term without spaces.",
                "becomes": "The canonical term in normal form."},
            "related_terms": {
                "term": "A term in normal form.",
                "related": "Another term in normal form.",
                "weight": "1: related is a kind of term; 0: it is none, whatever its name says; else how well either stands in.",
                "facet": "The facet of both.",
                "key": "The term as thesaurus and keywords have it, without spaces.",
                "related_key": "The same of the related term."},
            "contrasts": {
                "term": "A term in normal form.",
                "contrast_group": "Terms of one group are never one keyword.",
                "key": "The term without spaces."}
        }'::jsonb) as t
        cross join jsonb_each_text(t.value) as c
    loop
        execute format('comment on column vitrina.%I.%I is %L', _said.in_table, _said.name, _said.text);
    end loop;
end
$columns$;
