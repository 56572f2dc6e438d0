"""`make hosts`: run the contract in every host, keep the report, and write the README's table."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.hosts.report import HOSTS, README, STORED, with_table

HERE = Path(__file__).parent
WRITTEN = HERE.parent.parent / "test-results" / "hosts.json"


def main() -> None:
    WRITTEN.unlink(missing_ok=True)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        str(HERE),
        "--deselect",
        "tests/hosts/test_report.py",
    ]
    failed = subprocess.run(
        command, env={**os.environ, "HOSTS_REPORT": "new"}, check=False
    ).returncode
    if failed:
        raise SystemExit("The report is as it was: not every host keeps the contract.")
    report = json.loads(WRITTEN.read_text())
    if missing := set(HOSTS) - set(report):
        raise SystemExit(f"The report is as it was: {', '.join(sorted(missing))} did not run.")
    text = json.dumps({host: report[host] for host in HOSTS}, indent=2, ensure_ascii=False)
    STORED.write_text(text + "\n")
    README.write_text(with_table(README.read_text(), report))


if __name__ == "__main__":
    main()
