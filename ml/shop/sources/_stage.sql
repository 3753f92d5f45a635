-- What every platform's files become before they become the contract: orders, lines, products, customers as the platform has them.

-- name: tables
CREATE TABLE staged_order (
    n BIGINT, order_id VARCHAR, customer_ref VARCHAR, mail VARCHAR, phone VARCHAR, ordered_at TIMESTAMPTZ, status VARCHAR,
    total DOUBLE, shipping DOUBLE, goods DOUBLE, before DOUBLE[], currency VARCHAR, exchange_rate DOUBLE, channel VARCHAR,
    shipping_country VARCHAR, billing_country VARCHAR, shipping_address VARCHAR, ip VARCHAR, device_id VARCHAR,
    accepts_marketing BOOLEAN, file VARCHAR
);
CREATE TABLE staged_line (
    n BIGINT, order_id VARCHAR, product_ref VARCHAR, sku VARCHAR, title VARCHAR, brand VARCHAR, category VARCHAR,
    quantity DOUBLE, unit_price DOUBLE, service BOOLEAN, file VARCHAR
);
CREATE TABLE staged_product (
    n BIGINT, product_id VARCHAR, title VARCHAR, description VARCHAR, category VARCHAR, brand VARCHAR, price DOUBLE,
    active BOOLEAN, service BOOLEAN, listed_at TIMESTAMPTZ
);
CREATE TABLE staged_alias (alias VARCHAR, product_id VARCHAR);
CREATE TABLE staged_customer (
    n BIGINT, customer_ref VARCHAR, mail VARCHAR, phone VARCHAR, registered_at TIMESTAMPTZ, country VARCHAR, segment VARCHAR,
    birth_date VARCHAR, accepts_marketing BOOLEAN, guest BOOLEAN
);
CREATE TABLE staged_stock (product_id VARCHAR, quantity DOUBLE);
CREATE TABLE staged_outcome (order_id VARCHAR, kind VARCHAR, known_at TIMESTAMPTZ);
CREATE TABLE staged_payment (payment_id VARCHAR, order_id VARCHAR, method VARCHAR, amount DOUBLE, paid_at TIMESTAMPTZ);
CREATE TABLE staged_coupon (coupon_id VARCHAR, order_id VARCHAR, code VARCHAR, discount DOUBLE);
CREATE TABLE staged_image (product_id VARCHAR, image_no BIGINT, uri VARCHAR);
CREATE TABLE staged_review (
    review_id VARCHAR, product_ref VARCHAR, mail VARCHAR, stars BIGINT, title VARCHAR, text VARCHAR, written_at TIMESTAMPTZ
);

-- name: tidy
-- An address is one however it is written; a telephone number is its digits.
UPDATE staged_order SET mail = nullif(lower(trim(mail)), ''), phone = nullif(regexp_replace(phone, '[^0-9]', '', 'g'), '');
UPDATE staged_customer SET mail = nullif(lower(trim(mail)), ''), phone = nullif(regexp_replace(phone, '[^0-9]', '', 'g'), '');
UPDATE staged_review SET mail = nullif(lower(trim(mail)), '');

-- name: person
-- One person, one customer: all accounts and guest orders of one e-mail address. The account's id stays, the oldest of several;
-- a guest's is the hash of the address, or of the telephone number where there is no other. An order that names an account is the account's.
CREATE TABLE account AS
SELECT customer_ref, first(mail ORDER BY rank, n DESC) FILTER (WHERE mail IS NOT NULL) AS mail, coalesce(bool_and(guest), false) AS guest, min(registered_at) AS since
FROM (
    SELECT customer_ref, mail, 0 AS rank, n, guest, registered_at FROM staged_customer WHERE customer_ref IS NOT NULL
    UNION ALL SELECT customer_ref, mail, 1, n, NULL, ordered_at FROM staged_order WHERE customer_ref IS NOT NULL
)
GROUP BY customer_ref;
CREATE TABLE by_ref AS
SELECT customer_ref, coalesce(first_value(customer_ref) OVER (PARTITION BY coalesce('@' || mail, customer_ref) ORDER BY guest, since, customer_ref), customer_ref) AS customer_id, mail
FROM account;
CREATE TABLE by_mail AS
SELECT mail, coalesce(min(customer_id), sha256(mail)) AS customer_id
FROM (
    SELECT mail, customer_id FROM by_ref WHERE mail IS NOT NULL
    UNION ALL SELECT mail, NULL FROM staged_order WHERE mail IS NOT NULL
    UNION ALL SELECT mail, NULL FROM staged_customer WHERE mail IS NOT NULL
)
GROUP BY mail;
CREATE TABLE by_phone AS
SELECT phone, min(customer_id) AS customer_id
FROM (
    SELECT c.phone, coalesce(r.customer_id, m.customer_id) AS customer_id
    FROM staged_customer c LEFT JOIN by_ref r USING (customer_ref) LEFT JOIN by_mail m ON m.mail = c.mail WHERE c.phone IS NOT NULL
)
GROUP BY phone HAVING count(DISTINCT customer_id) = 1;
CREATE TABLE person AS
SELECT o.order_id, coalesce(r.customer_id, m.customer_id, p.customer_id, sha256('phone:' || o.phone)) AS customer_id
FROM staged_order o LEFT JOIN by_ref r USING (customer_ref) LEFT JOIN by_mail m ON m.mail = o.mail LEFT JOIN by_phone p ON p.phone = o.phone;
ALTER TABLE staged_customer ADD COLUMN customer_id VARCHAR;
UPDATE staged_customer SET customer_id = coalesce(
    (SELECT r.customer_id FROM by_ref r WHERE r.customer_ref = staged_customer.customer_ref),
    (SELECT m.customer_id FROM by_mail m WHERE m.mail = staged_customer.mail)
);

