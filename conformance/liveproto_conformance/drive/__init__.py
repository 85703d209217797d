"""The only sockets of the kit."""
