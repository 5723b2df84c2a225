# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The machine that figures come from, and where they are filed."""
import os
import re


def cpu_name():
    """As results are filed; for AMD with the generation, which its names leave open."""
    with open("/proc/cpuinfo") as file:
        info = file.read()
    name = re.search(r"model name\s*:\s*(.*)", info).group(1)
    name = re.sub(r"\s+", " ", re.sub(r"\(R\)|\(TM\)|CPU|Processor|@.*", "", name)).strip()
    if "AuthenticAMD" in info:
        family = int(re.search(r"cpu family\s*:\s*(\d+)", info).group(1))
        name += {23: " Zen2", 25: " Zen4" if "avx512f" in info else " Zen3", 26: " Zen5"}.get(family, "")
    return name


def results_folder():
    """bench/results/<cpu>, made when it is not there."""
    name = re.sub(r"\W+", "-", cpu_name().lower()).strip("-")
    folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "results", name)
    os.makedirs(folder, exist_ok=True)
    return folder
