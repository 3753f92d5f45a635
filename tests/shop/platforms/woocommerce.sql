-- WooCommerce 9 (HPOS): the columns that count, with its own names and types; rows made for the tests.
CREATE TABLE wp_options (option_name varchar(191), option_value longtext);
CREATE TABLE wp_posts ("ID" bigint, post_type varchar(20), post_status varchar(20), post_title text, post_content longtext,
post_parent bigint, post_date_gmt datetime, post_modified_gmt datetime);
CREATE TABLE wp_postmeta (post_id bigint, meta_key varchar(255), meta_value longtext);
CREATE TABLE wp_users ("ID" bigint, user_email varchar(100), user_registered datetime);
CREATE TABLE wp_terms (term_id bigint, name varchar(200));
CREATE TABLE wp_term_taxonomy (term_taxonomy_id bigint, term_id bigint, taxonomy varchar(32), parent bigint);
CREATE TABLE wp_term_relationships (object_id bigint, term_taxonomy_id bigint);
CREATE TABLE wp_comments ("comment_ID" bigint, "comment_post_ID" bigint, comment_author_email varchar(100), user_id bigint,
comment_date_gmt datetime, comment_content text, comment_approved varchar(20), comment_type varchar(20));
CREATE TABLE wp_commentmeta (comment_id bigint, meta_key varchar(255), meta_value longtext);
CREATE TABLE wp_woocommerce_order_items (order_item_id bigint, order_item_name text, order_item_type varchar(200), order_id bigint);
CREATE TABLE wp_woocommerce_order_itemmeta (order_item_id bigint, meta_key varchar(255), meta_value longtext);
CREATE TABLE wp_wc_orders (id bigint, status varchar(20), currency varchar(10), type varchar(20), total_amount decimal(26, 8),
customer_id bigint, billing_email varchar(320), date_created_gmt datetime, date_updated_gmt datetime, parent_order_id bigint,
payment_method varchar(100), ip_address varchar(100));
CREATE TABLE wp_wc_order_addresses (order_id bigint, address_type varchar(20), country text, address_1 text, postcode text, city text);
CREATE TABLE wp_wc_order_operational_data (order_id bigint, shipping_total_amount decimal(26, 8), shipping_tax_amount decimal(26, 8));
INSERT INTO wp_options VALUES ('woocommerce_custom_orders_table_enabled', 'yes'), ('woocommerce_version', '9.4.1');
INSERT INTO wp_posts VALUES (1, 'product', 'publish', 'Blue cup', '', 0, '2026-09-01 00:00:00', '2026-09-01 00:00:00'),
(2, 'product', 'publish', 'Green tea', '', 0, '2026-09-01 00:00:00', '2026-09-01 00:00:00'),
(3, 'product', 'trash', 'Red hat', '', 0, '2026-09-01 00:00:00', '2026-11-20 00:00:00'),
(4, 'product', 'draft', 'Not yet', '', 0, '0000-00-00 00:00:00', '2026-09-01 00:00:00'),
(11, 'product_variation', 'publish', 'Blue cup large', '', 1, '2026-09-01 00:00:00', '2026-09-01 00:00:00'),
(50, 'page', 'publish', 'About us', '', 0, '2026-09-01 00:00:00', '2026-09-01 00:00:00'),
(107, 'shop_order', 'wc-processing', 'Order', '', 0, '2026-10-03 10:00:00', '2026-10-03 10:00:00');
INSERT INTO wp_postmeta VALUES (1, '_price', '12'), (1, '_price', '15'), (1, '_manage_stock', 'yes'), (1, '_stock', '5'),
(2, '_price', '6'), (2, '_manage_stock', 'no'), (107, '_order_total', '6'), (107, '_customer_user', '0'),
(107, '_billing_email', 'Ann@mail.example'), (107, '_order_currency', 'EUR');
INSERT INTO wp_users VALUES (1, 'ann@mail.example', '2026-10-20 00:00:00'), (2, 'ben@mail.example', '2026-10-02 00:00:00');
INSERT INTO wp_terms VALUES (1, 'Kitchen'), (2, 'Cups');
INSERT INTO wp_term_taxonomy VALUES (1, 1, 'product_cat', 0), (2, 2, 'product_cat', 1), (3, 2, 'product_tag', 0);
INSERT INTO wp_term_relationships VALUES (1, 1), (1, 2), (1, 3);
INSERT INTO wp_wc_orders VALUES
(101, 'wc-processing', 'EUR', 'shop_order', 28.8, 0, 'Ann@mail.example', '2026-10-03 10:00:00', '2026-10-03 10:00:00', 0, 'stripe', '10.0.0.1'),
(102, 'wc-completed', 'EUR', 'shop_order', 44, 1, 'ann@mail.example', '2026-11-03 10:00:00', '2026-11-03 10:00:00', 0, 'bacs', null),
(103, 'wc-cancelled', 'EUR', 'shop_order', 6, 2, 'ben@mail.example', '2026-11-04 10:00:00', '2026-11-05 10:00:00', 0, 'bacs', null),
(104, 'wc-completed', 'EUR', 'shop_order', 26, 2, 'ben@mail.example', '2026-11-06 10:00:00', '2026-11-06 10:00:00', 0, 'bacs', null),
(105, 'wc-engraving', 'EUR', 'shop_order', 6, 0, 'cid@mail.example', '2026-11-07 10:00:00', '2026-11-07 10:00:00', 0, 'bacs', null),
(106, 'wc-completed', 'EUR', 'shop_order_refund', -6, 0, null, '2026-11-10 10:00:00', '2026-11-10 10:00:00', 104, null, null);
INSERT INTO wp_wc_order_operational_data VALUES (101, 4, 0.8);
INSERT INTO wp_wc_order_addresses VALUES (101, 'shipping', 'DE', 'Hauptstraße 1', '10115', 'Berlin');
INSERT INTO wp_woocommerce_order_items VALUES (1, 'Blue cup', 'line_item', 101), (2, 'Green tea', 'line_item', 101),
(3, 'Flat rate', 'shipping', 101), (4, 'TEA2', 'coupon', 101), (5, 'Blue cup', 'line_item', 102), (6, 'Green tea', 'line_item', 102),
(7, 'Gift wrap', 'fee', 102), (8, 'Green tea', 'line_item', 103), (9, 'Red hat', 'line_item', 104), (10, 'Green tea', 'line_item', 104),
(11, 'Green tea', 'line_item', 105), (12, 'Green tea', 'line_item', 107), (13, 'Green tea', 'line_item', 106);
INSERT INTO wp_woocommerce_order_itemmeta VALUES (1, '_product_id', '1'), (1, '_variation_id', '11'), (1, '_qty', '2'), (1, '_line_total', '15'),
(1, '_line_tax', '3'), (2, '_product_id', '2'), (2, '_qty', '1'), (2, '_line_total', '5'), (2, '_line_tax', '1'), (4, 'discount_amount', '2'),
(5, '_product_id', '1'), (5, '_qty', '3'), (5, '_line_total', '36'), (6, '_product_id', '2'), (6, '_qty', '1'), (6, '_line_total', '6'),
(7, '_line_total', '2'), (8, '_product_id', '2'), (8, '_qty', '1'), (8, '_line_total', '6'), (9, '_product_id', '3'), (9, '_qty', '1'),
(9, '_line_total', '20'), (10, '_product_id', '2'), (10, '_qty', '1'), (10, '_line_total', '6'), (11, '_product_id', '2'), (11, '_qty', '1'),
(11, '_line_total', '6'), (12, '_product_id', '2'), (12, '_qty', '1'), (12, '_line_total', '6'), (13, '_product_id', '2'), (13, '_qty', '-1'),
(13, '_line_total', '-6');
INSERT INTO wp_comments VALUES (1, 1, 'Ann@mail.example', 0, '2026-11-09 00:00:00', 'A fine cup', '1', 'review'),
(2, 1, 'x@mail.example', 0, '2026-11-09 00:00:00', 'spam', 'spam', 'review'), (3, 50, 'x@mail.example', 0, '2026-11-09 00:00:00', 'hm', '1', '');
INSERT INTO wp_commentmeta VALUES (1, 'rating', '5');
