"""Records to events: the protocol's state machines, with time as an argument."""
