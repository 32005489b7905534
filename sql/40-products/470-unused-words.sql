-- Words that no product has any more.

-- ---------------------------------------------------------------------------------------------
-- collect_words(k) → how many words it deleted from catalogue_words and spellings: of k words of each,
-- taken by chance, those that no product has any more; spellings keeps the words of the vocabulary.
-- Workers call it now and then, in one run of ten, so that in time each word is looked at.
-- ---------------------------------------------------------------------------------------------
create or replace function collect_words(k int default 1000) returns int
language plpgsql volatile security invoker
set search_path from current
as $func$
declare
    _asked text[] collate "C";
    _words int;
    _spellings int;
begin
    perform check_k(k, 0, 2147483647);
    delete from catalogue_words as c
    using (select w.ctid as place, coalesce(w.lexeme, w.word) as lexeme
           from catalogue_words as w order by random() limit k) as w
    where c.ctid = w.place
        and not exists (select from product_text as t where t.tsv @@ quoted_lexeme(w.lexeme)::tsquery);
    get diagnostics _words = row_count;
    _asked := array(
        select w.word from (select s.word from spellings as s order by random() limit k) as w
        except
        select lower(u.word)
        from (select t.term from thesaurus as t union all select a.alias from keyword_aliases as a) as v (term)
        cross join string_to_table(v.term, ' ') as u (word)
        except
        select f.word from jsonb_object_keys(word_forms()) as f (word));
    delete from spellings as s
    where s.word = any (_asked) and not exists (
        select
        from (select distinct o.text_config as config from sources as o) as g
        cross join lateral word_lexemes(g.config::regconfig, s.word) as l (lexemes)
        -- a stop word is in no full text
        where l.lexemes = '{}' or exists (
            select
            from unnest(l.lexemes) as u (lexeme)
            join product_text as t on t.tsv @@ quoted_lexeme(u.lexeme)::tsquery));
    get diagnostics _spellings = row_count;
    return _words + _spellings;
end
$func$;
