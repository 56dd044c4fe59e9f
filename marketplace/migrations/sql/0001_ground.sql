-- Roles, the clock, and rules that hold for every table made after this.
-- The application connects and takes one of these roles; neither owns tables nor is a superuser, so
-- row-level security binds them.
DO $$
DECLARE
    wanted text;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['humancloud_app', 'humancloud_background'] LOOP
        BEGIN
            EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;  -- roles belong to the cluster: another database's migration made it
        END;
        EXECUTE format('GRANT %I TO CURRENT_USER', wanted);
        EXECUTE format('GRANT USAGE ON SCHEMA public TO %I', wanted);
    END LOOP;
END $$;

-- The one source of time. Stable within a transaction, ahead of the wall clock only in test installations.
CREATE FUNCTION app_now() RETURNS timestamptz
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public AS $$
BEGIN
    RETURN now() + (SELECT shift FROM clock_shift);
END $$;

-- The same clock for decisions made after waiting for a lock.
CREATE FUNCTION app_clock() RETURNS timestamptz
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public AS $$
BEGIN
    RETURN clock_timestamp() + (SELECT shift FROM clock_shift);
END $$;

CREATE FUNCTION app_brand() RETURNS uuid LANGUAGE sql STABLE AS
$$ SELECT nullif(current_setting('app.brand', true), '')::uuid $$;

CREATE FUNCTION app_worker() RETURNS uuid LANGUAGE sql STABLE AS
$$ SELECT nullif(current_setting('app.worker', true), '')::uuid $$;

CREATE FUNCTION app_platform() RETURNS boolean LANGUAGE sql STABLE AS
$$ SELECT coalesce(current_setting('app.platform', true), '') = 'on' $$;

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
