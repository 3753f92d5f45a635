-- Rows of JSON -> the stage.

-- name: order
SELECT n, file, order_id, customer_ref, mail, phone, ordered_at, status, total, shipping, goods, [before] AS before, currency, exchange_rate,
    channel, shipping_country, billing_country, shipping_address, ip, accepts_marketing
FROM json_order

-- name: line
SELECT l.n, l.file, coalesce(o.order_id, l.order_gid) AS order_id, l.product_ref, l.sku, l.title, l.brand, l.category, l.quantity, l.unit_price, l.service
FROM json_line l LEFT JOIN json_order o ON o.gid = l.order_gid

-- name: product
SELECT p.n, p.product_id, p.title, p.description, p.category, p.brand, coalesce(p.price, v.price) AS price, p.active, p.service, p.listed_at
FROM json_product p LEFT JOIN (SELECT product_id, min(price) AS price FROM json_variant GROUP BY product_id) v USING (product_id)

-- name: alias
SELECT DISTINCT alias, product_id FROM json_variant WHERE alias IS NOT NULL

-- name: customer
SELECT n, customer_ref, mail, phone, registered_at, country, segment, accepts_marketing, guest FROM json_customer

-- name: stock
SELECT product_id, quantity FROM json_variant WHERE quantity IS NOT NULL

-- name: outcome
SELECT coalesce(o.order_id, c.order_gid) AS order_id, c.kind, c.known_at FROM json_outcome c LEFT JOIN json_order o ON o.gid = c.order_gid

-- name: payment
SELECT p.payment_id, coalesce(o.order_id, p.order_gid) AS order_id, p.method, p.amount, p.paid_at FROM json_payment p LEFT JOIN json_order o ON o.gid = p.order_gid

-- name: coupon
SELECT c.coupon_id, coalesce(o.order_id, c.order_gid) AS order_id, c.code, c.discount FROM json_coupon c LEFT JOIN json_order o ON o.gid = c.order_gid

-- name: image
SELECT product_id, CAST(image_no AS BIGINT) AS image_no, uri FROM json_image

-- name: review
SELECT review_id, product_ref, mail, CAST(stars AS BIGINT) AS stars, title, text, written_at FROM json_review
