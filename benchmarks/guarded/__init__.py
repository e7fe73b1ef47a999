"""What the writer's guard costs, and that it loses nothing for it."""
