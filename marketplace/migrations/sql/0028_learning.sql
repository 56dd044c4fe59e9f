-- Each look at a brand's resolved tickets, and each word of a person about it, is a row; the newest says what is used.
CREATE TABLE guidance_tuning (
    brand_id uuid NOT NULL CONSTRAINT fk_guidance_tuning_brand_id REFERENCES brand (id),
    version integer NOT NULL CONSTRAINT ck_guidance_tuning_counts_from_one CHECK (version > 0),
    cause varchar(40) NOT NULL
        CONSTRAINT ck_guidance_tuning_tuning_cause CHECK (cause IN ('learned', 'kept', 'returned', 'released')),
    tuning jsonb NOT NULL,
    figures jsonb NOT NULL,
    tickets integer NOT NULL,
    returned_to integer,
    author_id uuid CONSTRAINT fk_guidance_tuning_author_id REFERENCES person (id),
    made_at timestamptz NOT NULL,
    CONSTRAINT pk_guidance_tuning PRIMARY KEY (brand_id, version),
    CONSTRAINT fk_guidance_tuning_brand_id_returned_to FOREIGN KEY (brand_id, returned_to)
        REFERENCES guidance_tuning (brand_id, version),
    CONSTRAINT ck_guidance_tuning_return_names_its_version
        CHECK ((cause = 'returned') = (returned_to IS NOT NULL)),
    CONSTRAINT ck_guidance_tuning_people_return_and_release
        CHECK ((cause IN ('returned', 'released')) = (author_id IS NOT NULL))
);

-- What a wrong suggestion costs a brand against one that was missed; the newest version holds.
CREATE TABLE guidance_caution (
    brand_id uuid NOT NULL CONSTRAINT fk_guidance_caution_brand_id REFERENCES brand (id),
    version integer NOT NULL CONSTRAINT ck_guidance_caution_counts_from_one CHECK (version > 0),
    wrong_cost double precision NOT NULL
        CONSTRAINT ck_guidance_caution_wrong_cost_is_bounded CHECK (wrong_cost BETWEEN 0.1 AND 20),
    author_id uuid CONSTRAINT fk_guidance_caution_author_id REFERENCES person (id),
    written_at timestamptz NOT NULL,
    CONSTRAINT pk_guidance_caution PRIMARY KEY (brand_id, version)
);
