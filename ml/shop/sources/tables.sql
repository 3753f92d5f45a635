-- How a value of text becomes a value of the contract's kind, or null where it cannot. $value stands for the column.

-- name: text
CAST($value AS VARCHAR)

-- name: integer
-- 12.0 is how spreadsheets and pandas write a whole number; 12.5 is none.
CASE WHEN regexp_matches($value, '^[+-]?[0-9]+(\.0*)?$') THEN try_cast(split_part($value, '.', 1) AS BIGINT) END

-- name: number
-- DuckDB alone would take +-1 for -1 and underscores between digits.
CASE
    WHEN regexp_full_match($value, '[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?')
        AND isfinite(try_cast($value AS DOUBLE)) THEN try_cast($value AS DOUBLE)
END

-- name: boolean
-- $true and $false stand for the words of the contract's vocabulary.
CASE
    WHEN lower($value) IN ($true) THEN true
    WHEN lower($value) IN ($false) THEN false
END

-- name: instant
-- A time of a Parquet file.
CASE WHEN year(try_cast($value AS TIMESTAMPTZ)) BETWEEN 2 AND 9998 THEN try_cast($value AS TIMESTAMPTZ) END

-- name: timestamp
-- Only what an instant can be told from: DuckDB would take the name of a zone (BST: Bangladesh), an hour of 24, an offset
-- of 99 hours and years that do not fit once they are in UTC. A blank before the offset is written by Shopify and Postgres.
CASE
    WHEN regexp_full_match(
        $value,
        '[0-9]{4}-[0-9]{2}-[0-9]{2}([T ]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]+)?)? ?(Z|z|UTC|GMT|[+-](0[0-9]|1[0-3])(:?[0-5][0-9])?|[+-]14(:?00)?)?)?'
    ) AND left($value, 4) BETWEEN '0002' AND '9998'
    THEN try_cast(
        replace(replace(regexp_replace($value, ' ?(Z|z|UTC|GMT)$', '+00'), ' +', '+'), ' -', '-') AS TIMESTAMPTZ
    )
END
