-- What each brand lets the check of a reply block, warn of or leave, in versions that never change; and what stood
-- when a reply was sent.
CREATE TABLE lint_policy (
    brand_id uuid NOT NULL CONSTRAINT fk_lint_policy_brand_id REFERENCES brand (id),
    version integer NOT NULL CONSTRAINT ck_lint_policy_versions_count_from_one CHECK (version >= 1),
    levels jsonb NOT NULL,
    author_id uuid CONSTRAINT fk_lint_policy_author_id REFERENCES person (id),
    written_at timestamptz NOT NULL,
    CONSTRAINT pk_lint_policy PRIMARY KEY (brand_id, version)
);
CREATE TRIGGER lint_policy_is_append_only BEFORE UPDATE OR DELETE ON lint_policy FOR EACH ROW
    EXECUTE FUNCTION refuse_change();
CREATE TRIGGER lint_policy_is_never_emptied BEFORE TRUNCATE ON lint_policy FOR EACH STATEMENT
    EXECUTE FUNCTION refuse_change();

ALTER TABLE receipt ADD COLUMN findings jsonb NOT NULL DEFAULT '[]';
