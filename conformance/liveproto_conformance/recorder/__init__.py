"""What ``liveproto record`` is made of: a proxy, the taps on what passes through it, and the trace they write."""
