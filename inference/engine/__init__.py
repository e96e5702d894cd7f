"""Reading slices, without Django: prepare, accept, classify, segment, agree, measure, explain."""

import sys

# OpenVINO tells its makers' analytics whenever it is imported. What reads patients' scans tells
# nobody; without the package that does it, OpenVINO keeps silent by itself.
sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
