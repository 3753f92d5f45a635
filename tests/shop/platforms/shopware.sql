-- Shopware 6.6: the columns that count, with its own names and types; rows made for the tests.
CREATE TABLE language (id binary(16), name varchar(50));
CREATE TABLE currency (id binary(16), iso_code char(3));
CREATE TABLE customer (id binary(16), email varchar(254), guest tinyint, created_at datetime);
CREATE TABLE product (id binary(16), version_id binary(16), parent_id binary(16), active tinyint, price longtext, available_stock int, is_closeout tinyint,
created_at datetime);
CREATE TABLE product_translation (product_id binary(16), language_id binary(16), name varchar(255), description mediumtext);
CREATE TABLE product_category (product_id binary(16), category_id binary(16));
CREATE TABLE category (id binary(16), version_id binary(16), level int);
CREATE TABLE category_translation (category_id binary(16), language_id binary(16), name varchar(255));
CREATE TABLE "order" (id binary(16), version_id binary(16), order_date_time datetime, amount_total double, shipping_total double, state_id binary(16),
currency_id binary(16), currency_factor double);
CREATE TABLE order_customer (order_id binary(16), version_id binary(16), customer_id binary(16), email varchar(254));
CREATE TABLE order_line_item (id binary(16), version_id binary(16), order_id binary(16), order_version_id binary(16), parent_id binary(16),
product_id binary(16), quantity int, total_price double, position int);
CREATE TABLE order_transaction (id binary(16), version_id binary(16), order_id binary(16), state_id binary(16), created_at datetime);
CREATE TABLE state_machine_state (id binary(16), technical_name varchar(255));
INSERT INTO language VALUES (UNHEX('2FBB5FE2E29A4D70AA5854CE7CE3E20B'), 'English'), (UNHEX('DD'), 'Deutsch');
INSERT INTO currency VALUES (UNHEX('E0'), 'EUR'), (UNHEX('D0'), 'USD');
INSERT INTO customer VALUES (UNHEX('C1'), 'Ann@mail.example', 1, '2026-10-03 10:00:00'), (UNHEX('C2'), 'ann@mail.example', 0, '2026-10-20 10:00:00'),
(UNHEX('C3'), 'ben@mail.example', 0, '2026-10-02 10:00:00');
INSERT INTO product VALUES
(UNHEX('A1'), UNHEX('0FA91CE3E96A4BC2BE4BD9CE752C3425'), null, 1, '{"ceur": {"net": 10, "gross": 12}}', 0, 1, '2026-09-01 00:00:00'),
(UNHEX('A101'), UNHEX('0FA91CE3E96A4BC2BE4BD9CE752C3425'), UNHEX('A1'), null, null, 5, 1, '2026-09-01 00:00:00'),
(UNHEX('A2'), UNHEX('0FA91CE3E96A4BC2BE4BD9CE752C3425'), null, 1, null, 0, 0, '2026-09-01 00:00:00'),
(UNHEX('A4'), UNHEX('0FA91CE3E96A4BC2BE4BD9CE752C3425'), null, 0, null, 0, 0, '2026-09-01 00:00:00'),
(UNHEX('A4'), UNHEX('99'), null, 1, null, 0, 0, '2026-09-01 00:00:00');
INSERT INTO product_translation VALUES (UNHEX('A1'), UNHEX('2FBB5FE2E29A4D70AA5854CE7CE3E20B'), 'Blue cup', null),
(UNHEX('A1'), UNHEX('DD'), 'Blaue Tasse', null), (UNHEX('A2'), UNHEX('2FBB5FE2E29A4D70AA5854CE7CE3E20B'), 'Green tea', null);
INSERT INTO category VALUES (UNHEX('B1'), UNHEX('0FA91CE3E96A4BC2BE4BD9CE752C3425'), 1), (UNHEX('B2'), UNHEX('0FA91CE3E96A4BC2BE4BD9CE752C3425'), 2);
INSERT INTO category_translation VALUES (UNHEX('B1'), UNHEX('DD'), 'Home'), (UNHEX('B2'), UNHEX('DD'), 'Cups');
INSERT INTO product_category VALUES (UNHEX('A1'), UNHEX('B1')), (UNHEX('A1'), UNHEX('B2'));
INSERT INTO state_machine_state VALUES (UNHEX('51'), 'open'), (UNHEX('52'), 'completed'), (UNHEX('53'), 'cancelled'), (UNHEX('54'), 'paid'),
(UNHEX('55'), 'refunded_partially'), (UNHEX('56'), 'engraving');
INSERT INTO "order" VALUES
(UNHEX('01'), UNHEX('0FA91CE3E96A4BC2BE4BD9CE752C3425'), '2026-10-03 10:00:00.000', 28.8, 4, UNHEX('51'), UNHEX('E0'), 1),
(UNHEX('01'), UNHEX('99'), '2026-10-03 10:00:00.000', 99, 4, UNHEX('51'), UNHEX('E0'), 1),
(UNHEX('02'), UNHEX('0FA91CE3E96A4BC2BE4BD9CE752C3425'), '2026-11-03 10:00:00.000', 40, 0, UNHEX('52'), UNHEX('E0'), 1),
(UNHEX('03'), UNHEX('0FA91CE3E96A4BC2BE4BD9CE752C3425'), '2026-11-04 10:00:00.000', 6, 0, UNHEX('53'), UNHEX('E0'), 1),
(UNHEX('04'), UNHEX('0FA91CE3E96A4BC2BE4BD9CE752C3425'), '2026-11-06 10:00:00.000', 26, 0, UNHEX('52'), UNHEX('D0'), 1.25),
(UNHEX('05'), UNHEX('0FA91CE3E96A4BC2BE4BD9CE752C3425'), '2026-11-07 10:00:00.000', 6, 0, UNHEX('56'), UNHEX('E0'), 1);
INSERT INTO order_customer VALUES (UNHEX('01'), UNHEX('0FA91CE3E96A4BC2BE4BD9CE752C3425'), UNHEX('C1'), 'Ann@mail.example'),
(UNHEX('02'), UNHEX('0FA91CE3E96A4BC2BE4BD9CE752C3425'), UNHEX('C2'), 'ann@mail.example'),
(UNHEX('03'), UNHEX('0FA91CE3E96A4BC2BE4BD9CE752C3425'), UNHEX('C3'), 'ben@mail.example'),
(UNHEX('04'), UNHEX('0FA91CE3E96A4BC2BE4BD9CE752C3425'), null, 'ben@mail.example'),
(UNHEX('05'), UNHEX('0FA91CE3E96A4BC2BE4BD9CE752C3425'), null, 'cid@mail.example');
-- Order 1 is net: 15 + 5 of goods and 4 of shipping, with 20 % of tax 28.80. Order 2 has a promotion of -2, order 4 a container.
INSERT INTO order_line_item
SELECT UNHEX(id), UNHEX('0FA91CE3E96A4BC2BE4BD9CE752C3425'), UNHEX(o), UNHEX('0FA91CE3E96A4BC2BE4BD9CE752C3425'), UNHEX(parent), UNHEX(p), q, t, n FROM (
SELECT 'F1' AS id, '01' AS o, null AS parent, 'A101' AS p, 2 AS q, 15 AS t, 1 AS n UNION ALL SELECT 'F2', '01', null, 'A2', 1, 5, 2
UNION ALL SELECT 'F3', '02', null, 'A101', 3, 36, 1 UNION ALL SELECT 'F4', '02', null, 'A2', 1, 6, 2 UNION ALL SELECT 'F5', '02', null, null, 1, -2, 3
UNION ALL SELECT 'F6', '03', null, 'A2', 1, 6, 1 UNION ALL SELECT 'F7', '04', null, 'A3', 1, 20, 1 UNION ALL SELECT 'F8', '04', null, 'A2', 1, 6, 2
UNION ALL SELECT 'F9', '04', 'F8', 'A2', 1, 6, 3 UNION ALL SELECT 'FA', '05', null, 'A2', 1, 6, 1) AS line;
INSERT INTO order_transaction VALUES (UNHEX('71'), UNHEX('0FA91CE3E96A4BC2BE4BD9CE752C3425'), UNHEX('01'), UNHEX('53'), '2026-10-03 10:00:00.000'),
(UNHEX('72'), UNHEX('0FA91CE3E96A4BC2BE4BD9CE752C3425'), UNHEX('01'), UNHEX('54'), '2026-10-03 10:05:00.000'),
(UNHEX('73'), UNHEX('0FA91CE3E96A4BC2BE4BD9CE752C3425'), UNHEX('04'), UNHEX('55'), '2026-11-06 10:05:00.000');
