"""Reads the live catalogs. The only layer that does, outside of SQL that runs in the database itself."""
