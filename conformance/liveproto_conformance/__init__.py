"""liveproto_conformance: judges a Grafana Live or Centrifuge server against the requirements of SPEC.md."""
