-- What must never happen, whoever writes.
INSERT INTO clock_shift (shift) VALUES ('0');

INSERT INTO lease_clock (brand_id, channel, read_seconds, reply_seconds, follow_up_seconds) VALUES
    (NULL, 'email', 300, 3600, 86400),
    (NULL, 'chat', 20, 180, 180);

CREATE FUNCTION refuse_shift_of_live_clock() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.shift <> interval '0' AND EXISTS (SELECT FROM installation WHERE money_mode = 'live') THEN
        RAISE EXCEPTION 'a live installation keeps true time' USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.shift < OLD.shift THEN
        RAISE EXCEPTION 'the test clock only moves forward' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER clock_shift_test_only BEFORE UPDATE ON clock_shift
    FOR EACH ROW EXECUTE FUNCTION refuse_shift_of_live_clock();

CREATE TRIGGER installation_is_marked_once BEFORE UPDATE OR DELETE ON installation
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- Staff cannot be workers, nor workers staff: the person's row is the lock between the two.
CREATE FUNCTION refuse_worker_and_staff() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM person WHERE id = NEW.person_id FOR NO KEY UPDATE;
    IF TG_TABLE_NAME = 'worker' AND EXISTS (SELECT FROM staff WHERE person_id = NEW.person_id)
        OR TG_TABLE_NAME = 'staff' AND EXISTS (SELECT FROM worker WHERE person_id = NEW.person_id) THEN
        RAISE EXCEPTION 'staff cannot be workers' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER worker_is_not_staff BEFORE INSERT OR UPDATE ON worker
    FOR EACH ROW EXECUTE FUNCTION refuse_worker_and_staff();
CREATE TRIGGER staff_is_not_worker BEFORE INSERT OR UPDATE ON staff
    FOR EACH ROW EXECUTE FUNCTION refuse_worker_and_staff();

-- Facts stay as they were written.
DO $$
DECLARE
    frozen text;
BEGIN
    FOREACH frozen IN ARRAY ARRAY['event', 'terms', 'revision', 'passage', 'voice', 'receipt', 'message',
                                  'suggestion_passage', 'ledger_txn', 'ledger_entry'] LOOP
        EXECUTE format('CREATE TRIGGER %I BEFORE UPDATE OR DELETE ON %I FOR EACH ROW '
                       'EXECUTE FUNCTION refuse_change()', frozen || '_is_append_only', frozen);
        EXECUTE format('CREATE TRIGGER %I BEFORE TRUNCATE ON %I FOR EACH STATEMENT '
                       'EXECUTE FUNCTION refuse_change()', frozen || '_is_never_emptied', frozen);
    END LOOP;
END $$;

-- A brand's currency is fixed once.
CREATE FUNCTION refuse_change_of_currency() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.currency IS NOT NULL AND NEW.currency IS DISTINCT FROM OLD.currency THEN
        RAISE EXCEPTION 'a brand''s currency is fixed by its first top-up' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER brand_currency_is_fixed BEFORE UPDATE ON brand
    FOR EACH ROW EXECUTE FUNCTION refuse_change_of_currency();
