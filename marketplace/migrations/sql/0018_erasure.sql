-- Erasing all of a brand's knowledge. What a reply that was sent rested on is evidence for its pay and stays, so it no
-- longer needs the rows it was quoted from.
CREATE TABLE knowledge_erasure (
    brand_id uuid NOT NULL,
    id uuid NOT NULL,
    asked_by uuid,
    asked_at timestamptz NOT NULL,
    rows bigint NOT NULL DEFAULT 0,
    finished_at timestamptz,
    CONSTRAINT pk_knowledge_erasure PRIMARY KEY (brand_id, id),
    CONSTRAINT fk_knowledge_erasure_brand_id_brand FOREIGN KEY (brand_id) REFERENCES brand (id),
    CONSTRAINT fk_knowledge_erasure_asked_by_person FOREIGN KEY (asked_by) REFERENCES person (id)
);
CREATE UNIQUE INDEX uq_knowledge_erasure_under_way ON knowledge_erasure (brand_id) WHERE finished_at IS NULL;

ALTER TABLE suggestion_passage DROP CONSTRAINT fk_suggestion_passage_brand_id_passage_id;
ALTER TABLE article_credit DROP CONSTRAINT fk_article_credit_brand_id_revision_id,
    DROP CONSTRAINT fk_article_credit_brand_id_article_id;

-- What has held is history, until its brand has all of it erased.
CREATE FUNCTION is_being_erased(brand uuid) RETURNS boolean LANGUAGE sql STABLE AS
    $$ SELECT EXISTS (SELECT FROM knowledge_erasure e WHERE e.brand_id = brand AND e.finished_at IS NULL) $$;
CREATE OR REPLACE FUNCTION refuse_change_of_history() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
    END IF;
    IF TG_OP = 'DELETE' THEN
        IF OLD.starts_at < app_now() AND NOT is_being_erased(OLD.brand_id) THEN
            RAISE EXCEPTION 'what has held cannot be taken back' USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN OLD;
    END IF;
    IF NEW.starts_at < app_now() THEN
        RAISE EXCEPTION 'nothing can hold in the past' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;

-- Texts are immutable, and go when their brand has all of them erased.
CREATE FUNCTION refuse_change_unless_erased() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND is_being_erased(OLD.brand_id) THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
DO $$
DECLARE
    frozen text;
BEGIN
    FOREACH frozen IN ARRAY ARRAY['revision', 'passage', 'suggestion_passage'] LOOP
        EXECUTE format('DROP TRIGGER %I ON %I', frozen || '_is_append_only', frozen);
        EXECUTE format('CREATE TRIGGER %I BEFORE UPDATE OR DELETE ON %I FOR EACH ROW '
                       'EXECUTE FUNCTION refuse_change_unless_erased()', frozen || '_is_append_only', frozen);
    END LOOP;
END $$;
