-- Two roles read schema shop: what is there, and what this login creates there later. The viewer reads what the demo
-- planted, too.
DO $$
DECLARE
    reader text;
    place text;
BEGIN
    FOR reader, place IN
        SELECT r.rolname, n.nspname FROM pg_roles AS r, pg_namespace AS n
        WHERE (n.nspname = 'shop' AND r.rolname IN ('nightshift_extract', 'nightshift_viewer'))
           OR (n.nspname = 'demo_truth' AND r.rolname = 'nightshift_viewer')
    LOOP
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', place, reader);
        EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA %I TO %I', place, reader);
        EXECUTE format('ALTER DEFAULT PRIVILEGES IN SCHEMA %I GRANT SELECT ON TABLES TO %I', place, reader);
    END LOOP;
END
$$;
