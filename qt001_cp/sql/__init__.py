"""The SQL of each stage, one folder a stage, how it is rendered, and the sum that names a build."""
