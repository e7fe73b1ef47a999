"""The report: what one database says of its stages, gates, estate and ways in, as facts and as one HTML page."""
