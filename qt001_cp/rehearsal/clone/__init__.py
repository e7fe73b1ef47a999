"""A clone of somebody's own database in a server of ours: schema, roles and memberships, never a password."""
