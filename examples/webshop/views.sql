-- Maps the tables of webshop.sql to the contract (docs/contract.md). Run it as the owner of your tables, on the primary.
-- Views run with their owner's rights: Nightshift's login needs rights on schema shop alone (grants.sql).
-- It may be run again after a change; a column that goes or changes its type needs a DROP VIEW first.

BEGIN;

CREATE SCHEMA IF NOT EXISTS shop;

-- Ids may stay bigint; Nightshift returns them as text. Local times get their zone here, once: AT TIME ZONE makes
-- 01:30 in Paris the right instant on either side of a clock change.
CREATE OR REPLACE VIEW shop.customer AS
SELECT
    id                                           AS customer_id,
    created AT TIME ZONE 'Europe/Paris'          AS registered_at,
    country,
    CASE is_trade WHEN 1 THEN 'trade' ELSE 'private' END AS segment,
    email,
    newsletter = 1                               AS accepts_marketing
FROM webshop.account;

-- What may not be recommended is not active: gift cards, articles taken offline.
CREATE OR REPLACE VIEW shop.product AS
SELECT
    a.id                                         AS product_id,
    a.name                                       AS title,
    a.description,
    c.name                                       AS category,
    a.maker                                      AS brand,
    a.cents / 100.0                              AS price,
    a.online = 1                                 AS active,
    a.created AT TIME ZONE 'Europe/Paris'        AS listed_at
FROM webshop.article AS a
LEFT JOIN webshop.category AS c ON c.id = a.category_id;

-- Two ways to write "guest" become one: null. A sale of the tills was not known before it was imported: without
-- known_at, a night of the past would be trained on sales that it could not have seen.
CREATE OR REPLACE VIEW shop."order" AS
SELECT
    id                                           AS order_id,
    nullif(account_id, 0)                        AS customer_id,
    placed AT TIME ZONE 'Europe/Paris'           AS ordered_at,
    CASE state
        WHEN 0 THEN 'placed'
        WHEN 10 THEN 'paid'
        WHEN 20 THEN 'shipped'
        WHEN 30 THEN 'delivered'
        WHEN 80 THEN 'cancelled'
        WHEN 90 THEN 'returned'
    END                                          AS status,
    total_cents / 100.0                          AS total,
    shipping_cents / 100.0                       AS shipping,
    CASE source WHEN 'till' THEN 'store' ELSE 'web' END AS channel,
    ship_country                                 AS shipping_country,
    host(ip)                                     AS ip,
    imported AT TIME ZONE 'Europe/Paris'         AS known_at
FROM webshop.purchase;

-- The key is (order_id, line_no): number the lines of each order.
CREATE OR REPLACE VIEW shop.order_item AS
SELECT
    purchase_id                                  AS order_id,
    row_number() OVER (PARTITION BY purchase_id ORDER BY id) AS line_no,
    article_id                                   AS product_id,
    pieces                                       AS quantity,
    cents / 100.0                                AS unit_price
FROM webshop.purchase_line;

-- Optional from here on. Only what the contract knows: view, cart, wish, search.
CREATE OR REPLACE VIEW shop.event AS
SELECT
    id                                           AS event_id,
    account_id                                   AS customer_id,
    visit                                        AS session_id,
    article_id                                   AS product_id,
    CASE action WHEN 'detail' THEN 'view' ELSE 'cart' END AS kind,
    at AT TIME ZONE 'Europe/Paris'               AS occurred_at
FROM webshop.hit
WHERE action IN ('detail', 'basket');

-- One to ten points are one to five stars: 1-2 is 1, 9-10 is 5.
CREATE OR REPLACE VIEW shop.review AS
SELECT
    id                                           AS review_id,
    article_id                                   AS product_id,
    account_id                                   AS customer_id,
    (points + 1) / 2                             AS stars,
    body                                         AS text,
    at AT TIME ZONE 'Europe/Paris'               AS written_at
FROM webshop.rating;

-- A label and when it became known. The key is (order_id, kind): the first time counts.
CREATE OR REPLACE VIEW shop.order_outcome AS
SELECT
    purchase_id                                  AS order_id,
    CASE state WHEN 30 THEN 'ok' WHEN 80 THEN 'cancelled' ELSE 'returned' END AS kind,
    min(changed) AT TIME ZONE 'Europe/Paris'     AS known_at
FROM webshop.state_change
WHERE state IN (30, 80, 90)
GROUP BY purchase_id, state;

CREATE OR REPLACE VIEW shop.erasure AS
SELECT
    id                                           AS customer_id,
    forget_me AT TIME ZONE 'Europe/Paris'        AS requested_at
FROM webshop.account
WHERE forget_me IS NOT NULL;

COMMIT;
