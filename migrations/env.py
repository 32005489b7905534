"""Alembic's entry point: run in-process by vitrina.db.schema, online or offline."""

from alembic import context

config = context.config

if context.is_offline_mode():
    context.configure(
        dialect_name="postgresql",
        literal_binds=True,
        version_table_schema="vitrina",
        transaction_per_migration=True,
    )
else:
    context.configure(
        connection=config.attributes["connection"],
        version_table_schema="vitrina",
        transaction_per_migration=True,
    )

with context.begin_transaction():
    context.run_migrations()
