-- How the values of exports are read beside those of tables.sql.

-- name: money
-- 1234.5, 1,234.50 and 1.234,50 €. One separator followed by three digits alone could be either and is no amount.
CASE
    WHEN regexp_full_match(regexp_replace($value, '[^0-9.,+-]', '', 'g'), '[+-]?[0-9]+(\.[0-9]+)?') AND NOT regexp_matches($value, '[eE][+-]?[0-9]')
    THEN try_cast(regexp_replace($value, '[^0-9.+-]', '', 'g') AS DOUBLE)
    WHEN regexp_full_match(regexp_replace($value, '[^0-9.,+-]', '', 'g'), '[+-]?[0-9]{1,3}(,[0-9]{3})*\.[0-9]+')
    THEN try_cast(regexp_replace($value, '[^0-9.+-]', '', 'g') AS DOUBLE)
    WHEN regexp_full_match(regexp_replace($value, '[^0-9.,+-]', '', 'g'), '[+-]?([0-9]+|[0-9]{1,3}(\.[0-9]{3})+),([0-9]{1,2}|[0-9]{4,})')
    THEN try_cast(replace(regexp_replace($value, '[^0-9,+-]', '', 'g'), ',', '.') AS DOUBLE)
END

-- name: yes
CASE
    WHEN lower($value) IN ('1', 'true', 'yes', 'y', 't', 'on', 'enabled', 'active', 'subscribed', 'publish', 'published', 'ja', 'oui', 'si', 'sí', 'sim') THEN true
    WHEN lower($value) IN ('0', '-1', 'false', 'no', 'n', 'f', 'off', 'disabled', 'draft', 'inactive', 'unsubscribed', 'private', 'pending', 'nein', 'non', 'não') THEN false
END
