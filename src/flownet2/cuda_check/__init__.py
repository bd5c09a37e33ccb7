# SPDX-License-Identifier: Apache-2.0
"""The check behind `flownet2 check --device cuda`: what a person with a GPU sends us. Nothing is printed here.

machine.py            the GPUs, or why there is none; versions
kernels.py            our kernels beside the definitions
layers.py             convolutions of each engine beside the definitions
networks.py           networks beside the CPU, their weights by random_model.py
speed.py              times and memory
peer.py, torch_graph.py   PyTorch beside us
sanitizer.py          compute-sanitizer
report.py             the results
run.py                all of it
"""
