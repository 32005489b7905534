-- In these files `@vector@` stands for the schema of the extension `vector`: the installer puts the
-- schema's name there. It is in no search_path, as others may create functions and operators in it.

-- ---------------------------------------------------------------------------------------------
-- vector_schema() → the schema, quoted, that the functions here were installed for.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.vector_schema() returns text
language sql immutable parallel safe security invoker
return '@vector@';
