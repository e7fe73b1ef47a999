-- Takes away what this stage made, the last first; without CASCADE.

