"""Measuring and drawing what doctors outline costs the web neither OpenVINO nor torch."""

import subprocess
import sys

CODE = """
import sys, django
django.setup()
from django.urls import get_resolver
get_resolver().reverse_dict
import inference.reviews.services, inference.progress.chart
loaded = {name.partition('.')[0] for name in sys.modules}
assert 'cv2' in loaded
print(loaded & {'openvino', 'torch', 'timm', 'matplotlib'} or 'none')
"""


def test_the_web_loads_no_engine() -> None:
    done = subprocess.run(
        [sys.executable, "-c", CODE],
        env={"DJANGO_SETTINGS_MODULE": "backend.settings", "PATH": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "none"
