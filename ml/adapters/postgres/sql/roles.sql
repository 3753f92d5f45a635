-- Four roles without a login: give your own logins one of them (GRANT shop_reader TO webshop).
-- Run on every migration by a login that may create roles; roles belong to the whole server, so another database's
-- migration may be creating them at this moment.
DO $$
DECLARE
    wanted text;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['nightshift_extract', 'nightshift_publish', 'nightshift_staff', 'shop_reader'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
            EXCEPTION WHEN duplicate_object OR unique_violation THEN
                NULL;
            END;
        END IF;
    END LOOP;
END
$$;

GRANT USAGE ON SCHEMA ml TO shop_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA ml TO shop_reader;

GRANT USAGE, CREATE ON SCHEMA ml, ml_batch TO nightshift_publish;
GRANT USAGE ON SCHEMA ml_ops TO nightshift_publish;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ml_ops TO nightshift_publish;
REVOKE INSERT, UPDATE, DELETE ON ml_ops.migration FROM nightshift_publish;

-- The tables of ml_config are granted as they are made (ml/adapters/books/config.py).
GRANT USAGE ON SCHEMA ml_config TO nightshift_staff, nightshift_publish, shop_reader;
