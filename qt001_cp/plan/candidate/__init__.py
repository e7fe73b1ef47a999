"""From a live estate to the draft of a policy: groups, what reaches what, a disposition with its reason."""
