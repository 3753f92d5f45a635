-- What the shop's staff edits. The tables are made from the capabilities' specs (ml/adapters/books/config.py).

CREATE SCHEMA ml_config;
COMMENT ON SCHEMA ml_config IS 'What the shop''s staff tells Nightshift: rules, words, costs. Edit the rows; every night reads them.';

CREATE TABLE ml_ops.config_default (
    table_name text NOT NULL,
    row_key    text NOT NULL,
    at         timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (table_name, row_key)
);
COMMENT ON TABLE ml_ops.config_default IS 'Default rows that were put into a table of ml_config once: what staff deletes of them stays deleted.';
COMMENT ON COLUMN ml_ops.config_default.table_name IS 'Table of ml_config.';
COMMENT ON COLUMN ml_ops.config_default.row_key IS 'Key of the row, as JSON.';
COMMENT ON COLUMN ml_ops.config_default.at IS 'When it was put in.';
