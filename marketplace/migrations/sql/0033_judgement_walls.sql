-- Who sees what. A bonus names a ticket, and is between its worker and the platform all the same.
ALTER POLICY brand ON earning USING (brand_id = app_brand() AND kind <> 'bonus')
    WITH CHECK (brand_id = app_brand() AND kind <> 'bonus');
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['bonus', 'credit_choice', 'rejection_appeal', 'rejection_freeze', 'rejection_limit'] LOOP
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO humancloud_app, humancloud_background', name);
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY background ON %I TO humancloud_background USING (true) WITH CHECK (true)', name);
        EXECUTE format('CREATE POLICY platform ON %I TO humancloud_app '
                       'USING (app_platform()) WITH CHECK (app_platform())', name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['rejection_appeal', 'rejection_freeze'] LOOP
        EXECUTE format('CREATE POLICY brand ON %I FOR SELECT TO humancloud_app USING (brand_id = app_brand())', name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['earning_hold', 'earning_rejection', 'rejection_appeal', 'tip', 'bonus'] LOOP
        EXECUTE format('CREATE POLICY worker ON %I FOR SELECT TO humancloud_app USING (worker_id = app_worker())', name);
    END LOOP;
    GRANT CREATE ON SCHEMA public TO humancloud_background;
    FOREACH name IN ARRAY ARRAY['refuse_judgement_out_of_turn()', 'pull_from_batch(uuid, uuid)', 'judge_rejection()',
                                'refuse_partial_judge()'] LOOP
        EXECUTE format('ALTER FUNCTION %s OWNER TO humancloud_background', name);
    END LOOP;
    REVOKE CREATE ON SCHEMA public FROM humancloud_background;
END $$;
CREATE POLICY worker_writes ON rejection_appeal FOR INSERT TO humancloud_app
    WITH CHECK (worker_id = app_worker() AND ended_as IS NULL AND EXISTS (
        SELECT FROM earning_rejection r WHERE r.brand_id = rejection_appeal.brand_id
            AND r.id = rejection_appeal.rejection_id AND r.worker_id = app_worker() AND r.state = 'counted'));
CREATE POLICY worker ON credit_choice TO humancloud_app
    USING (worker_id = app_worker()) WITH CHECK (worker_id = app_worker());
CREATE POLICY everyone_reads ON rejection_limit FOR SELECT TO humancloud_app USING (true);
