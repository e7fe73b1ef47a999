"""One condition of the gates' SQL is removed at a time; a test has to notice each."""
