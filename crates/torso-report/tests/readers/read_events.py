"""Prints the scalars that TensorBoard finds below a folder, as JSON.

    {"READER": {"RUN": {"TAG": [[STEP, BITS], ...]}}}

READER is `accumulator`, the class for programs, or `server`, what TensorBoard itself shows. BITS is
a value in single precision as an unsigned integer, so that no digit is lost on the way.
"""

import json
import os
import struct
import sys

from tensorboard.backend.event_processing import plugin_event_multiplexer
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.io_wrapper import GetLogdirSubdirectories
from tensorboard.util import tensor_util

ALL = 0


def bits(value):
    return struct.unpack("<I", struct.pack("<f", value))[0]


def accumulator(folder):
    runs = {}
    for path in GetLogdirSubdirectories(folder):
        events = EventAccumulator(path, size_guidance={"scalars": ALL})
        events.Reload()
        runs[os.path.relpath(path, folder)] = {
            tag: [[event.step, bits(event.value)] for event in events.Scalars(tag)]
            for tag in events.Tags()["scalars"]
        }
    return runs


def server(folder):
    multiplexer = plugin_event_multiplexer.EventMultiplexer(size_guidance={"tensors": ALL})
    multiplexer.AddRunsFromDirectory(folder).Reload()

    def value(event):
        return bits(tensor_util.make_ndarray(event.tensor_proto).item())

    return {
        run: {
            tag: [[event.step, value(event)] for event in multiplexer.Tensors(run, tag)]
            for tag in multiplexer.PluginRunToTagToContent("scalars").get(run, {})
        }
        for run in multiplexer.Runs()
    }


folder = sys.argv[1]
print(json.dumps({"accumulator": accumulator(folder), "server": server(folder)}))
