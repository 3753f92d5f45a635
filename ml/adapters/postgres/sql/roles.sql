-- Six roles without a login: give your own logins one of them (GRANT shop_reader TO webshop).
-- Run on a migration by a login that may create roles, or once an administrator has created them; roles belong to the
-- whole server, so another database's migration may be creating them at this moment.
DO $$
DECLARE
    wanted text;
BEGIN
    FOREACH wanted IN ARRAY ARRAY[
        'nightshift_console', 'nightshift_extract', 'nightshift_publish', 'nightshift_staff', 'nightshift_viewer', 'shop_reader'
    ] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
            EXCEPTION WHEN duplicate_object OR unique_violation OR insufficient_privilege THEN
                NULL;
            END;
        END IF;
    END LOOP;

    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'shop_reader') THEN
        GRANT USAGE ON SCHEMA ml, ml_config TO shop_reader;
        GRANT SELECT ON ALL TABLES IN SCHEMA ml TO shop_reader;
        GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA ml TO shop_reader;
    END IF;

    -- It reads the shop (shop_grants.sql), and what was posted for tables that the shop does not have.
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'nightshift_extract') THEN
        GRANT USAGE ON SCHEMA ml_ops TO nightshift_extract;
        GRANT SELECT ON ml_ops.posted_event, ml_ops.posted_search TO nightshift_extract;
    END IF;

    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'nightshift_publish') THEN
        GRANT USAGE, CREATE ON SCHEMA ml, ml_batch TO nightshift_publish;
        GRANT USAGE ON SCHEMA ml_ops, ml_config TO nightshift_publish;
        GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ml_ops TO nightshift_publish;
        ALTER DEFAULT PRIVILEGES IN SCHEMA ml_ops GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO nightshift_publish;
        REVOKE INSERT, UPDATE, DELETE ON ml_ops.migration FROM nightshift_publish;
        REVOKE UPDATE, DELETE ON ml_ops.audit FROM nightshift_publish;
    END IF;

    -- The pages in Airflow: they read what is ours, change the tables of ml_config, and write down who did.
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'nightshift_console') THEN
        GRANT USAGE ON SCHEMA ml, ml_ops, ml_config TO nightshift_console;
        GRANT SELECT ON ALL TABLES IN SCHEMA ml, ml_ops, ml_config TO nightshift_console;
        GRANT INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ml_config TO nightshift_console;
        GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA ml TO nightshift_console;
        GRANT INSERT ON ml_ops.audit TO nightshift_console;
        ALTER DEFAULT PRIVILEGES IN SCHEMA ml_ops GRANT SELECT ON TABLES TO nightshift_console;
        -- Who made the role may grant it, but from PostgreSQL 16 on not act as it without this.
        BEGIN
            EXECUTE format('GRANT nightshift_console TO %I', current_user);
        EXCEPTION WHEN insufficient_privilege OR invalid_grant_operation THEN
            NULL;
        END;
    END IF;

    -- The tables of ml_config are granted as they are made (ml/adapters/books/config.py).
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'nightshift_staff') THEN
        GRANT USAGE ON SCHEMA ml_config TO nightshift_staff;
    END IF;

    -- What ./nightshift sql may: look at everything that is ours, change nothing.
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'nightshift_viewer') THEN
        GRANT USAGE ON SCHEMA ml, ml_ops, ml_config TO nightshift_viewer;
        GRANT SELECT ON ALL TABLES IN SCHEMA ml, ml_ops, ml_config TO nightshift_viewer;
        GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA ml TO nightshift_viewer;
        ALTER DEFAULT PRIVILEGES IN SCHEMA ml_ops GRANT SELECT ON TABLES TO nightshift_viewer;
    END IF;
END
$$;
