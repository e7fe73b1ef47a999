"""The operator's review pack: what will run, what it changes, and what is known about it, as files of fixed bytes."""
