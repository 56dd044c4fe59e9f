-- Gates between a brand's stages, the log of its moves, and what customers thought of a resolution.
CREATE TABLE stage_policy (
    brand_id uuid NOT NULL,
    percents integer[] NOT NULL,
    window_days integer NOT NULL,
    stage_days integer NOT NULL,
    minimum integer NOT NULL,
    fcr_basis_points integer NOT NULL,
    csat_basis_points integer NOT NULL,
    accuracy_basis_points integer NOT NULL,
    breach_margin_basis_points integer NOT NULL,
    saved_at timestamptz NOT NULL,
    saved_by uuid,
    CONSTRAINT pk_stage_policy PRIMARY KEY (brand_id),
    CONSTRAINT fk_stage_policy_brand_id FOREIGN KEY (brand_id) REFERENCES brand (id),
    CONSTRAINT fk_stage_policy_saved_by FOREIGN KEY (saved_by) REFERENCES person (id),
    CONSTRAINT ck_stage_policy_some_stages CHECK (cardinality(percents) BETWEEN 1 AND 6),
    CONSTRAINT ck_stage_policy_percents CHECK (1 <= ALL (percents) AND 100 >= ALL (percents)),
    CONSTRAINT ck_stage_policy_in_bounds CHECK (
        window_days > 0 AND stage_days >= 0 AND minimum > 0 AND fcr_basis_points BETWEEN 0 AND 10000
        AND csat_basis_points BETWEEN 0 AND 10000 AND accuracy_basis_points BETWEEN 0 AND 10000
        AND breach_margin_basis_points BETWEEN 0 AND 10000)
);

CREATE TABLE brand_stage (
    brand_id uuid NOT NULL,
    stage integer NOT NULL,
    since timestamptz NOT NULL,
    checked_at timestamptz NOT NULL,
    CONSTRAINT pk_brand_stage PRIMARY KEY (brand_id),
    CONSTRAINT fk_brand_stage_brand_id FOREIGN KEY (brand_id) REFERENCES stage_policy (brand_id),
    CONSTRAINT ck_brand_stage_counted_from_zero CHECK (stage >= 0)
);
CREATE INDEX ix_brand_stage_checked ON brand_stage (checked_at);

CREATE TABLE stage_move (
    brand_id uuid NOT NULL,
    id uuid NOT NULL,
    from_stage integer,
    to_stage integer,
    from_percent integer NOT NULL,
    to_percent integer NOT NULL,
    cause varchar(40) NOT NULL,
    reason text NOT NULL DEFAULT '',
    numbers jsonb NOT NULL,
    moved_at timestamptz NOT NULL,
    moved_by uuid,
    CONSTRAINT pk_stage_move PRIMARY KEY (brand_id, id),
    CONSTRAINT fk_stage_move_brand_id FOREIGN KEY (brand_id) REFERENCES brand (id),
    CONSTRAINT fk_stage_move_moved_by FOREIGN KEY (moved_by) REFERENCES person (id),
    CONSTRAINT ck_stage_move_stage_move_cause CHECK (
        cause IN ('enabled', 'disabled', 'advanced', 'rolled_back', 'by_hand', 'settings')),
    CONSTRAINT ck_stage_move_advances_one_stage CHECK (cause <> 'advanced' OR to_stage = from_stage + 1),
    CONSTRAINT ck_stage_move_falls_back_one_stage CHECK (cause <> 'rolled_back' OR to_stage = from_stage - 1),
    CONSTRAINT ck_stage_move_by_itself_or_by_someone CHECK (
        (cause IN ('advanced', 'rolled_back')) = (moved_by IS NULL)),
    CONSTRAINT ck_stage_move_by_hand_has_a_reason CHECK (cause <> 'by_hand' OR reason <> '')
);
CREATE INDEX ix_stage_move_brand ON stage_move (brand_id, id);

CREATE TABLE rating (
    brand_id uuid NOT NULL,
    id uuid NOT NULL,
    ticket_id uuid NOT NULL,
    resolution_id uuid NOT NULL,
    stars integer NOT NULL,
    reason varchar(40),
    comment text NOT NULL,
    rated_at timestamptz NOT NULL,
    CONSTRAINT pk_rating PRIMARY KEY (brand_id, id),
    CONSTRAINT fk_rating_brand_id_ticket_id
        FOREIGN KEY (brand_id, ticket_id) REFERENCES ticket (brand_id, id),
    CONSTRAINT fk_rating_brand_id_resolution_id
        FOREIGN KEY (brand_id, resolution_id) REFERENCES resolution (brand_id, id),
    CONSTRAINT uq_rating_brand_id_resolution_id UNIQUE (brand_id, resolution_id),
    CONSTRAINT ck_rating_rating_reason CHECK (
        reason IN ('wrong_answer', 'not_solved', 'too_slow', 'tone', 'policy', 'other')),
    CONSTRAINT ck_rating_stars CHECK (stars BETWEEN 1 AND 5),
    CONSTRAINT ck_rating_five_stars_need_no_reason CHECK (reason IS NULL OR stars < 5)
);
CREATE INDEX ix_rating_ticket ON rating (brand_id, ticket_id);

-- First-contact resolution is read over a brand's newest resolutions, and over one customer's tickets.
CREATE INDEX ix_resolution_resolved ON resolution (brand_id, resolved_at);
CREATE INDEX ix_ticket_customer ON ticket (brand_id, customer_id, posted_at);

CREATE TRIGGER stage_move_is_append_only BEFORE UPDATE OR DELETE ON stage_move
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER stage_move_is_never_emptied BEFORE TRUNCATE ON stage_move
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER rating_is_append_only BEFORE UPDATE OR DELETE ON rating
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER rating_is_never_emptied BEFORE TRUNCATE ON rating
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
