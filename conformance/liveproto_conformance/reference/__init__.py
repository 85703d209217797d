"""The embedded server: liveproto's server machine on aiohttp, with Grafana's rules and an engine in memory."""
