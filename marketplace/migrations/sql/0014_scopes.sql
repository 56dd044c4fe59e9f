-- What a worker sees of his reports, and of replies that the brand corrected.
CREATE POLICY worker ON passage_report FOR SELECT TO humancloud_app USING (worker_id = app_worker());
CREATE POLICY worker ON passage_quarantine FOR SELECT TO humancloud_app USING (EXISTS (
    SELECT FROM passage_report r WHERE r.brand_id = passage_quarantine.brand_id
        AND r.article_id = passage_quarantine.article_id AND r.text_sha256 = passage_quarantine.text_sha256
        AND r.worker_id = app_worker()));
CREATE POLICY worker ON correction_reply FOR SELECT TO humancloud_app
    USING (worker_id = app_worker() AND told_at IS NOT NULL);
