-- Medusa 2.21: the columns that count, with its own names and types; rows made for the tests.
CREATE TYPE order_status_enum AS ENUM ('pending', 'completed', 'draft', 'archived', 'canceled', 'requires_action');
CREATE TABLE customer (id text, company_name text, email text, has_account boolean, metadata jsonb, created_at
timestamp with time zone, deleted_at timestamp with time zone);
CREATE TABLE product (id text, title text, description text, is_giftcard boolean, status text, created_at timestamp
with time zone, deleted_at timestamp with time zone, metadata jsonb);
CREATE TABLE product_variant (id text, allow_backorder boolean, manage_inventory boolean, product_id text, deleted_at
timestamp with time zone);
CREATE TABLE product_category (id text, name text, mpath text, deleted_at timestamp with time zone);
CREATE TABLE product_category_product (product_id text, product_category_id text);
CREATE TABLE "order" (id text, customer_id text, version integer, status order_status_enum, is_draft_order boolean,
email text, currency_code text, shipping_address_id text, billing_address_id text, metadata jsonb, created_at
timestamp with time zone, deleted_at timestamp with time zone, canceled_at timestamp with time zone);
CREATE TABLE order_address (id text, address_1 text, city text, country_code text, postal_code text);
CREATE TABLE order_item (id text, order_id text, version integer, item_id text, quantity numeric, raw_quantity jsonb,
return_received_quantity numeric, deleted_at timestamp with time zone, unit_price numeric, raw_unit_price jsonb);
CREATE TABLE order_line_item (id text, product_id text, is_tax_inclusive boolean, unit_price numeric, raw_unit_price
jsonb);
CREATE TABLE order_line_item_tax_line (rate numeric, item_id text, deleted_at timestamp with time zone);
CREATE TABLE order_line_item_adjustment (amount numeric, item_id text, deleted_at timestamp with time zone,
is_tax_inclusive boolean, version integer);
CREATE TABLE order_shipping (order_id text, version integer, shipping_method_id text, deleted_at timestamp with time
zone, return_id text);
CREATE TABLE order_shipping_method (id text, amount numeric, raw_amount jsonb, is_tax_inclusive boolean);
CREATE TABLE order_shipping_method_tax_line (rate numeric, shipping_method_id text, deleted_at timestamp with time
zone);
CREATE TABLE order_shipping_method_adjustment (amount numeric, shipping_method_id text, deleted_at timestamp with
time zone, version integer);
CREATE TABLE order_credit_line (order_id text, amount numeric, deleted_at timestamp with time zone, version integer);
CREATE TABLE "return" (order_id text, deleted_at timestamp with time zone, received_at timestamp with time zone,
canceled_at timestamp with time zone);
CREATE TABLE price (price_set_id text, currency_code text, rules_count integer, deleted_at timestamp with time zone,
price_list_id text, amount numeric, min_quantity numeric);
CREATE TABLE inventory_level (updated_at timestamp with time zone, deleted_at timestamp with time zone,
inventory_item_id text, stocked_quantity numeric, reserved_quantity numeric);
CREATE TABLE cart (id text, customer_id text, deleted_at timestamp with time zone, completed_at timestamp with time
zone);
CREATE TABLE cart_line_item (cart_id text, quantity integer, product_id text, created_at timestamp with time zone,
deleted_at timestamp with time zone);
CREATE TABLE order_change (id text);

CREATE TABLE store_currency (currency_code text, is_default boolean, deleted_at timestamptz);
CREATE TABLE product_variant_price_set (variant_id text, price_set_id text, deleted_at timestamptz);
CREATE TABLE product_variant_inventory_item (variant_id text, inventory_item_id text, required_quantity integer,
deleted_at timestamptz);

