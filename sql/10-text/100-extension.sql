-- In these files `@vector@` stands for the schema of the extension `vector`; the installer fills in
-- its name. It is in no search_path, as others may create functions and operators in it.

-- ---------------------------------------------------------------------------------------------
-- vector_schema() → the schema of the extension, quoted, that these functions were installed for.
-- ---------------------------------------------------------------------------------------------
create or replace function vitrina_internal.vector_schema() returns text
language sql immutable parallel safe security invoker
return '@vector@';