-- name: line
-- A line's product by its id, its SKU or its name, whichever the catalogue knows; one that the catalogue does not know is history.
CREATE TABLE known AS
SELECT alias, min(product_id) AS product_id FROM (
    SELECT alias, product_id FROM staged_alias WHERE alias IS NOT NULL
    UNION ALL SELECT 'id:' || product_id, product_id FROM staged_product
) GROUP BY alias HAVING count(DISTINCT product_id) = 1;
CREATE TABLE line AS
SELECT
    l.n, l.order_id, l.title, l.sku, l.brand, l.category, l.quantity, coalesce(l.service, false) AS service, l.file,
    coalesce(a.product_id, b.product_id, c.product_id, l.product_ref, l.sku, 'name:' || trim(l.title)) AS product_id,
    CASE
        WHEN s.lines IS NULL OR o.goods IS NULL OR abs(s.lines - o.goods) <= s.slack THEN l.unit_price
        WHEN s.lines > 0 AND o.goods >= 0 AND list_bool_or(list_transform(o.before, lambda b: abs(b - s.lines) <= s.slack))
        THEN l.unit_price * o.goods / s.lines
        ELSE l.unit_price
    END AS unit_price,
    row_number() OVER (PARTITION BY l.order_id ORDER BY l.n) AS line_no
FROM (SELECT * REPLACE (nullif(trim(sku), '') AS sku, nullif(trim(product_ref), '') AS product_ref, nullif(trim(title), '') AS title) FROM staged_line) l
LEFT JOIN known a ON a.alias = 'id:' || l.product_ref
LEFT JOIN known b ON b.alias = 'sku:' || lower(l.sku)
LEFT JOIN known c ON c.alias = 'name:' || lower(l.title)
LEFT JOIN staged_order o ON o.order_id = l.order_id
LEFT JOIN (
    SELECT order_id, sum(quantity * unit_price) AS lines, 0.006 + 0.011 * sum(greatest(quantity, 1)) AS slack
    FROM staged_line WHERE quantity > 0 GROUP BY order_id
) s ON s.order_id = l.order_id
WHERE l.quantity > 0 AND coalesce(l.product_ref, l.sku, l.title) IS NOT NULL;

-- name: orders without a time
SELECT file, order_id FROM staged_order WHERE ordered_at IS NULL ORDER BY n;

-- name: orders twice
SELECT string_agg(DISTINCT file, ' and ' ORDER BY file), order_id FROM staged_order GROUP BY order_id HAVING count(*) > 1 ORDER BY min(n);

-- name: products twice
SELECT product_id FROM staged_product GROUP BY product_id HAVING count(*) > 1 ORDER BY 1;

-- name: lines without an order
SELECT l.file, l.order_id FROM staged_line l WHERE NOT EXISTS (FROM staged_order o WHERE o.order_id = l.order_id) ORDER BY l.n;

-- name: orders without lines
SELECT count(*) FILTER (WHERE NOT EXISTS (FROM staged_line l WHERE l.order_id = o.order_id)), count(*), arg_max(o.order_id, o.n) FILTER (WHERE NOT EXISTS (FROM staged_line l WHERE l.order_id = o.order_id)) FROM staged_order o WHERE coalesce(o.total, 1) > 0;

-- name: sums
-- What does not add up: the order, its lines, what they should come to, whether it is the last of its file.
SELECT o.order_id, o.file, sum(l.quantity * l.unit_price), o.goods, o.n = max(max(l.n)) OVER (PARTITION BY o.file) OR max(l.n) = max(max(l.n)) OVER (PARTITION BY o.file) AS last,
    abs(sum(l.quantity * l.unit_price) - o.goods) <= 0.006 + 0.011 * sum(greatest(l.quantity, 1)) AS fits
FROM staged_order o JOIN line l USING (order_id)
WHERE o.goods IS NOT NULL
GROUP BY o.order_id, o.file, o.goods, o.n
ORDER BY o.n;

-- name: left out
SELECT count(*) FILTER (WHERE quantity <= 0), count(*) FILTER (WHERE quantity > 0 AND coalesce(nullif(trim(product_ref), ''), nullif(trim(sku), ''), nullif(trim(title), '')) IS NULL), count(*) FILTER (WHERE quantity IS NULL) FROM staged_line;

