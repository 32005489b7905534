-- Addresses as they may be shown to people.

-- ---------------------------------------------------------------------------------------------
-- shown_address(address) → an address as it may be shown: without user name and password, and with
-- *** for the value of what signs it (Signature, sig, token, credential, Expires …). What is stored
-- stays whole, since a worker fetches the picture by it. A path stays as it is.
-- ---------------------------------------------------------------------------------------------
create or replace function shown_address(address text) returns text
language sql immutable parallel safe
return case
    when address !~ '[@?;#]' then address
    else regexp_replace(
        regexp_replace(address, '^(\s*(?:[a-z][a-z0-9+.-]*:)?[\\/]{2,})[^/?#\\]*@', '\1', 'i'),
        '([?&;#](?:[a-z0-9_.-]*(?:signature|token|credential|credentials|accesskeyid|expires|'
        'expiry|password|passwd|secret|api[_-]?key)|sig|key|se|policy|key-pair-id|hmac|hdnts|jwt|auth)=)'
        '[^&#;[:space:]]+', '\1***', 'gi')
end;
