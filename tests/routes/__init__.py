"""The routes of section 6 of the contract: each is shown to lead in after a plain cutover, and to be closed by ours."""
