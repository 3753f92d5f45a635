-- The extract role reads schema shop: what is there, and what this login creates there later.
GRANT USAGE ON SCHEMA shop TO nightshift_extract;
GRANT SELECT ON ALL TABLES IN SCHEMA shop TO nightshift_extract;
ALTER DEFAULT PRIVILEGES IN SCHEMA shop GRANT SELECT ON TABLES TO nightshift_extract;
