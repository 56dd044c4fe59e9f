-- The whole chart of accounts. A floor also means a kept, locked balance: a credit line and netting are decided on it.
INSERT INTO ledger_account_kind (code, normal, floor_zero) VALUES
    ('stripe_reserve', 'D', false), ('bank', 'D', false), ('suspense_stripe', 'D', false),
    ('brand_receivable', 'D', true), ('worker_receivable', 'D', true),
    ('brand_promo', 'C', true), ('worker_held', 'C', true), ('worker_credit', 'C', true),
    ('unclaimed_property', 'C', false), ('tax_withheld', 'C', false),
    ('fee_discount', 'D', false), ('incentive_expense', 'D', false), ('dispute_loss', 'D', false),
    ('bad_debt_brand', 'D', false), ('bad_debt_worker', 'D', false), ('rounding_fx', 'D', false);
