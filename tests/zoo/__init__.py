"""Real applications, with their own migrations and their own logins, each protected by its page of the docs."""
