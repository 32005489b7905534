-- The contents of the tables and types. Comments on functions and views are at their definitions: the
-- installer stores those in the database.

comment on schema vitrina is
    'Product search: tables, views, and public functions. See docs/sql.md, or \df+ vitrina.*';
comment on schema vitrina_internal is
    'Helpers of the functions in vitrina. They may change in any version.';

comment on table alembic_version is 'The revision of the tables, as Alembic keeps it.';
comment on table attachments is
    'Sources that follow a table of the shop''s: the query that reads it, and how far it was read.';
comment on table batch_requests is 'The requests of batches, each for one product and stage.';
comment on table batches is 'Batches given to a provider, at half the price.';
comment on table budgets is 'The most to spend in a period, in USD; see set_budget.';
comment on table catalogue_words is
    'Every word that the full text of a source has had, by its text-search configuration.';
comment on table changes is 'Noted changes of attached tables that are not synced yet.';
comment on table condition_words is
    'Phrases by which a query says what to leave out or what to pay, like "without" and "under"; see read_query. '
    'A shop may insert its own, and switch a phrase off.';
comment on table contrasts is
    'Terms of a group that are never one keyword, like black and white. A shop may insert its own.';
comment on table generations is
    'Every answer of a model, stored once, with its price: no input is paid for twice.';
comment on table generation_uses is 'The answers of models that products were made of; see product_generations.';
comment on table given_keywords is
    'Products whose keywords a person set, and what models said of them; see set_keywords.';
comment on table images is 'Thumbnails of pictures by their sha256, and their difference hash.';
comment on table installed is 'The versions of functions and built-in data in this database.';
comment on table jobs is 'Products that wait for work, or are in a worker''s hands: one row per product.';
comment on table keyword_aliases is
    'Terms in normal form, their keyword, and the method of the decision; see explain_keyword.';
comment on table keyword_changes is
    'The trail of changes to the vocabulary; see keyword_history and undo_keyword_change.';
comment on table keyword_distinctions is 'Pairs of terms that were decided to be different things.';
comment on table keyword_embeddings is 'The vectors of keywords, one partition per space.';
comment on table keyword_policy is 'How terms become keywords; see set_keyword_policy.';
comment on table keyword_thresholds is
    'Cosines above which keywords of a facet are the same; see set_keyword_threshold.';
comment on table keywords is 'The vocabulary: canonical terms, each in one facet.';
comment on table left_products is
    'What people decided of products that left an attached source; they get it back when they return.';
comment on table product_embeddings is 'The vectors of products, one partition per space.';
comment on table picture_embeddings is 'The vectors of the further pictures of products, one partition per space.';
comment on table product_images is 'Every picture of a product, in the order of the shop.';
comment on table product_keywords is 'The keywords of products, derived from product_terms.';
comment on table product_terms is 'The terms said of products, as they were said.';
comment on table product_text is 'The full text of products, as search reads it.';
comment on table products is
    'The products of the catalogue, one row each; see the view catalog for reading.';
comment on table query_embeddings is 'Vectors of queries, made outside the database.';
comment on table rejects is 'Rows of an attached table that cannot be products, and why.';
comment on table judgements is
    'How well products answer queries, as people judged it: 0 wrong, 1 related, 2 good, 3 perfect; '
    'see put_judgements.';
comment on table judgement_doubts is
    'Products of which people could not tell how well they answer a query, and why; see list_doubts.';
comment on table related_terms is
    'What is a kind of what (a sneaker is a shoe), nearly the same, or none whatever its name says. '
    'A shop may insert its own.';
comment on table rules is
    'Products pinned, hidden and boosted, for a query or for all; see put_rules.';
comment on table search_policy is
    'What search leaves out by default, and whether searches are logged; see set_search_policy.';
comment on table searches is
    'What was searched for, a row for each day and wording; see log_searches and top_searches.';
comment on table seeded_words is 'Which rows of thesaurus, contrasts and related_terms came with vitrina.';
comment on table sources is 'The sources of products: imported files and attached tables.';
comment on table spaces is 'Embedding models: one text space and one image space are active.';
comment on table spellings is
    'Words of products, aliases and the thesaurus: what misspelt words of a query are corrected to.';
comment on table thesaurus is
    'Terms that stand for another one, like couch for sofa; with a language, only where all sources are in it. '
    'A shop may insert its own.';
comment on table variants is
    'The forms of products that are sold, such as sizes and colors, each with its own SKU.';
comment on table wakes is 'The shop''s tables whose changes concern products of a source.';
comment on table word_pieces is 'The vectors of word pieces, from which embed_text makes those of texts.';
comment on table workers is 'Processes that lease jobs, and their last heartbeat.';