INSERT INTO store_currency VALUES ('eur', true), ('usd', false);
INSERT INTO customer (id, email, has_account, created_at, metadata) VALUES
('cus_guest', 'Ann@mail.example ', false, '2026-10-01Z', '{"loyalty": 3}'),
('cus_ann', 'ann@mail.example', true, '2026-10-20Z', null),
('cus_ben', 'ben@mail.example', true, '2026-10-02Z', null);
INSERT INTO product (id, title, is_giftcard, status, created_at, deleted_at) VALUES
('cup', 'Blue cup', false, 'published', '2026-09-01Z', null), ('tea', 'Green tea', false, 'published', '2026-09-01Z', null),
('gone', 'Red hat', false, 'published', '2026-09-01Z', '2026-11-20Z'), ('new', 'Not yet', false, 'draft', '2026-09-01Z', null);
INSERT INTO product_variant VALUES ('v_cup', false, true, 'cup', null), ('v_tea', true, true, 'tea', null);
INSERT INTO product_variant_price_set VALUES ('v_cup', 'ps_cup', null);
INSERT INTO price (price_set_id, currency_code, rules_count, amount) VALUES
('ps_cup', 'eur', 0, 12), ('ps_cup', 'usd', 0, 9), ('ps_cup', 'eur', 1, 5);
INSERT INTO product_variant_inventory_item VALUES ('v_cup', 'inv_cup', 1, null), ('v_tea', 'inv_tea', 1, null);
INSERT INTO inventory_level VALUES ('2026-11-01Z', null, 'inv_cup', 7, 2), ('2026-11-01Z', null, 'inv_tea', 0, 0);
INSERT INTO product_category VALUES ('cat', 'Kitchen', 'cat', null), ('sub', 'Cups', 'cat.sub', null);
INSERT INTO product_category_product VALUES ('cup', 'cat'), ('cup', 'sub');
INSERT INTO "order" (id, customer_id, version, status, is_draft_order, email, currency_code, created_at, canceled_at) VALUES
('a', 'cus_guest', 1, 'pending', false, 'Ann@mail.example', 'eur', '2026-10-03 10:00Z', null),
('b', 'cus_ann', 2, 'completed', false, 'ann@mail.example', 'eur', '2026-11-03 10:00Z', null),
('c', 'cus_ben', 1, 'pending', false, 'ben@mail.example', 'eur', '2026-11-04 10:00Z', '2026-11-05 10:00Z'),
('d', 'cus_ben', 1, 'completed', false, 'ben@mail.example', 'eur', '2026-11-06 10:00Z', null),
('e', 'cus_ben', 1, 'draft', true, 'ben@mail.example', 'eur', '2026-11-07 10:00Z', null);
INSERT INTO order_line_item (id, product_id, is_tax_inclusive, unit_price, raw_unit_price) VALUES
('l1', 'cup', false, 10, '{"value": "10"}'), ('l2', 'tea', true, 6, '{"value": "6"}'), ('l3', 'cup', true, 12, '{"value": "12"}'),
('l4', 'tea', true, 6, '{"value": "6"}'), ('l5', 'gone', true, 20, '{"value": "20"}'), ('l6', 'tea', true, 6, '{"value": "6"}');
INSERT INTO order_line_item_tax_line VALUES (20, 'l1', null), (20, 'l2', null), (20, 'l3', null);
INSERT INTO order_line_item_adjustment VALUES (5, 'l1', null, false, 1), (1.2, 'l3', null, true, 1), (2.4, 'l3', null, true, 2);
-- The edited order b: version 1 had one cup, version 2 has three and a tea.
INSERT INTO order_item (id, order_id, version, item_id, quantity, raw_quantity, return_received_quantity) VALUES
('i1', 'a', 1, 'l1', 2, '{"value": "2"}', 0), ('i2', 'a', 1, 'l2', 1, '{"value": "1"}', 0),
('i3', 'b', 1, 'l3', 1, '{"value": "1"}', 0), ('i4', 'b', 2, 'l3', 3, '{"value": "3"}', 0),
('i5', 'b', 2, 'l4', 1, '{"value": "1"}', 0), ('i6', 'c', 1, 'l6', 1, '{"value": "1"}', 0),
('i7', 'd', 1, 'l5', 1, '{"value": "1"}', 0), ('i8', 'd', 1, 'l4', 2, '{"value": "2"}', 1), ('i9', 'e', 1, 'l6', 1, '{}', 0);
INSERT INTO order_shipping VALUES ('a', 1, 's1', null, null), ('b', 1, 's1', null, null), ('b', 2, 's1', null, null);
INSERT INTO order_shipping_method VALUES ('s1', 4, '{"value": "4"}', false);
INSERT INTO order_shipping_method_tax_line VALUES (20, 's1', null);
INSERT INTO "return" VALUES ('d', null, '2026-11-10Z', null);
INSERT INTO cart VALUES ('ca', 'cus_guest', null, '2026-10-03Z');
INSERT INTO cart_line_item VALUES ('ca', 2, 'cup', '2026-10-03 09:50Z', null);
-- A refund of a part of b, after it was edited.
INSERT INTO order_credit_line VALUES ('b', 3, null, 2);
