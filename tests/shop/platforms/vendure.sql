-- Vendure 3.7: the columns that count, with its own names and types; rows made for the tests.
CREATE TABLE channel (code character varying, "defaultLanguageCode" character varying, "defaultCurrencyCode"
character varying, "pricesIncludeTax" boolean, id integer);
CREATE TABLE customer ("createdAt" timestamp without time zone, "deletedAt" timestamp without time zone,
"emailAddress" character varying, id integer, "userId" integer);
CREATE TABLE product ("createdAt" timestamp without time zone, "deletedAt" timestamp without time zone, enabled
boolean, id integer);
CREATE TABLE product_translation ("languageCode" character varying, name character varying, description text,
"baseId" integer);
CREATE TABLE product_variant ("deletedAt" timestamp without time zone, enabled boolean, "trackInventory" character
varying, id integer, "productId" integer);
CREATE TABLE product_variant_price ("currencyCode" character varying, "channelId" integer, price integer, "variantId"
integer);
CREATE TABLE collection ("isRoot" boolean, position integer, id integer);
CREATE TABLE collection_translation ("languageCode" character varying, name character varying, "baseId" integer);
CREATE TABLE collection_product_variants_product_variant ("collectionId" integer, "productVariantId" integer);
CREATE TABLE "order" ("createdAt" timestamp without time zone, type character varying, code character varying, state
character varying, active boolean, "orderPlacedAt" timestamp without time zone, "shippingAddress" text,
"billingAddress" text, "currencyCode" character varying, id integer, "customerId" integer, "subTotalWithTax" integer,
"shippingWithTax" integer);
CREATE TABLE order_line ("createdAt" timestamp without time zone, quantity integer, "orderPlacedQuantity" integer,
"listPriceIncludesTax" boolean, adjustments text, "taxLines" text, id integer, "productVariantId" integer,
"listPrice" integer, "orderId" integer);
CREATE TABLE surcharge ("listPriceIncludesTax" boolean, "taxLines" text, id integer, "listPrice" integer, "orderId"
integer);
CREATE TABLE payment ("createdAt" timestamp without time zone, method character varying, state character varying, id
integer, amount integer, "orderId" integer);
CREATE TABLE refund (state character varying, id integer, "paymentId" integer, total integer);
CREATE TABLE history_entry ("createdAt" timestamp without time zone, type character varying, data text, "orderId"
integer);
CREATE TABLE stock_level ("updatedAt" timestamp without time zone, "stockOnHand" integer, "stockAllocated" integer,
"productVariantId" integer);

