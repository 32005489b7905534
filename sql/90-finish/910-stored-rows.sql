-- After an upgrade that gives terms another normal form, what is stored follows.
select _refresh_forms();
