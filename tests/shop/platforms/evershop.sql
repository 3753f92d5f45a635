-- EverShop 2.2: the columns that count, with its own names and types; rows made for the tests.
CREATE TABLE customer (customer_id integer, email character varying, created_at timestamp with time zone);
CREATE TABLE product (product_id integer, visibility boolean, price numeric(12,4), status boolean, created_at
timestamp with time zone, category_id integer);
CREATE TABLE product_description (product_description_product_id integer, name character varying, description text);
CREATE TABLE category_description (category_description_category_id integer, name character varying);
CREATE TABLE product_inventory (product_inventory_product_id integer, qty integer, manage_stock boolean,
stock_availability boolean);
CREATE TABLE "order" (order_id integer, status character varying, cart_id integer, currency character varying,
customer_id integer, customer_email character varying, user_ip character varying, shipping_fee_incl_tax
numeric(12,4), grand_total numeric(12,4), shipping_address_id integer, payment_method character varying,
billing_address_id integer, shipment_status character varying, payment_status character varying, created_at timestamp
with time zone, updated_at timestamp with time zone);
CREATE TABLE order_address (order_address_id integer, postcode character varying, country character varying, city
character varying, address_1 character varying);
CREATE TABLE order_item (order_item_id integer, order_item_order_id integer, product_id integer, qty integer,
line_total_with_discount_incl_tax numeric(12,4));
CREATE TABLE payment_transaction (payment_transaction_id integer, payment_transaction_order_id integer, amount
numeric(12,4), payment_action character varying, created_at timestamp with time zone);
CREATE TABLE cart (cart_id integer, customer_id integer);
CREATE TABLE cart_item (cart_id integer, product_id integer, qty integer, created_at timestamp with time zone);
CREATE TABLE attribute (attribute_id integer, attribute_code character varying);
CREATE TABLE product_attribute_value_index (product_id integer, attribute_id integer);

INSERT INTO customer VALUES (1, 'ann@mail.example', '2026-10-20Z'), (2, 'ben@mail.example', '2026-10-02Z');
INSERT INTO category_description VALUES (1, 'Cups');
INSERT INTO product (product_id, price, status, visibility, created_at, category_id) VALUES (1, 12, true, true, '2026-09-01Z', 1),
(2, 6, true, true, '2026-09-01Z', null), (4, 9, false, true, '2026-09-01Z', null);
INSERT INTO product_description VALUES (1, 'Blue cup',
'[{"id": "r", "size": 1, "columns": [{"id": "c", "size": 1, "data": {"blocks": [{"type": "paragraph", "data": {"text": "Of \"clay\"."}},
{"type": "list", "data": {"items": []}}]}}]}]'), (2, 'Green tea', '[]'), (4, 'Not yet', '');
INSERT INTO product_inventory VALUES (1, 5, true, true), (2, 3, false, true);
INSERT INTO "order" (order_id, status, cart_id, currency, customer_id, customer_email, shipping_fee_incl_tax, grand_total,
payment_method, payment_status, shipment_status, created_at) VALUES
(1, 'new', 1, 'EUR', null, 'Ann@mail.example', 4.8, 28.8, 'cod', 'pending', 'pending', '2026-10-03 10:00Z'),
(2, 'completed', 2, 'EUR', 1, 'ann@mail.example', 0, 42, 'stripe', 'paid', 'delivered', '2026-11-03 10:00Z'),
(3, 'canceled', 3, 'EUR', 2, 'ben@mail.example', 0, 6, 'stripe', 'canceled', 'canceled', '2026-11-04 10:00Z'),
(4, 'processing', 4, 'EUR', 2, 'ben@mail.example', 0, 26, 'stripe', 'paid', 'partially_shipped', '2026-11-06 10:00Z'),
(5, 'new', 5, 'EUR', 2, 'ben@mail.example', 0, 6, 'stripe', 'pending', 'pending', '2026-11-07 10:00Z'),
(6, 'engraving', 6, 'EUR', null, 'cid@mail.example', 0, 6, 'cod', 'collecting', 'pending', '2026-11-08 10:00Z'),
(7, 'processing', 7, 'EUR', 2, 'ben@mail.example', 0, 6, 'stripe', 'stripe_captured', 'pending', '2026-11-09 10:00Z'),
(8, 'closed', 8, 'EUR', 2, 'ben@mail.example', 0, 6, 'stripe', 'stripe_refunded', 'delivered', '2026-11-09 11:00Z'),
(9, 'processing', 9, 'EUR', 2, 'ben@mail.example', 0, 6, 'stripe', 'stripe_partial_refunded', 'pending', '2026-11-09 12:00Z'),
(10, 'new', 10, 'EUR', 2, 'ben@mail.example', 0, 6, 'stripe', 'stripe_failed', 'pending', '2026-11-09 13:00Z'),
(11, 'processing', 11, 'EUR', 2, 'ben@mail.example', 0, 6, 'paypal', 'paypal_authorized', 'pending', '2026-11-09 14:00Z');
-- The product 3 of line 5 was deleted since.
INSERT INTO order_item VALUES (1, 1, 1, 2, 18), (2, 1, 2, 1, 6), (3, 2, 1, 3, 36), (4, 2, 2, 1, 6), (5, 4, 3, 1, 20), (6, 4, 2, 1, 6),
(7, 3, 2, 1, 6), (8, 5, 2, 1, 6), (9, 6, 2, 1, 6), (10, 7, 2, 1, 6), (11, 8, 2, 1, 6), (12, 9, 2, 1, 6), (13, 10, 2, 1, 6), (14, 11, 2, 1, 6);
INSERT INTO payment_transaction VALUES (1, 2, 42, 'Capture', '2026-11-03 10:01Z');
INSERT INTO cart VALUES (1, null);
INSERT INTO cart_item VALUES (1, 1, 2, '2026-10-03 09:50Z');
INSERT INTO attribute VALUES (1, 'colour');
INSERT INTO product_attribute_value_index VALUES (1, 1);
