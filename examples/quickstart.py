# SPDX-License-Identifier: Apache-2.0
"""The smallest program: two pictures in, flow out.

    python examples/quickstart.py [IMAGE1 IMAGE2]

Without arguments it takes the pair inside the package. Needs `pip install "flownet2[cli]"` for the pictures.
"""

from __future__ import annotations

import sys

import flownet2
from flownet2.builtin import DEMO_FRAME1, DEMO_FRAME2

image1, image2 = (flownet2.io.read_image(path) for path in (sys.argv[1:3] or (DEMO_FRAME1, DEMO_FRAME2)))

model = flownet2.load()  # or a checkpoint: flownet2.load("flownet2.pth")
flow = model(image1, image2)  # float32 (H, W, 2): u to the right, v down, in pixels

flownet2.io.write_flow("flow.flo", flow)
flownet2.io.write_image("flow.png", flownet2.viz.flow_to_color(flow))
u, v = flow.mean(axis=(0, 1))
print(f"wrote flow.flo and flow.png; mean flow {u:.3f}, {v:.3f} px")
