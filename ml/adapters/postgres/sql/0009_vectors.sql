-- Vectors are published as halfvec of pgvector. A login that may not create the extension goes on without: a table with
-- vectors then says at its publication what an administrator has to run.

DO $$
BEGIN
    CREATE EXTENSION IF NOT EXISTS vector WITH SCHEMA public;
EXCEPTION WHEN OTHERS THEN
    RAISE NOTICE 'pgvector was not created: %', SQLERRM;
END $$;
