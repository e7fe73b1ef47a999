"""The no-go families (contract, section 7): each case is tried for real, and what PostgreSQL answered is kept."""
