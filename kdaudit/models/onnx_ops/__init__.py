"""The ONNX operators that can be trained: OPERATORS has one line for each.

To add one: write its function of a `Call` in the file of its family, add its line here.
"""

from __future__ import annotations

from kdaudit.models.onnx_ops import (
    activation,
    arithmetic,
    convolution,
    dense,
    normalisation,
    pooling,
    shape,
)
from kdaudit.models.onnx_ops.call import Operator, WeightRole

__all__ = ["OPERATORS", "Operator", "WeightRole"]

_CONV = {1: WeightRole.CONV_WEIGHT, 2: WeightRole.BIAS}
_DENSE = {1: WeightRole.LINEAR_WEIGHT, 2: WeightRole.BIAS}
_PRODUCT = {0: WeightRole.LINEAR_WEIGHT, 1: WeightRole.LINEAR_WEIGHT}
_SUM = {0: WeightRole.OFFSET, 1: WeightRole.OFFSET}
_NORM = dict.fromkeys((1, 2, 3, 4), WeightRole.NORM)

OPERATORS = {
    "Abs": Operator(apply=arithmetic.absolute),
    "Add": Operator(apply=arithmetic.add, roles=_SUM),
    "AveragePool": Operator(apply=pooling.average_pool),
    "BatchNormalization": Operator(apply=normalisation.batch_normalization, roles=_NORM),
    "Cast": Operator(apply=shape.cast),
    "CastLike": Operator(apply=shape.cast_like),
    "Clip": Operator(apply=activation.clip),
    "Concat": Operator(apply=shape.concat),
    "Conv": Operator(apply=convolution.conv, roles=_CONV),
    "Div": Operator(apply=arithmetic.div),
    "Dropout": Operator(apply=normalisation.dropout),
    "Erf": Operator(apply=activation.erf),
    "Expand": Operator(apply=shape.expand),
    "Flatten": Operator(apply=shape.flatten, rearranges=True),
    "Floor": Operator(apply=arithmetic.floor),
    "Gather": Operator(apply=shape.gather),
    "GatherND": Operator(apply=shape.gather_nd),
    "Gelu": Operator(apply=activation.gelu),
    "Gemm": Operator(apply=dense.gemm, roles=_DENSE),
    "GlobalAveragePool": Operator(apply=pooling.global_average_pool),
    "HardSigmoid": Operator(apply=activation.hard_sigmoid),
    "HardSwish": Operator(apply=activation.hard_swish),
    "Identity": Operator(apply=shape.identity, rearranges=True),
    "LeakyRelu": Operator(apply=activation.leaky_relu),
    "LogSoftmax": Operator(apply=activation.log_softmax),
    "MatMul": Operator(apply=dense.matmul, roles=_PRODUCT),
    "Max": Operator(apply=arithmetic.maximum),
    "MaxPool": Operator(apply=pooling.max_pool),
    "Min": Operator(apply=arithmetic.minimum),
    "Mul": Operator(apply=arithmetic.mul),
    "Pad": Operator(apply=shape.pad),
    "Range": Operator(apply=arithmetic.range_),
    "ReduceMean": Operator(apply=arithmetic.reduce_mean),
    "Relu": Operator(apply=activation.relu),
    "Reshape": Operator(apply=shape.reshape, rearranges=True),
    "Shape": Operator(apply=shape.shape),
    "Sigmoid": Operator(apply=activation.sigmoid),
    "Sign": Operator(apply=arithmetic.sign),
    "Slice": Operator(apply=shape.slice_),
    "Softmax": Operator(apply=activation.softmax),
    "Squeeze": Operator(apply=shape.squeeze, rearranges=True),
    "Sub": Operator(apply=arithmetic.sub),
    "Tanh": Operator(apply=activation.tanh),
    "Transpose": Operator(apply=shape.transpose, rearranges=True),
    "Unsqueeze": Operator(apply=shape.unsqueeze, rearranges=True),
}
