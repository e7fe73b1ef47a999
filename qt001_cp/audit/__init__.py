"""The independent re-check. It shares no code with what it checks: own queries, own parser of pg_dump, own digests.

It imports nothing of this project but the errors (import-linter guards it). It only reads.
"""
