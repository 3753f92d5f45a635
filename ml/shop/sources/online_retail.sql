-- UCI Online Retail -> the contract. `raw` holds the file's columns as text, in the file's order (rowid).

-- name: dates read
SELECT count(try_strptime(moment, $date_format)), count(*)
FROM (SELECT DISTINCT trim(invoice_date) AS moment FROM raw WHERE invoice_date <> '');

-- name: steps back
-- How often a line is dated before the line above: 3/12 read as March stands amid December's lines.
SELECT count(*) FILTER (moment < above)
FROM (
    SELECT moment, lag(moment) OVER (ORDER BY row_no) AS above
    FROM (SELECT rowid AS row_no, try_strptime(trim(invoice_date), $date_format) AS moment FROM raw)
);

-- name: lines
CREATE TABLE lines AS
SELECT
    rowid AS row_no,
    regexp_replace(trim(invoice), '\.0$', '') AS order_id,
    invoice ILIKE 'C%' AS cancelled,
    -- Published codes differ by letter case only by mistake: 85123A and 85123a have the same description.
    upper(regexp_replace(trim(stock_code), '\.0$', '')) AS product_id,
    nullif(trim(description), '') AS description,
    try_cast(regexp_replace(quantity, '\.0+$', '') AS BIGINT) AS quantity,
    timezone('Europe/London', try_strptime(trim(invoice_date), $date_format)) AS ordered_at,
    try_cast(
        CASE WHEN contains(unit_price, '.') THEN replace(unit_price, ',', '') ELSE replace(unit_price, ',', '.') END
        AS DOUBLE
    ) AS unit_price,
    nullif(regexp_replace(trim(customer), '\.0+$', ''), '') AS customer_id,
    nullif(trim(country), '') AS country
FROM raw;

-- name: customer
-- A customer becomes known with the first invoice; the country is that of the latest.
SELECT customer_id, min(ordered_at) AS registered_at, arg_max(country, row_no) AS country
FROM lines
WHERE customer_id IS NOT NULL
GROUP BY customer_id
ORDER BY customer_id;

-- name: product
-- The title is the description most often sold under (ties: the latest). Lines at no price carry the staff's notes
-- ("damaged", "?", "ebay"), so they name a product only if nothing else does and they are written like a title.
WITH named AS (
    SELECT product_id, description
    FROM lines
    WHERE description IS NOT NULL
      AND (unit_price > 0 OR regexp_matches(description, '[A-Z]{3}') AND description = upper(description))
    GROUP BY product_id, description
    QUALIFY row_number() OVER (
        PARTITION BY product_id
        ORDER BY count(*) FILTER (unit_price > 0) DESC, count(*) DESC, max(row_no) DESC
    ) = 1
),

sold AS (
    SELECT product_id, min(ordered_at) AS listed_at, round(median(unit_price) FILTER (unit_price > 0), 3) AS price
    FROM lines
    WHERE product_id IS NOT NULL
    GROUP BY product_id
),

-- The numbers are a gift voucher, next-day carriage, a packing charge and a picture file.
service AS (
    SELECT
        product_id,
        product_id IN ('POST', 'DOT', 'C2', 'D', 'M', 'S', 'B', 'BANK CHARGES', 'AMAZONFEE', 'CRUK', '22016', '23444', '23574', '23702')
        OR regexp_matches(product_id, '^(GIFT_|ADJUST|TEST)') AS is_service
    FROM sold
)

SELECT
    product_id,
    description AS title,
    CASE WHEN is_service THEN 'service' END AS category,
    price,
    CASE WHEN is_service THEN false END AS active,
    listed_at
FROM sold
JOIN service USING (product_id)
LEFT JOIN named USING (product_id)
ORDER BY product_id;

-- name: order
-- 43 invoices carry two minutes; the first is when the order was placed.
SELECT
    order_id,
    any_value(customer_id) AS customer_id,
    min(ordered_at) AS ordered_at,
    CASE WHEN bool_or(cancelled) THEN 'cancelled' ELSE 'placed' END AS status,
    round(sum(CASE WHEN cancelled THEN -quantity ELSE quantity END * unit_price), 3) AS total,
    round(sum(CASE WHEN cancelled THEN -quantity ELSE quantity END * unit_price)
        FILTER (product_id IN ('POST', 'DOT', 'C2')), 3) AS shipping,
    any_value(country) AS billing_country
FROM lines
GROUP BY order_id
ORDER BY min(row_no);

-- name: order_item
-- A cancellation repeats the cancelled pieces as a negative number: here it is a cancelled order of that many.
SELECT
    order_id,
    row_number() OVER (PARTITION BY order_id ORDER BY row_no) AS line_no,
    product_id,
    CASE WHEN cancelled THEN -quantity ELSE quantity END AS quantity,
    unit_price
FROM lines
ORDER BY row_no;
