-- What a generator was asked to word anew, once for each suggestion, and what became of it.
CREATE TABLE suggestion_wording (
    brand_id uuid NOT NULL,
    suggestion_id uuid NOT NULL,
    generator text NOT NULL,
    outcome varchar(40) NOT NULL
        CONSTRAINT ck_suggestion_wording_wording_outcome
        CHECK (outcome IN ('asked', 'worded', 'refused', 'failed', 'too_late')),
    reason text NOT NULL,
    became uuid,
    asked_at timestamptz NOT NULL,
    CONSTRAINT pk_suggestion_wording PRIMARY KEY (brand_id, suggestion_id),
    CONSTRAINT fk_suggestion_wording_brand_id_suggestion_id FOREIGN KEY (brand_id, suggestion_id)
        REFERENCES suggestion (brand_id, id),
    CONSTRAINT fk_suggestion_wording_brand_id_became FOREIGN KEY (brand_id, became)
        REFERENCES suggestion (brand_id, id),
    CONSTRAINT uq_suggestion_wording_brand_id_became UNIQUE (brand_id, became),
    CONSTRAINT ck_suggestion_wording_words_are_a_suggestion CHECK ((outcome = 'worded') = (became IS NOT NULL)),
    CONSTRAINT ck_suggestion_wording_refusal_has_a_reason
        CHECK (outcome NOT IN ('refused', 'failed') OR reason <> '')
);
