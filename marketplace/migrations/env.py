"""Alembic's entry: runs on the connection it is handed, in one transaction."""

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=context.config.attributes.get("metadata"),
    include_object=lambda _object, name, kind, _reflected, _other: (
        not (kind == "table" and name is not None and name.startswith("procrastinate_"))
    ),
)
with context.begin_transaction():
    context.run_migrations()
