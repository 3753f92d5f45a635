-- How a value of text becomes a value of the contract's kind, or null where it cannot. $value stands for the column.

-- name: text
CAST($value AS VARCHAR)

-- name: integer
-- 12.0 is how spreadsheets and pandas write a whole number; 12.5 is none.
CASE WHEN regexp_matches($value, '^[+-]?[0-9]+(\.0*)?$') THEN try_cast(split_part($value, '.', 1) AS BIGINT) END

-- name: number
CASE WHEN isfinite(try_cast($value AS DOUBLE)) THEN try_cast($value AS DOUBLE) END

-- name: boolean
CASE
    WHEN lower($value) IN ('true', 't', 'yes', 'y', '1') THEN true
    WHEN lower($value) IN ('false', 'f', 'no', 'n', '0') THEN false
END

-- name: timestamp
-- DuckDB reads "infinity" and years of five digits; no shop means them.
CASE WHEN regexp_matches($value, '^[0-9]{4}-[0-9]{2}-[0-9]{2}([T ].*)?$') THEN try_cast($value AS TIMESTAMPTZ) END
