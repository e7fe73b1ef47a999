"""What author and operator do, step by step: joins the catalog, the plan, Alembic and the files."""
