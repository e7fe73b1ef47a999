"""The live SQL sources, one folder a stage, and the tool that freezes them into a revision."""
