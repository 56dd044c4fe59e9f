-- What tickets are found by, beside the ticket: its row changes with every claim, and a text index must not.
CREATE TABLE ticket_search (
    brand_id uuid NOT NULL,
    ticket_id uuid NOT NULL,
    number integer NOT NULL,
    customer_id uuid NOT NULL,
    words tsvector NOT NULL,
    CONSTRAINT pk_ticket_search PRIMARY KEY (brand_id, ticket_id),
    CONSTRAINT fk_ticket_search_brand_id_ticket_id FOREIGN KEY (brand_id, ticket_id) REFERENCES ticket (brand_id, id)
);
CREATE FUNCTION words_of(p_brand uuid, p_subject text) RETURNS tsvector LANGUAGE sql IMMUTABLE AS
$$ SELECT array_to_tsvector(ARRAY[p_brand::text]) || to_tsvector('simple', p_subject) $$;
INSERT INTO ticket_search
    SELECT brand_id, id, number, customer_id, words_of(brand_id, subject) FROM ticket;
CREATE INDEX ix_ticket_search_words ON ticket_search USING gin (words);
CREATE INDEX ix_ticket_search_customer ON ticket_search (brand_id, customer_id, number);
CREATE INDEX ix_ticket_category ON ticket (brand_id, category, state, posted_at);

CREATE FUNCTION find_ticket_later() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO ticket_search (brand_id, ticket_id, number, customer_id, words)
        VALUES (NEW.brand_id, NEW.id, NEW.number, NEW.customer_id, words_of(NEW.brand_id, NEW.subject));
    RETURN NULL;
END $$;
CREATE TRIGGER ticket_is_found AFTER INSERT ON ticket FOR EACH ROW EXECUTE FUNCTION find_ticket_later();

-- Tickets of the scope's own brand with these words: the newest p_limit of the first that are found.
-- It looks past row-level security (which would read every row instead of the index), and at that brand alone.
CREATE FUNCTION search_subjects(p_words text, p_limit int) RETURNS TABLE (ticket_id uuid, number int)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public AS $$
    SELECT f.ticket_id, f.number FROM (
        SELECT i.ticket_id, i.number FROM ticket_search i
        WHERE i.words @@ (quote_literal(app_brand()::text)::tsquery && to_tsquery('simple', p_words))
            AND i.brand_id = app_brand()
        LIMIT 10 * p_limit) AS f
    ORDER BY f.number DESC LIMIT p_limit
$$;

GRANT CREATE ON SCHEMA public TO humancloud_background;
ALTER FUNCTION search_subjects(text, int) OWNER TO humancloud_background;
REVOKE CREATE ON SCHEMA public FROM humancloud_background;
