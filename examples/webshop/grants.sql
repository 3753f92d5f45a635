-- A login for Nightshift that can read schema shop and nothing else. Run it after views.sql, on the primary.
-- Give it a password: psql asks for it with \password nightshift_reader

CREATE ROLE nightshift_reader LOGIN CONNECTION LIMIT 4;
ALTER ROLE nightshift_reader SET default_transaction_read_only = on;
GRANT USAGE ON SCHEMA shop TO nightshift_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA shop TO nightshift_reader;
