-- The invariants of vitrina, to be checked by whoever runs it.

-- ---------------------------------------------------------------------------------------------
-- check() → what must always be true, one row each: `check`, its name; looked, at how many rows; wrong, how
-- many break it: of a sound database 0 in each row; waiting, how many a worker has yet to bring up to date;
-- an example of those that are wrong, or else wait; do, how to mend them. Of products, texts, vectors, words,
-- keywords, answers, spend, jobs, references and the schema: what is derived is derived again and compared.
-- Only reads, at one moment: writers go on, on a standby too. It takes up to 1 ms a product, most of it
-- for full text, and less than a second for the vocabulary. For the owner and for writers.
-- ---------------------------------------------------------------------------------------------
create or replace function "check"()
returns table ("check" text, looked bigint, wrong bigint, waiting bigint, example text, "do" text)
language sql stable security invoker
set search_path from current
as $func$
    select c.name, c.looked, c.wrong, c.waiting, c.example, c.remedy from checked_sources() as c
    union all
    select c.name, c.looked, c.wrong, c.waiting, c.example, c.remedy from checked_products() as c
    union all
    select c.name, c.looked, c.wrong, c.waiting, c.example, c.remedy from checked_texts() as c
    union all
    select c.name, c.looked, c.wrong, c.waiting, c.example, c.remedy from checked_words() as c
    union all
    select c.name, c.looked, c.wrong, c.waiting, c.example, c.remedy from checked_keywords() as c
    union all
    select c.name, c.looked, c.wrong, c.waiting, c.example, c.remedy from checked_vectors() as c
    union all
    select c.name, c.looked, c.wrong, c.waiting, c.example, c.remedy from checked_keyword_vectors() as c
    union all
    select c.name, c.looked, c.wrong, c.waiting, c.example, c.remedy from checked_work() as c
    union all
    select c.name, c.looked, c.wrong, c.waiting, c.example, c.remedy from checked_answers() as c
    union all
    select c.name, c.looked, c.wrong, c.waiting, c.example, c.remedy from checked_references() as c
    union all
    select c.name, c.looked, c.wrong, c.waiting, c.example, c.remedy from checked_numbers() as c
    union all
    select c.name, c.looked, c.wrong, c.waiting, c.example, c.remedy from checked_schema() as c;
$func$;
