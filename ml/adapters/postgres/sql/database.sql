-- What a server of the shop's is and what this login may there.
SELECT
    r.rolname::text AS login,
    r.rolsuper AS superuser,
    r.rolsuper OR r.rolcreatedb AS may_create_databases,
    r.rolsuper OR r.rolcreaterole AS may_create_roles,
    pg_is_in_recovery() AS standby,
    (SELECT reset_val = 'on' FROM pg_settings WHERE name = 'default_transaction_read_only') AS readonly,
    pg_encoding_to_char(d.encoding)::text AS encoding,
    pg_backend_pid() AS backend,
    current_setting('statement_timeout') AS statement_timeout,
    least(
        current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int,
        nullif(r.rolconnlimit, -1), nullif(d.datconnlimit, -1)
    ) AS connections,
    (
        SELECT coalesce(json_agg(json_build_object(
            'name', o.datname, 'may_connect', has_database_privilege(o.oid, 'CONNECT')
        )), '[]') FROM pg_database AS o WHERE o.datname = ANY (%(databases)s)
    ) AS databases,
    (SELECT coalesce(json_agg(o.rolname), '[]') FROM pg_roles AS o WHERE o.rolname = ANY (%(roles)s)) AS roles,
    coalesce((SELECT pg_has_role(o.oid, 'MEMBER') FROM pg_roles AS o WHERE o.rolname = 'nightshift_viewer'), false) AS may_view,
    coalesce((SELECT pg_has_role(o.oid, 'MEMBER') FROM pg_roles AS o WHERE o.rolname = 'nightshift_console'), false) AS may_act,
    coalesce((SELECT bool_and(pg_has_role(o.oid, 'MEMBER')) FROM pg_roles AS o
        WHERE o.rolname IN ('nightshift_extract', 'nightshift_publish')), false) AS may_step
FROM pg_roles AS r, pg_database AS d
WHERE r.rolname = current_user AND d.datname = current_database()
