-- Shopify's orders export -> the contract. Table parsed holds its lines in their order (n) with times and numbers read.

-- name: twice
SELECT "Name", string_agg(DISTINCT file, ' and ' ORDER BY file) FROM raw GROUP BY "Name" HAVING count(DISTINCT file) > 1 ORDER BY 1;

-- name: line
-- An order's fields stand on its first line. A product without a SKU is known by its name; a buyer by the hash of the e-mail.
CREATE TABLE line AS
SELECT
    *,
    "Name" AS order_id,
    row_number() OVER orders AS line_no,
    first_value("Created at") OVER orders AS ordered_at,
    nullif(lower(trim("Email")), '') AS mail,
    sha256(nullif(lower(trim("Email")), '')) AS customer_id,
    coalesce(nullif(trim("Lineitem sku"), ''), 'name:' || trim("Lineitem name")) AS product_id
FROM parsed
WINDOW orders AS (PARTITION BY "Name" ORDER BY n ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW);

-- name: customer
SELECT
    customer_id,
    min(ordered_at) AS registered_at,
    arg_max("Billing Country", n) AS country,
    any_value(mail) AS email,
    arg_max(lower("Accepts Marketing") = 'yes', n) AS accepts_marketing
FROM line
WHERE customer_id IS NOT NULL
GROUP BY customer_id
ORDER BY min(n);

-- name: product
-- Title and price are those of the latest line. Gift cards and tips are no products to recommend.
SELECT
    product_id,
    arg_max("Lineitem name", n) AS title,
    arg_max("Vendor", n) AS brand,
    arg_max("Lineitem price", n) AS price,
    NOT bool_or(regexp_matches(lower("Lineitem name"), '^(e-?gift|gift card|tip\b)')) AS active,
    min(ordered_at) AS listed_at
FROM line
WHERE product_id IS NOT NULL
GROUP BY product_id
ORDER BY min(n);

-- name: order
-- A word of Shopify's that is not listed here comes as it is: ./nightshift shop check names it.
SELECT
    order_id,
    customer_id,
    ordered_at,
    CASE
        WHEN "Cancelled at" IS NOT NULL OR "Financial Status" IN ('voided', 'expired') THEN 'cancelled'
        WHEN "Financial Status" = 'refunded' THEN 'returned'
        WHEN "Fulfillment Status" IN ('fulfilled', 'partial') THEN 'shipped'
        WHEN "Financial Status" IN ('paid', 'partially_paid', 'partially_refunded') THEN 'paid'
        WHEN "Financial Status" = 'authorized' THEN 'placed'
        ELSE "Financial Status"
    END AS status,
    "Total" AS total,
    "Shipping" AS shipping,
    "Currency" AS currency,
    "Source" AS channel,
    "Shipping Country" AS shipping_country,
    "Billing Country" AS billing_country,
    nullif(concat_ws(', ', "Shipping Street", ltrim("Shipping Zip", ''''), "Shipping City", "Shipping Country"), '') AS shipping_address,
    mail AS email
FROM line
WHERE line_no = 1
ORDER BY n;

-- name: order_item
-- "Lineitem discount" is that of the whole line.
SELECT
    order_id,
    line_no,
    product_id,
    "Lineitem quantity" AS quantity,
    "Lineitem price" - coalesce("Lineitem discount", 0) / nullif("Lineitem quantity", 0) AS unit_price
FROM line
ORDER BY n;

-- name: order_outcome
SELECT order_id, 'cancelled' AS kind, "Cancelled at" AS known_at FROM line WHERE line_no = 1 AND "Cancelled at" IS NOT NULL ORDER BY n;
