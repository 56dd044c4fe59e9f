-- A worker's erasure reaches what Stripe told of his account: ids stay, the snapshot with his name and address goes.
-- Nobody else writes to a body, for nobody may but this function.
DROP TRIGGER handled_once ON stripe_event;
CREATE TRIGGER handled_once BEFORE UPDATE ON stripe_event FOR EACH ROW
    WHEN (OLD.state = 'handled'
          AND (NEW.state, NEW.handled_at, NEW.quarantined_for, NEW.error, NEW.attempts, NEW.due_at)
              IS DISTINCT FROM
              (OLD.state, OLD.handled_at, OLD.quarantined_for, OLD.error, OLD.attempts, OLD.due_at))
    EXECUTE FUNCTION refuse_unhandling();

CREATE FUNCTION erase_events_of(p_account text) RETURNS void LANGUAGE sql SECURITY DEFINER
SET search_path = public AS $$
    UPDATE stripe_event
    SET headers = '{}',
        body = convert_to(jsonb_set(convert_from(body, 'UTF8')::jsonb, '{data}',
            jsonb_build_object('object', jsonb_build_object('id', object_id)))::text, 'UTF8')
    WHERE account = p_account
$$;
REVOKE EXECUTE ON FUNCTION erase_events_of(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION erase_events_of(text) TO humancloud_background;
-- The function runs as whoever migrates; forced row-level security would hide every row from him.
CREATE POLICY migrator ON stripe_event TO CURRENT_USER USING (true) WITH CHECK (true);
