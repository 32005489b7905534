-- The contents of the columns of the other tables: of products, spaces, work, and attached shops.

do $columns$
declare
    _said record;
begin
    for _said in
        select t.key as in_table, c.key as name, c.value as text
        from jsonb_each('{
            "sources": {
                "id": "The source''s id.",
                "name": "Its name, as searches and commands take it.",
                "kind": "file: an imported file or feed; table: a followed table of the shop.",
                "config": "How its files are read, and how an attached table is followed.",
                "text_config": "The text search configuration of its products: english, german …",
                "trusted_root": "A folder that workers may read its pictures from.",
                "text_config_due": "Whether the language of its texts is still to be detected."},
            "products": {
                "id": "The product''s id, unique in the database.",
                "source_id": "The source it comes from.",
                "external_id": "Its id in that source, the shop''s own.",
                "title": "The title, as the shop wrote it.",
                "image": "The address or path of its picture, as the shop gave it.",
                "image_stamp": "Changes whenever the picture behind the same address does.",
                "image_sha256": "Its picture in the table images, once it was fetched.",
                "image_error": "Why the picture could not be used.",
                "url": "The address of its page, as the shop gave it.",
                "attributes": "What searches filter by: price, brand, and all other columns.",
                "description": "A long text about the picture, or composed from the title.",
                "caption": "One sentence, made from the description.",
                "keywords": "Its keywords, in the order in which they were said.",
                "input_hash": "The hash of what enrichment reads: a change of it queues the product.",
                "enriched_at": "When it was last enriched; null if it never was.",
                "created_at": "When it came in.",
                "updated_at": "When it last changed.",
                "text": "The shop''s own long text.",
                "sku": "The shop''s stock-keeping unit.",
                "codes": "Other codes that find it: EAN, part number.",
                "parts_hash": "The hash of its variants and pictures, to notice a change."},
            "variants": {
                "product_id": "The product that it is a form of.",
                "position": "Its place in the order of the shop, from 1.",
                "sku": "Its own stock-keeping unit.",
                "title": "What tells it apart, like Blue / XL.",
                "codes": "Other codes that find it: EAN, part number.",
                "image": "The address or path of its own picture.",
                "attributes": "Its own price, size, color …; filters find the product by them."},
            "product_images": {
                "product_id": "The product.",
                "position": "Its place in the order of the shop, from 1.",
                "image": "The address or path, as the shop gave it.",
                "image_sha256": "The picture in the table images, once it was fetched.",
                "role": "main, further, or variant: the picture of a variant."},
            "images": {
                "sha256": "The sha256 of the picture''s bytes.",
                "mime": "Its kind, like image/jpeg.",
                "width": "Its width, in pixels.",
                "height": "Its height, in pixels.",
                "bytes": "The size of the picture itself, in bytes.",
                "thumbnail": "The picture made small, as WebP.",
                "dhash": "Its difference hash: few bits differ between pictures that look alike."},
            "product_keywords": {
                "product_id": "The product.",
                "keyword_id": "Its keyword.",
                "said": "The term that was said of the product, and became the keyword."},
            "product_text": {
                "product_id": "The product.",
                "tsv": "Its full text: title A, keywords B, caption C, all other texts D.",
                "version": "The version of vitrina''s full text that made it."},
            "catalogue_words": {
                "config": "The text search configuration.",
                "word": "The word, in lower case.",
                "lexeme": "Its lexeme, where the word lost its ending."},
            "spellings": {
                "word": "A word that queries may be corrected to.",
                "keys": "The word with letters left out, by which misspelt ones find it."},
            "spaces": {
                "id": "The space''s id, which names its partitions.",
                "name": "Its name.",
                "provider": "openai (or a compatible endpoint), local, or a name of the shop''s own.",
                "model": "The embedding model.",
                "modality": "text or image: the vectors are of texts, or of pictures.",
                "dimensions": "How many numbers a vector has.",
                "threshold": "The cosine above which two keywords are the same.",
                "weight": "The weight of its similarity in the score of a search.",
                "state": "building, active (searches use it), or retired.",
                "created_at": "When it was created.",
                "quantized": "Whether its index has only the signs of the vectors.",
                "background_mean": "The mean similarity of unrelated products, measured.",
                "background_deviation": "The deviation of that similarity.",
                "background_products": "How many products there were when it was measured."},
            "product_embeddings": {
                "space_id": "The space.",
                "product_id": "The product.",
                "input_hash": "The hash of the text or picture that the vector was made from.",
                "embedding": "The vector."},
            "keyword_embeddings": {
                "space_id": "The space.",
                "keyword_id": "The keyword.",
                "embedding": "The vector."},
            "query_embeddings": {
                "space_id": "The space.",
                "query_hash": "The hash of the query''s words.",
                "embedding": "The vector that a model made of them.",
                "used_at": "When it was last used: those unused for long are dropped."},
            "word_pieces": {
                "piece": "A word, or with ## in front a part of one.",
                "embedding": "Its vector."},
            "search_policy": {
                "one_row": "Always true: the table has one row.",
                "min_relevance": "The relevance below which search returns no row."},
            "keyword_policy": {
                "one_row": "Always true: the table has one row.",
                "mode": "strict: with vetoes; plain: the nearest keyword above the threshold.",
                "merge_narrower": "Whether office chair may join chair.",
                "language": "The language of new keywords'' names; null: that of all sources."},
            "keyword_thresholds": {
                "space_id": "The space.",
                "facet": "The facet.",
                "threshold": "The cosine above which two keywords of it are the same there."},
            "keyword_distinctions": {
                "term_a": "One term, in normal form.",
                "term_b": "A term that is another thing.",
                "method": "judge (a model) or manual (a person).",
                "decided_at": "When it was decided."},
            "keyword_changes": {
                "id": "The number of the change, as undo takes it.",
                "at": "When it was made.",
                "role": "The role that made it.",
                "action": "merge, split, rename, drop, set …",
                "arguments": "What it was asked to do.",
                "before": "The rows it changed, as they were.",
                "after": "These rows, as it left them.",
                "touched": "The rows it changed, by name: a later change of one blocks its undo.",
                "undoes": "The change that it took back.",
                "undone_at": "When it was taken back itself."},
            "seeded_words": {
                "target": "The table: thesaurus or contrasts.",
                "term": "The term of the row.",
                "value": "What the row says of it.",
                "language": "The language of the row."},
            "generations": {
                "id": "The answer''s id.",
                "stage": "What was asked: tag, describe, caption, embed …",
                "input_hash": "The hash of all that was sent.",
                "provider": "Who answered: openai (any endpoint of that kind) or local.",
                "model": "The model.",
                "prompt_version": "The version of the prompt.",
                "output": "The answer.",
                "input_tokens": "The tokens sent.",
                "cached_tokens": "How many of them the endpoint had cached.",
                "output_tokens": "The tokens of the answer.",
                "cost": "Its cost in USD; null at an unknown price.",
                "seconds": "How long it took.",
                "created_at": "When it was stored."},
            "budgets": {
                "period": "day, month or total.",
                "usd": "The most to spend in that period, in USD."},
            "jobs": {
                "product_id": "The product that waits for work.",
                "version": "Grows with each change of the product, so that no old work is stored.",
                "state": "queued, leased (in a worker''s hands) or failed.",
                "attempts": "How often it was tried.",
                "run_after": "Not before this time.",
                "lease_until": "When the worker''s claim ends, if it gives no sign of life.",
                "worker": "The worker that has it.",
                "error": "Why the last try failed.",
                "stage": "What is due: enrich, embed or picture; see queue_products.",
                "reply": "What the model replied then.",
                "begun_at": "When work on it began.",
                "deaths": "Workers that died with it in hand; after three it is set aside."},
            "workers": {
                "id": "The worker''s id, as jobs have it.",
                "host": "The machine.",
                "pid": "The process.",
                "boot_id": "The boot of that machine, to tell processes of one number apart.",
                "namespaces": "The container it runs in.",
                "process_start": "When the process started, in ticks of that machine.",
                "started_at": "When it registered.",
                "heartbeat_at": "Its last sign of life."},
            "batches": {
                "id": "The batch''s id.",
                "token": "Its mark at the endpoint, by which it is found again.",
                "run": "The run that submitted it.",
                "settings": "The settings it was submitted with; answers are stored by them.",
                "base_url": "The address of the endpoint.",
                "endpoint": "The path that its requests are for.",
                "model": "The model.",
                "stages": "The stages of its requests.",
                "state": "preparing, creating, submitted, answered, collected, failed or abandoned.",
                "remote_id": "Its id at the endpoint.",
                "status": "What the endpoint last said of it.",
                "requests": "How many requests it has.",
                "answered": "How many were answered.",
                "unanswered": "How many came back without an answer.",
                "tokens": "The tokens of its requests, estimated.",
                "estimate": "What it may cost, in USD.",
                "cost": "What its answers cost, in USD.",
                "input_file": "The endpoint''s id of the file of requests.",
                "output_file": "The endpoint''s id of the file of answers.",
                "error_file": "The endpoint''s id of the file of errors.",
                "error": "Why it failed.",
                "created_at": "When it was prepared.",
                "submitted_at": "When the endpoint took it.",
                "collected_at": "When its answers were stored.",
                "opened_by": "The role that submitted it."},
            "batch_requests": {
                "batch_id": "The batch.",
                "custom_id": "The request''s mark in the batch.",
                "product_id": "The product it is for.",
                "version": "The version of the product''s job when it was asked.",
                "stage": "What is asked: tag, describe, caption …",
                "input_hash": "The hash of all that is sent.",
                "model": "The model.",
                "prompt_version": "The version of the prompt.",
                "state": "open, done, missing, refused or released.",
                "attempts": "How often this product and stage were asked.",
                "error": "Why it has no answer."},
            "attachments": {
                "source_id": "The source.",
                "relation": "The table or view it follows; null for a query.",
                "query": "The query that reads its products.",
                "id_types": "The types of the columns that identify a product.",
                "triggers": "Whether triggers note changes; else they are polled.",
                "watermark": "The column with the time of a row''s last change.",
                "sweep_every": "How often all rows are compared.",
                "seen": "The latest watermark that was read.",
                "synced_at": "When changes were last taken in.",
                "swept_at": "When all rows were last compared.",
                "problem": "Why it cannot be read, and what to do.",
                "problem_at": "Since when.",
                "reads": "The tables that the query reads.",
                "parts": "Which of text, sku, codes, images and variants the query gives."},
            "wakes": {
                "source_id": "The source.",
                "place": "Its number among the tables of the source.",
                "relation": "The table whose changes wake products.",
                "key": "Its columns that hold the product''s id.",
                "query": "A query over the changed rows that gives the ids; then key is null.",
                "columns": "The columns whose changes matter; null: all.",
                "is_product": "Whether its rows are the products themselves."},
            "changes": {
                "source_id": "The source.",
                "external_id": "The product whose row, or whose parts, changed.",
                "noted_at": "When the change was noted."},
            "rejects": {
                "source_id": "The source.",
                "external_id": "The id of the row.",
                "reason": "Why it cannot be a product.",
                "rejected_at": "When it was set aside."},
            "installed": {
                "name": "What is installed: sql, word_pieces, retail_words …",
                "sha256": "The hash of its files.",
                "version": "The version of vitrina that installed it.",
                "installed_at": "When."},
            "alembic_version": {
                "version_num": "The revision."}
        }'::jsonb) as t
        cross join jsonb_each_text(t.value) as c
    loop
        execute format('comment on column vitrina.%I.%I is %L', _said.in_table, _said.name, _said.text);
    end loop;
end
$columns$;

-- those of spaces and sources that were there before
select describe_partition(i.inhrelid::regclass)
from pg_inherits as i
join pg_class as c on c.oid = i.inhparent and c.relkind = 'p' and c.relnamespace = 'vitrina'::regnamespace;
