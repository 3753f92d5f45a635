-- django-oscar 4: the columns that count, with its own names and types; rows made for the tests.
CREATE TABLE auth_user (id integer, email character varying(254), date_joined timestamp with time zone);
CREATE TABLE catalogue_product (id bigint, structure character varying(10), title character varying(255), description
text, date_created timestamp with time zone, parent_id bigint, product_class_id bigint, is_public boolean);
CREATE TABLE catalogue_productclass (id bigint, track_stock boolean);
CREATE TABLE catalogue_category (id bigint, depth integer, name character varying(255));
CREATE TABLE catalogue_productcategory (category_id bigint, product_id bigint);
CREATE TABLE partner_stockrecord (price numeric(12,2), num_in_stock integer, num_allocated integer, date_updated
timestamp with time zone, product_id bigint);
CREATE TABLE order_order (id bigint, currency character varying(12), total_incl_tax numeric(12,2), shipping_incl_tax
numeric(12,2), status character varying(100), guest_email character varying(254), date_placed timestamp with time
zone, basket_id bigint, billing_address_id bigint, shipping_address_id bigint, user_id integer);
CREATE TABLE order_line (id bigint, quantity integer, line_price_incl_tax numeric(12,2), order_id bigint, product_id
bigint);
CREATE TABLE order_shippingaddress (id bigint, line1 character varying(255), line4 character varying(255), postcode
character varying(64), country_id character varying(2));
CREATE TABLE order_billingaddress (id bigint, country_id character varying(2));
CREATE TABLE order_orderdiscount (id bigint, voucher_code character varying(128), amount numeric(12,2), order_id
bigint);
CREATE TABLE order_orderstatuschange (new_status character varying(100), date_created timestamp with time zone,
order_id bigint);
CREATE TABLE basket_basket (id bigint, owner_id integer);
CREATE TABLE basket_line (quantity integer, date_created timestamp with time zone, basket_id bigint, product_id
bigint);
CREATE TABLE payment_source (id bigint, amount_allocated numeric(12,2), amount_debited numeric(12,2), order_id
bigint, source_type_id bigint);
CREATE TABLE payment_sourcetype (id bigint, code character varying(128));
CREATE TABLE reviews_productreview (id bigint, score smallint, title character varying(255), body text, status
smallint, date_created timestamp with time zone, product_id bigint, user_id integer);
CREATE TABLE catalogue_productattribute (id bigint, code character varying(128));
CREATE TABLE catalogue_productattributevalue (attribute_id bigint);

INSERT INTO auth_user VALUES (1, 'ann@mail.example', '2026-10-20Z'), (2, 'ben@mail.example', '2026-10-02Z');
INSERT INTO catalogue_productclass VALUES (1, true);
INSERT INTO catalogue_product (id, structure, title, date_created, parent_id, product_class_id, is_public) VALUES
(1, 'parent', 'Blue cup', '2026-09-01Z', null, 1, true), (2, 'standalone', 'Green tea', '2026-09-01Z', null, 1, true),
(4, 'standalone', 'Not yet', '2026-09-01Z', null, 1, false), (11, 'child', '', '2026-09-01Z', 1, null, true),
(12, 'child', '', '2026-09-01Z', 1, null, true);
INSERT INTO catalogue_category VALUES (1, 1, 'Kitchen'), (2, 2, 'Cups');
INSERT INTO catalogue_productcategory VALUES (1, 1), (2, 1);
INSERT INTO partner_stockrecord VALUES (12, 5, 1, '2026-11-01Z', 11), (14, 3, 2, '2026-11-02Z', 12), (6, 0, null, '2026-11-01Z', 2);
INSERT INTO order_order
(id, currency, total_incl_tax, shipping_incl_tax, status, guest_email, date_placed, user_id, basket_id) VALUES
(1, 'EUR', 28.80, 4.80, 'Pending', 'Ann@mail.example', '2026-10-03 10:00Z', null, 1),
(2, 'EUR', 18, 0, 'Complete', '', '2026-11-03 10:00Z', 1, null),
(3, 'EUR', 6, 0, 'Cancelled', '', '2026-11-04 10:00Z', 2, null),
(4, 'EUR', 26, 0, 'On its way to space', '', '2026-11-06 10:00Z', 2, null),
(5, 'EUR', 6, 0, '', 'Cid@mail.example', '2026-11-07 10:00Z', null, null),
(6, 'EUR', 12, 0, 'Being processed', 'cid@mail.example ', '2026-11-08 10:00Z', null, null);
-- Line 1 is after a discount of 2. The product of line 5 was deleted since.
INSERT INTO order_line VALUES (1, 2, 18, 1, 11), (2, 1, 6, 1, 2), (3, 1, 12, 2, 12), (4, 1, 6, 2, 2), (5, 1, 20, 4, null),
(6, 1, 6, 4, 2), (7, 1, 6, 3, 2), (8, 1, 6, 5, 2), (9, 2, 12, 6, 2);
INSERT INTO order_orderdiscount VALUES (1, 'TEA2', 2, 1);
INSERT INTO order_orderstatuschange VALUES ('Cancelled', '2026-11-05Z', 3);
INSERT INTO payment_sourcetype VALUES (1, 'stripe');
INSERT INTO payment_source VALUES (1, 28.80, 0, 1, 1);
INSERT INTO reviews_productreview VALUES (1, 5, 'Fine', 'A fine cup', 1, '2026-11-09Z', 11, 1), (2, 1, 'x', 'spam', 2, '2026-11-09Z', 1, 1);
INSERT INTO basket_basket VALUES (1, null);
INSERT INTO basket_line VALUES (2, '2026-10-03 09:50Z', 1, 11);
INSERT INTO catalogue_productattribute VALUES (1, 'colour');
INSERT INTO catalogue_productattributevalue VALUES (1);
