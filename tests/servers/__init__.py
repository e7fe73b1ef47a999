"""Handing out a PostgreSQL."""
