"""Behaviour before and after: what every role could read and write before a stage, tried by itself before and after it."""
