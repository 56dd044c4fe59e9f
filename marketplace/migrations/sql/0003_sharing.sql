-- The hours of one cell as a set of numbers no other cell shares, so that GiST can keep windows apart without
-- an extension: every cell has 24 numbers of its own, and 22 to 6 is two pieces of them.
CREATE FUNCTION cell_hours(p_cell text, p_from int, p_to int) RETURNS nummultirange
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN p_from < p_to
        THEN nummultirange(numrange(day.zero + p_from, day.zero + p_to))
        ELSE nummultirange(numrange(day.zero + p_from, day.zero + 24), numrange(day.zero, day.zero + p_to)) END
    FROM (SELECT hashtextextended(p_cell, 0)::numeric * 24 AS zero) AS day
$$;

ALTER TABLE share_rule ADD CONSTRAINT ex_share_rule_window EXCLUDE USING gist
    (cell_hours(brand_id::text || '/' || coalesce(category, ''), from_hour, to_hour) WITH &&)
    WHERE (from_hour IS NOT NULL);
ALTER TABLE price ADD CONSTRAINT ex_price_window EXCLUDE USING gist
    (cell_hours(brand_id::text || '/' || category || '/' || language, from_hour, to_hour) WITH &&)
    WHERE (from_hour IS NOT NULL);

-- What held so far: the newest version of each category, in every language, at every hour.
INSERT INTO price (brand_id, id, category, terms_id)
    SELECT DISTINCT ON (brand_id, category) brand_id, gen_random_uuid(), category, id
    FROM terms ORDER BY brand_id, category, version DESC;
