-- A login for Nightshift that can read schema shop and nothing else. Run it after views.sql, on the primary, as the owner
-- of the views; it may be run again. Give the login a password: psql asks for it with \password nightshift_reader

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'nightshift_reader') THEN
        CREATE ROLE nightshift_reader LOGIN CONNECTION LIMIT 4;
    END IF;
END
$$;
ALTER ROLE nightshift_reader SET default_transaction_read_only = on;
GRANT USAGE ON SCHEMA shop TO nightshift_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA shop TO nightshift_reader;
-- Views that are dropped and made again, and new ones, stay readable; run by each login that makes views there.
ALTER DEFAULT PRIVILEGES IN SCHEMA shop GRANT SELECT ON TABLES TO nightshift_reader;
