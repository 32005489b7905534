-- The trigger by which products that leave an attached source leave what people decided of them.

do $trigger$
begin
    -- where it is, it stays: making it anew waits for whoever writes a product, and searches wait behind that
    if not exists (select from pg_trigger as t
                   where t.tgrelid = 'vitrina.products'::regclass and t.tgname = 'keep_decisions') then
        create trigger keep_decisions before delete on vitrina.products
            for each row execute function keep_decisions();
    end if;
end
$trigger$;
