"""From steps to SQL text. Pure; the one place that writes statements."""
