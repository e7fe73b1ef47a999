"""Several databases of one cluster, each with its own ledger, pair of roles and people."""
