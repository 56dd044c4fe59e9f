-- The second wall between tenants: what a transaction may touch follows from its scope
-- (app.brand, app.worker, app.platform), for every role but the background's.
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO humancloud_app, humancloud_background;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO humancloud_app, humancloud_background;
REVOKE INSERT, UPDATE, DELETE ON ledger_txn, ledger_entry, ledger_account, ledger_account_kind FROM humancloud_app;
REVOKE UPDATE, DELETE ON event FROM humancloud_app, humancloud_background;
REVOKE INSERT, UPDATE, DELETE ON installation, clock_shift, lease_clock, alembic_version FROM humancloud_app;

DO $$
DECLARE
    name text;
BEGIN
    -- Functions that decide for everybody run as the background role, which policies let through.
    GRANT CREATE ON SCHEMA public TO humancloud_background;
    FOREACH name IN ARRAY ARRAY[
        'app_now()', 'app_clock()', 'expire_lease(uuid, timestamptz)', 'claim_ticket(uuid, uuid, uuid)',
        'claim_next_ticket(uuid, uuid)', 'refuse_unbalanced_txn()', 'refuse_stray_entry()',
        'payout_batch_hash(uuid)', 'lock_ledger_accounts(jsonb)',
        'post_ledger_txn(uuid, text, text, text, uuid, uuid, timestamptz, text, jsonb)'] LOOP
        EXECUTE format('ALTER FUNCTION %s OWNER TO humancloud_background', name);
    END LOOP;
    REVOKE CREATE ON SCHEMA public FROM humancloud_background;

    FOREACH name IN ARRAY ARRAY[
        'category', 'terms', 'customer', 'ticket', 'message', 'claim', 'release', 'worker_draft', 'reply',
        'escalation', 'resolution', 'article', 'revision', 'passage', 'embedding', 'knowledge_import',
        'import_file', 'knowledge_version', 'index_snapshot', 'voice', 'suggestion', 'suggestion_passage',
        'receipt', 'earning', 'top_up', 'event'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY background ON %I TO humancloud_background USING (true) WITH CHECK (true)', name);
        EXECUTE format('CREATE POLICY brand ON %I TO humancloud_app '
                       'USING (brand_id = app_brand()) WITH CHECK (brand_id = app_brand())', name);
        EXECUTE format('CREATE POLICY platform ON %I TO humancloud_app '
                       'USING (app_platform()) WITH CHECK (app_platform())', name);
    END LOOP;

    -- A worker's own rows.
    FOREACH name IN ARRAY ARRAY['claim', 'release', 'worker_draft', 'reply', 'escalation'] LOOP
        EXECUTE format('CREATE POLICY worker ON %I TO humancloud_app '
                       'USING (worker_id = app_worker()) WITH CHECK (worker_id = app_worker())', name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['earning', 'event'] LOOP
        EXECUTE format('CREATE POLICY worker ON %I FOR SELECT TO humancloud_app '
                       'USING (worker_id = app_worker())', name);
    END LOOP;
    -- What a card shows before any claim.
    FOREACH name IN ARRAY ARRAY['category', 'terms', 'voice'] LOOP
        EXECUTE format('CREATE POLICY worker ON %I FOR SELECT TO humancloud_app '
                       'USING (app_worker() IS NOT NULL)', name);
    END LOOP;
    -- What a worker reads of tickets he claimed at some time.
    FOREACH name IN ARRAY ARRAY['suggestion', 'receipt', 'resolution'] LOOP
        EXECUTE format('CREATE POLICY worker ON %1$I FOR SELECT TO humancloud_app USING (EXISTS ('
                       'SELECT FROM claim c WHERE c.brand_id = %1$I.brand_id AND c.ticket_id = %1$I.ticket_id '
                       'AND c.worker_id = app_worker()))', name);
    END LOOP;
END $$;

CREATE POLICY worker ON ticket TO humancloud_app USING (EXISTS (
    SELECT FROM claim c WHERE c.brand_id = ticket.brand_id AND c.ticket_id = ticket.id
        AND c.worker_id = app_worker()));
CREATE POLICY worker ON customer FOR SELECT TO humancloud_app USING (EXISTS (
    SELECT FROM ticket t JOIN claim c ON c.brand_id = t.brand_id AND c.ticket_id = t.id
    WHERE t.brand_id = customer.brand_id AND t.customer_id = customer.id
        AND c.worker_id = app_worker() AND c.ended_at IS NULL));
-- The thread is readable up to the end of the worker's claim, and writable while it lasts.
CREATE POLICY worker_reads ON message FOR SELECT TO humancloud_app USING (EXISTS (
    SELECT FROM claim c WHERE c.brand_id = message.brand_id AND c.ticket_id = message.ticket_id
        AND c.worker_id = app_worker() AND message.written_at < coalesce(c.ended_at, 'infinity')));
CREATE POLICY worker_writes ON message FOR INSERT TO humancloud_app WITH CHECK (author = 'worker' AND EXISTS (
    SELECT FROM claim c WHERE c.brand_id = message.brand_id AND c.ticket_id = message.ticket_id
        AND c.worker_id = app_worker() AND c.ended_at IS NULL));
CREATE POLICY worker ON suggestion_passage FOR SELECT TO humancloud_app USING (EXISTS (
    SELECT FROM suggestion s WHERE s.brand_id = suggestion_passage.brand_id
        AND s.id = suggestion_passage.suggestion_id));
CREATE POLICY worker_writes ON receipt FOR INSERT TO humancloud_app WITH CHECK (EXISTS (
    SELECT FROM reply r WHERE r.brand_id = receipt.brand_id AND r.id = receipt.reply_id
        AND r.worker_id = app_worker()));
-- Anyone's command may state a fact; reading facts is scoped above.
CREATE POLICY everyone_writes ON event FOR INSERT TO humancloud_app WITH CHECK (true);

-- Money: own accounts and what was posted to them; payouts to oneself.
ALTER TABLE ledger_account ENABLE ROW LEVEL SECURITY;
ALTER TABLE ledger_account FORCE ROW LEVEL SECURITY;
CREATE POLICY background ON ledger_account TO humancloud_background USING (true) WITH CHECK (true);
CREATE POLICY reader ON ledger_account FOR SELECT TO humancloud_app
    USING (app_platform() OR brand_id = app_brand() AND worker_id IS NULL OR worker_id = app_worker());
ALTER TABLE ledger_entry ENABLE ROW LEVEL SECURITY;
ALTER TABLE ledger_entry FORCE ROW LEVEL SECURITY;
CREATE POLICY background ON ledger_entry TO humancloud_background USING (true) WITH CHECK (true);
CREATE POLICY reader ON ledger_entry FOR SELECT TO humancloud_app
    USING (app_platform() OR EXISTS (SELECT FROM ledger_account a WHERE a.id = ledger_entry.account_id));
ALTER TABLE payout ENABLE ROW LEVEL SECURITY;
ALTER TABLE payout FORCE ROW LEVEL SECURITY;
CREATE POLICY background ON payout TO humancloud_background USING (true) WITH CHECK (true);
CREATE POLICY platform ON payout TO humancloud_app USING (app_platform()) WITH CHECK (app_platform());
CREATE POLICY worker ON payout FOR SELECT TO humancloud_app USING (worker_id = app_worker());
ALTER TABLE stripe_account ENABLE ROW LEVEL SECURITY;
ALTER TABLE stripe_account FORCE ROW LEVEL SECURITY;
CREATE POLICY background ON stripe_account TO humancloud_background USING (true) WITH CHECK (true);
CREATE POLICY platform ON stripe_account TO humancloud_app USING (app_platform()) WITH CHECK (app_platform());
CREATE POLICY worker ON stripe_account TO humancloud_app
    USING (worker_id = app_worker()) WITH CHECK (worker_id = app_worker());
ALTER TABLE stripe_call ENABLE ROW LEVEL SECURITY;
ALTER TABLE stripe_call FORCE ROW LEVEL SECURITY;
CREATE POLICY background ON stripe_call TO humancloud_background USING (true) WITH CHECK (true);
CREATE POLICY platform ON stripe_call TO humancloud_app USING (app_platform()) WITH CHECK (app_platform());
ALTER TABLE payout_batch ENABLE ROW LEVEL SECURITY;
ALTER TABLE payout_batch FORCE ROW LEVEL SECURITY;
CREATE POLICY background ON payout_batch TO humancloud_background USING (true) WITH CHECK (true);
CREATE POLICY platform ON payout_batch TO humancloud_app USING (app_platform()) WITH CHECK (app_platform());
CREATE POLICY worker ON payout_batch FOR SELECT TO humancloud_app USING (EXISTS (
    SELECT FROM payout p WHERE p.batch_id = payout_batch.id));
ALTER TABLE payout_line ENABLE ROW LEVEL SECURITY;
ALTER TABLE payout_line FORCE ROW LEVEL SECURITY;
CREATE POLICY background ON payout_line TO humancloud_background USING (true) WITH CHECK (true);
CREATE POLICY platform ON payout_line TO humancloud_app USING (app_platform()) WITH CHECK (app_platform());
CREATE POLICY worker ON payout_line FOR SELECT TO humancloud_app USING (EXISTS (
    SELECT FROM payout p WHERE p.id = payout_line.payout_id));
CREATE POLICY brand ON payout_line FOR SELECT TO humancloud_app USING (brand_id = app_brand());
