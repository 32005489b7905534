-- Addresses that may be shown to people.

-- ---------------------------------------------------------------------------------------------
-- shown_address(address) → an address that may be shown: without user name and password, and with
-- *** for the value of a signature (Signature, sig, token, credential, Expires …). The stored
-- address stays whole, since a worker fetches the picture by it. Paths are unchanged.
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