INSERT INTO channel (id, code, "defaultLanguageCode", "defaultCurrencyCode", "pricesIncludeTax") VALUES
(1, '__default_channel__', 'en', 'EUR', false), (2, 'us', 'en', 'USD', false);
INSERT INTO customer (id, "emailAddress", "userId", "createdAt") VALUES (1, 'Ann@mail.example', null, '2026-10-03'),
(2, 'ann@mail.example', 7, '2026-10-20'), (3, 'ben@mail.example', 8, '2026-10-02');
INSERT INTO product (id, enabled, "createdAt", "deletedAt") VALUES (1, true, '2026-09-01', null), (2, true, '2026-09-01', null),
(3, true, '2026-09-01', '2026-11-20'), (4, false, '2026-09-01', null);
INSERT INTO product_translation VALUES ('de', 'Blaue Tasse', '', 1), ('en', 'Blue cup', '', 1), ('en', 'Green tea', '', 2),
('en', 'Red hat', '', 3), ('en', 'Not yet', '', 4);
INSERT INTO product_variant (id, "productId", enabled, "trackInventory", "deletedAt") VALUES (11, 1, true, 'TRUE', null),
(12, 1, true, 'TRUE', null), (21, 2, true, 'INHERIT', null), (31, 3, true, 'TRUE', '2026-11-20');
INSERT INTO product_variant_price VALUES ('EUR', 1, 1200, 11), ('EUR', 1, 1500, 12), ('USD', 2, 900, 11), ('USD', 1, 800, 11);
INSERT INTO collection VALUES (true, 0, 1), (false, 1, 2);
INSERT INTO collection_translation VALUES ('en', 'Root', 1), ('en', 'Cups', 2);
INSERT INTO collection_product_variants_product_variant VALUES (2, 11), (1, 11);
INSERT INTO stock_level VALUES ('2026-11-01', 4, 1, 11), ('2026-11-01', 2, 0, 12), ('2026-11-01', 0, 0, 21);
INSERT INTO "order" (id, code, type, state, active, "orderPlacedAt", "createdAt", "shippingAddress", "billingAddress", "currencyCode",
"customerId", "subTotalWithTax", "shippingWithTax") VALUES
(1, 'A', 'Regular', 'PaymentSettled', false, '2026-10-03 10:00', '2026-10-03', '{"countryCode": "DE"}', '{}', 'EUR', 1, 2400, 480),
(2, 'B', 'Regular', 'Delivered', false, '2026-11-03 10:00', '2026-11-03', '{}', '{}', 'EUR', 2, 4450, 0),
(3, 'C', 'Regular', 'Cancelled', false, '2026-11-04 10:00', '2026-11-04', '{}', '{}', 'EUR', 3, 0, 0),
(4, 'D', 'Aggregate', 'PartiallyShipped', false, '2026-11-06 10:00', '2026-11-06', '{}', '{}', 'EUR', 3, 2600, 0),
(5, 'D1', 'Seller', 'PartiallyShipped', false, '2026-11-06 10:00', '2026-11-06', '{}', '{}', 'EUR', 3, 2600, 0),
(6, 'E', 'Regular', 'AddingItems', true, null, '2026-11-07', '{}', '{}', 'EUR', 3, 600, 0),
(7, 'F', 'Regular', 'OnTheMoon', false, '2026-11-08 10:00', '2026-11-08', '{}', '{}', 'EUR', 3, 600, 0),
(8, 'G', 'Regular', 'PaymentSettled', false, '2026-11-09 10:00', '2026-11-09', '{}', '{}', 'EUR', 3, 600, 0),
(9, 'H', 'Regular', 'PaymentSettled', false, '2026-11-09 11:00', '2026-11-09', '{}', '{}', 'EUR', 3, 600, 0),
(10, 'I', 'Regular', 'PaymentSettled', false, '2026-11-09 12:00', '2026-11-09', '{}', '{}', 'EUR', 3, 600, 0);
-- Order 8 was three teas and is one: its refund is more than what is left, and nothing came back of that.
-- Order 1: two cups at 10.00 without tax less 5.00 on the line, and a tea; order 2 was modified from two cups to three.
INSERT INTO order_line (id, "orderId", "productVariantId", quantity, "orderPlacedQuantity", "listPrice", "listPriceIncludesTax",
adjustments, "taxLines", "createdAt") VALUES
(1, 1, 11, 2, 2, 1000, false, '[{"type": "PROMOTION", "amount": -500}]', '[{"taxRate": 20}]', '2026-10-03'),
(2, 1, 21, 1, 1, 600, true, '[]', '[{"taxRate": 20}]', '2026-10-03'), (3, 2, 12, 3, 2, 1200, true, '[]', '[]', '2026-11-03'),
(4, 2, 21, 1, 1, 600, true, '[]', '[]', '2026-11-03'), (5, 3, 21, 0, 1, 600, true, '[]', '[]', '2026-11-04'),
(6, 4, 31, 1, 1, 2000, true, '[]', '[]', '2026-11-06'), (7, 4, 21, 1, 1, 600, true, '[]', '[]', '2026-11-06'),
(8, 5, 31, 1, 1, 2000, true, '[]', '[]', '2026-11-06'), (9, 6, 21, 1, 0, 600, true, '[]', '[]', '2026-11-07'),
(10, 7, 21, 1, 1, 600, true, '[]', '[]', '2026-11-08'), (11, 8, 21, 1, 3, 600, true, '[]', '[]', '2026-11-09'),
(12, 9, 21, 1, 1, 600, true, '[]', '[]', '2026-11-09'), (13, 10, 21, 1, 1, 600, true, '[]', '[]', '2026-11-09');
INSERT INTO surcharge VALUES (true, '[]', 1, 250, 2);
INSERT INTO payment VALUES ('2026-10-03 10:01', 'stripe', 'Settled', 1, 2880, 1), ('2026-11-06 10:01', 'stripe', 'Declined', 2, 1, 4),
('2026-11-09 10:01', 'stripe', 'Settled', 3, 1800, 8), ('2026-11-09 11:01', 'stripe', 'Settled', 4, 600, 9),
('2026-11-09 12:01', 'stripe', 'Settled', 5, 600, 10);
INSERT INTO refund (state, id, "paymentId", total) VALUES ('Settled', 1, 3, 1200), ('Settled', 2, 4, 100), ('Failed', 3, 4, 500),
('Settled', 4, 5, 600);
INSERT INTO history_entry VALUES ('2026-11-05', 'ORDER_STATE_TRANSITION', '{"from": "PaymentSettled", "to": "Cancelled"}', 3),
('2026-11-09', 'ORDER_STATE_TRANSITION', '{"from": "Shipped", "to": "Delivered"}', 2);
