"""Reading scans tells nobody on the network about it."""

import subprocess
import sys

REPORT = """
import inference.engine.openvino_backend
from openvino.tools import ovc
print(type(ovc.telemetry).__module__)
"""


def test_openvino_does_not_report_its_use() -> None:
    done = subprocess.run([sys.executable, "-c", REPORT], capture_output=True, text=True)
    assert done.stdout.strip() == "openvino.tools.ovc.telemetry_stub", done.stderr
