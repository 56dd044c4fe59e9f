-- The questions of a ticket that asks several, without personal data, and the ranks of the passages that answer each.
ALTER TABLE suggestion ADD COLUMN questions jsonb NOT NULL DEFAULT '[]';

-- What was filled into a draft's slots, and from where.
ALTER TABLE suggestion ADD COLUMN slots jsonb NOT NULL DEFAULT '[]';

-- In which language the customer asks and the draft answers; empty where nobody can tell.
ALTER TABLE suggestion ADD COLUMN asked_in text NOT NULL DEFAULT '', ADD COLUMN answered_in text NOT NULL DEFAULT '';
