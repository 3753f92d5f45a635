-- What a shop's pages post to ./nightshift serve. The shop's views shop.event and shop.search may add it to their own rows.

CREATE TABLE ml_ops.posted (
    event_id    text PRIMARY KEY,
    kind        text NOT NULL CHECK (kind IN ('view', 'cart', 'wish', 'search', 'shown', 'clicked')),
    customer_id text,
    session_id  text,
    product_id  text,
    query       text,
    results     bigint CHECK (results >= 0),
    position    bigint CHECK (position >= 1),
    search_id   text,
    list        text,
    occurred_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    sent_by     text NOT NULL
);
CREATE INDEX posted_time ON ml_ops.posted (occurred_at);
CREATE INDEX posted_search_id ON ml_ops.posted (search_id) WHERE search_id IS NOT NULL;
COMMENT ON TABLE ml_ops.posted IS 'Events that were posted to ./nightshift serve, each once.';
COMMENT ON COLUMN ml_ops.posted.event_id IS 'Unique id, the sender''s.';
COMMENT ON COLUMN ml_ops.posted.kind IS 'view, cart, wish, search; shown or clicked: a product of a list.';
COMMENT ON COLUMN ml_ops.posted.customer_id IS 'Who; null for a guest.';
COMMENT ON COLUMN ml_ops.posted.session_id IS 'Visit that it belongs to.';
COMMENT ON COLUMN ml_ops.posted.product_id IS 'The product; null where there is none.';
COMMENT ON COLUMN ml_ops.posted.query IS 'What was typed, of a search.';
COMMENT ON COLUMN ml_ops.posted.results IS 'How many products were found, of a search.';
COMMENT ON COLUMN ml_ops.posted.position IS 'Place in the list, from 1, of what was shown or clicked.';
COMMENT ON COLUMN ml_ops.posted.search_id IS 'event_id of the search whose result was clicked.';
COMMENT ON COLUMN ml_ops.posted.list IS 'The list that was shown, as recommendation.';
COMMENT ON COLUMN ml_ops.posted.occurred_at IS 'When.';
COMMENT ON COLUMN ml_ops.posted.received_at IS 'When it was written.';
COMMENT ON COLUMN ml_ops.posted.sent_by IS 'Name of the key.';

CREATE VIEW ml_ops.posted_event AS
SELECT event_id, customer_id, session_id, product_id, CASE WHEN kind IN ('shown', 'clicked') THEN 'other' ELSE kind END AS kind,
    occurred_at, received_at AS known_at
FROM ml_ops.posted;
COMMENT ON VIEW ml_ops.posted_event IS 'Posted events with the columns of shop.event.';

CREATE VIEW ml_ops.posted_search AS
SELECT s.event_id AS search_id, s.customer_id, s.session_id, s.query, s.results, c.product_id AS clicked_product_id,
    c.position AS clicked_position, s.occurred_at AS searched_at
FROM ml_ops.posted AS s LEFT JOIN LATERAL (
    SELECT p.product_id, p.position FROM ml_ops.posted AS p
    WHERE p.search_id = s.event_id AND p.kind = 'clicked' ORDER BY p.occurred_at, p.event_id LIMIT 1
) AS c ON true
WHERE s.kind = 'search' AND s.query IS NOT NULL;
COMMENT ON VIEW ml_ops.posted_search IS 'Posted searches with the columns of shop.search, and what was clicked first.';
