"""Steps that migrations share."""

from alembic import op

from marketplace.migrations import sql


def run_sql(name: str) -> None:
    """Execute `sql/<name>.sql` as it is written."""
    op.get_bind().exec_driver_sql(sql(name).replace("%", "%%"))


def give_to_brands(*tables: str) -> None:
    """Let the application at `tables`, whose every row has a brand: it shows in that brand's scope alone.

    The platform and the background process see all rows; what workers see is for the caller to say.
    """
    for table in tables:
        op.get_bind().exec_driver_sql(_BRANDS_TABLE.format(table=table))


_BRANDS_TABLE = """
GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO humancloud_app, humancloud_background;
ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
ALTER TABLE {table} FORCE ROW LEVEL SECURITY;
CREATE POLICY background ON {table} TO humancloud_background USING (true) WITH CHECK (true);
CREATE POLICY brand ON {table} TO humancloud_app
    USING (brand_id = app_brand()) WITH CHECK (brand_id = app_brand());
CREATE POLICY platform ON {table} TO humancloud_app USING (app_platform()) WITH CHECK (app_platform());
"""