-- name: not in the catalogue
SELECT count(DISTINCT product_id), any_value(coalesce(title, product_id)) FROM line
WHERE NOT service AND EXISTS (FROM staged_product) AND product_id NOT IN (SELECT product_id FROM staged_product);

-- name: joined
SELECT count(*) - count(DISTINCT customer_id) FROM by_ref;

-- name: currencies
SELECT currency, count(*) FROM staged_order WHERE currency IS NOT NULL AND exchange_rate IS NULL GROUP BY currency ORDER BY 2 DESC, 1;

-- name: customer
WITH seen AS (
    SELECT customer_id, 0 AS rank, n, mail, registered_at, country, segment, birth_date, accepts_marketing FROM staged_customer WHERE customer_id IS NOT NULL
    UNION ALL
    SELECT p.customer_id, 1, -o.n, o.mail, o.ordered_at, o.billing_country, NULL, NULL, o.accepts_marketing
    FROM staged_order o JOIN person p USING (order_id) WHERE p.customer_id IS NOT NULL
)
SELECT
    customer_id,
    min(registered_at) AS registered_at,
    first(country ORDER BY rank, n) FILTER (WHERE country IS NOT NULL) AS country,
    first(segment ORDER BY rank, n) FILTER (WHERE segment IS NOT NULL) AS segment,
    first(mail ORDER BY rank, n) FILTER (WHERE mail IS NOT NULL) AS email,
    first(birth_date ORDER BY rank, n) FILTER (WHERE birth_date IS NOT NULL) AS birth_date,
    first(accepts_marketing ORDER BY rank, n) FILTER (WHERE accepts_marketing IS NOT NULL) AS accepts_marketing
FROM seen GROUP BY customer_id ORDER BY customer_id;

-- name: product
-- Listed at its first sale if that is earlier. What only stands on lines has the title and price of the latest.
WITH sold AS (
    SELECT
        l.product_id, arg_max(l.title, l.n) AS title, arg_max(l.brand, l.n) AS brand, arg_max(l.category, l.n) AS category,
        arg_max(l.unit_price, o.ordered_at) AS price, bool_or(l.service) AS service, min(o.ordered_at) AS first_sale
    FROM line l JOIN staged_order o USING (order_id) GROUP BY l.product_id
)
SELECT
    product_id,
    coalesce(p.title, s.title) AS title,
    p.description,
    CASE WHEN coalesce(p.service, s.service) THEN 'service' ELSE coalesce(p.category, s.category) END AS category,
    coalesce(p.brand, s.brand) AS brand,
    coalesce(p.price, s.price) AS price,
    CASE WHEN coalesce(p.service, s.service) THEN false WHEN p.product_id IS NOT NULL THEN coalesce(p.active, true) ELSE NOT EXISTS (FROM staged_product) END AS active,
    CASE WHEN p.product_id IS NOT NULL AND p.listed_at IS NULL THEN NULL ELSE least(p.listed_at, s.first_sale) END AS listed_at
FROM staged_product p FULL JOIN sold s USING (product_id)
ORDER BY product_id;

-- name: order
SELECT o.order_id, p.customer_id, o.ordered_at, o.status, o.total, o.shipping, o.currency, o.exchange_rate, o.channel, o.shipping_country,
    o.billing_country, o.shipping_address, o.mail AS email, o.ip, o.device_id
FROM staged_order o JOIN person p USING (order_id) ORDER BY o.n;

-- name: order_item
SELECT order_id, line_no, product_id, quantity, unit_price FROM line ORDER BY n;

-- name: review
SELECT review_id, coalesce(k.product_id, r.product_ref) AS product_id, m.customer_id, r.stars, r.title, r.text, r.written_at
FROM staged_review r LEFT JOIN by_mail m USING (mail) LEFT JOIN known k ON k.alias = 'id:' || r.product_ref ORDER BY r.review_id;

-- name: order_outcome
SELECT order_id, kind, min(known_at) AS known_at FROM staged_outcome WHERE known_at IS NOT NULL AND order_id IN (SELECT order_id FROM staged_order) GROUP BY order_id, kind ORDER BY 1, 2;

-- name: payment
SELECT * FROM staged_payment WHERE order_id IN (SELECT order_id FROM staged_order) ORDER BY payment_id;

-- name: stock
-- An export of stock carries no time: it was counted with the last order beside it.
SELECT product_id, (SELECT max(ordered_at) FROM staged_order) AS counted_at, sum(quantity) AS quantity FROM staged_stock
WHERE product_id IS NOT NULL AND quantity IS NOT NULL GROUP BY product_id ORDER BY product_id;

-- name: coupon
SELECT * FROM staged_coupon WHERE order_id IN (SELECT order_id FROM staged_order) ORDER BY coupon_id;

-- name: product_image
SELECT product_id, row_number() OVER (PARTITION BY product_id ORDER BY min(image_no), uri) AS image_no, uri FROM staged_image
WHERE uri IS NOT NULL AND product_id IS NOT NULL GROUP BY product_id, uri ORDER BY 1, 2;
