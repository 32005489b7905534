-- Functions whose rows have got another column since an older version: create or replace cannot do that.

drop function if exists vitrina.claim_jobs(text, int, interval, text[], boolean, bigint[]);
drop function if exists vitrina.products_to_batch(text,boolean,text[],bigint,integer);
drop function if exists vitrina.claim_products(text,bigint[],bigint[],interval);
