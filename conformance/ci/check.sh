#!/bin/sh
# Judges a server from any CI: installs the kit from this checkout, runs it and keeps the report.
#
#   conformance/ci/check.sh http://localhost:3000 --token-env GRAFANA_TOKEN
#   conformance/ci/check.sh --start './server --port {port}' --ready 'http://127.0.0.1:{port}/health' --fast
#
# Arguments are those of "liveproto check", whose exit code is the script's. Variables, each with its default:
#
#   LIVEPROTO_REPORT_DIR=liveproto-report    where the report is written
#   LIVEPROTO_VENV=CHECKOUT/.venv            where the kit is installed; used as it is where it has the kit already
#   PYTHON=python3                           3.11 or later, which makes that environment
set -eu
checkout=$(cd "$(dirname "$0")/../.." && pwd)
venv=${LIVEPROTO_VENV:-$checkout/.venv}
if ! [ -x "$venv/bin/liveproto" ]; then
    "${PYTHON:-python3}" -m venv "$venv"
    "$venv/bin/python" -m pip install -q --disable-pip-version-check "$checkout[kit]"
fi
exec "$venv/bin/liveproto" check --report-dir "${LIVEPROTO_REPORT_DIR:-liveproto-report}" "$@"
