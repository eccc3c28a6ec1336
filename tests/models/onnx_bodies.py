"""For each operator, a network that uses it."""

from __future__ import annotations

# Where the operator is younger than the version that the others are tested in.
OPSETS = {"Attention": 23, "RMSNormalization": 23, "RotaryEmbedding": 23, "Swish": 24, "Upsample": 9}

# Each example as 18 steps of six features, time first.
STEPS = "r = Reshape (x, rows_of_six)  t = Transpose <perm = [1, 0, 2]> (r)"

# What turns examples x (n, 3, 6, 6) into h, using each operator.
BODIES = {
    "Abs": "h = Abs (x)",
    "Add": "h = Add (x, two)",
    "AffineGrid": "t = Slice (x, nought, two_places, one)  u = Slice (t, nought, last, last)"
    "  m = ReduceMean <keepdims = 0> (u, two_places)  n = Shape <end = 2> (x)  s = Concat <axis = 0> (n, nine_seven)"
    "  h = AffineGrid (m, s)",
    "And": "a = Less (x, zero)  b = Greater (x, two)  c = And (a, b)  h = Where (c, two, x)",
    "ArgMax": "a = ArgMax <axis = 1, select_last_index = 1> (x)  h = Cast <to = 1> (a)",
    "ArgMin": "a = ArgMin <axis = -1, keepdims = 0> (x)  h = Cast <to = 1> (a)",
    "Attention": "h = Attention <is_causal = 1> (x, x, x, mask)",
    "AveragePool": "h = AveragePool <kernel_shape = [3, 3], pads = [1, 1, 0, 0]> (x)",
    "BatchNormalization": "h = BatchNormalization (x, scale, offset, mean, variance)",
    "Cast": "d = Cast <to = 11> (x)  h = Cast <to = 1> (d)",
    "CastLike": "d = Cast <to = 11> (x)  h = CastLike (d, two)",
    "Ceil": "h = Ceil (x)",
    "Celu": "h = Celu <alpha = 2.0> (x)",
    "Clip": "h = Clip (x, zero, two)",
    "Concat": "n = Shape <end = 1> (x)  s = Concat <axis = 0> (n, rest)  h = Reshape (x, s)",
    "ConstantOfShape": "s = Shape <end = 3> (x)  a = Concat <axis = 0> (s, one)"
    "  c = ConstantOfShape <value = float[1] {2.5}> (a)  h = Concat <axis = 3> (x, c)",
    "Conv": "h = Conv <auto_pad = 'SAME_UPPER', strides = [2, 2]> (x, kernel, kernel_bias)",
    "ConvTranspose": "h = ConvTranspose <strides = [2, 2], pads = [1, 0, 0, 1], output_padding = [1, 1]>"
    " (x, kernel_back, kernel_bias)",
    "Cos": "h = Cos (x)",
    "CumSum": "h = CumSum <exclusive = 1, reverse = 1> (x, last)",
    "DepthToSpace": "s = SpaceToDepth <blocksize = 2> (x)  h = DepthToSpace <blocksize = 2, mode = 'CRD'> (s)",
    "Div": "n = Shape <end = 1> (x)  m = Mul (n, six)  d = Div (m, six)  s = Concat <axis = 0> (d, rest)"
    "  h = Reshape (x, s)",
    "Dropout": "h = Dropout (x)",
    "Einsum": "h = Einsum <equation = 'nchw,wv->nchv'> (x, square)",
    "Elu": "h = Elu <alpha = 0.5> (x)",
    "Equal": "r = Round (x)  e = Equal (r, zero)  h = Where (e, x, two)",
    "Erf": "h = Erf (x)",
    "Exp": "h = Exp (x)",
    "Expand": "p = GlobalAveragePool (x)  s = Shape (x)  h = Expand (p, s)",
    "EyeLike": "e = EyeLike <k = 1> (square)  m = MatMul (x, e)  h = MatMul (m, square)",
    "Flatten": "h = Flatten <axis = -3> (x)",
    "Floor": "h = Floor (x)",
    "GRU": f"{STEPS}  a, l = GRU <hidden_size = 4> (t, gru_in, gru_state, gru_bias)"
    "  h = Transpose <perm = [1, 0, 2]> (l)",
    "Gather": "h = Gather <axis = 1> (x, swapped)",
    # Positions that the file stores as floats.
    "GatherElements": "c = Conv (x, kernel)  s = Shape (c)  p = Cast <to = 7> (whole)  i = Expand (p, s)"
    "  h = GatherElements <axis = 3> (c, i)",
    "GatherND": "t = Transpose <perm = [1, 0, 2, 3]> (x)  g = GatherND (t, rows)"
    "  h = Transpose <perm = [1, 0, 2, 3]> (g)",
    "Gelu": "h = Gelu <approximate = 'tanh'> (x)",
    "Gemm": "f = Flatten (x)  h = Gemm <transB = 1, alpha = 0.5, beta = 2.0> (f, dense, dense_bias)",
    "GlobalAveragePool": "h = GlobalAveragePool (x)",
    "GlobalMaxPool": "h = GlobalMaxPool (x)",
    "GridSample": "g = Slice (x, nought, two_places, one)  s = Transpose <perm = [0, 2, 3, 1]> (g)"
    "  h = GridSample <padding_mode = 'border'> (x, s)",
    "Greater": "g = Greater (x, zero)  h = Where (g, x, two)",
    "GreaterOrEqual": "g = GreaterOrEqual (x, zero)  h = Where (g, x, two)",
    "GroupNormalization": "h = GroupNormalization <num_groups = 3> (x, scale, offset)",
    "HardSigmoid": "h = HardSigmoid <alpha = 0.3> (x)",
    "HardSwish": "h = HardSwish (x)",
    "Hardmax": "h = Hardmax <axis = 1> (x)",
    "Identity": "h = Identity (x)",
    "InstanceNormalization": "h = InstanceNormalization (x, scale, offset)",
    "IsInf": "i = IsInf <detect_negative = 0> (x)  h = Where (i, two, x)",
    "IsNaN": "i = IsNaN (x)  h = Where (i, two, x)",
    "LRN": "h = LRN <size = 3, alpha = 0.1> (x)",
    "LSTM": f"{STEPS}  a, l, c = LSTM <hidden_size = 4, direction = 'bidirectional'>"
    " (t, lstm_in, lstm_state, lstm_bias)  h = Transpose <perm = [2, 0, 1, 3]> (a)",
    "LayerNormalization": "t = Transpose <perm = [0, 2, 3, 1]> (x)"
    "  h = LayerNormalization <epsilon = 0.01> (t, scale, offset)",
    "LeakyRelu": "h = LeakyRelu <alpha = 0.3> (x)",
    "Less": "l = Less (x, zero)  h = Where (l, x, two)",
    "LessOrEqual": "l = LessOrEqual (x, zero)  h = Where (l, x, two)",
    "Log": "a = Abs (x)  h = Log (a)",
    "LogSoftmax": "h = LogSoftmax <axis = 1> (x)",
    "LpNormalization": "h = LpNormalization <axis = 1, p = 1> (x)",
    "MatMul": "h = MatMul (x, square)",
    "Max": "h = Max (x, zero, two)",
    "MaxPool": "h = MaxPool <kernel_shape = [3, 2], strides = [2, 2], ceil_mode = 1> (x)",
    "Mean": "h = Mean (x, two)",
    "Min": "h = Min (x, two)",
    "Mish": "h = Mish (x)",
    "Mod": "h = Mod <fmod = 1> (x, two)",
    "Mul": "h = Mul (x, two)",
    "Neg": "h = Neg (x)",
    "NonZero": "m = Constant <value = int64[3] {1, 0, 1}> ()  z = NonZero (m)  r = Squeeze (z, nought)"
    "  h = Gather <axis = 1> (x, r)",
    "Not": "l = Less (x, zero)  n = Not (l)  h = Where (n, x, two)",
    "OneHot": "a = ArgMax <axis = 1, keepdims = 0> (x)  d = Constant <value_int = 4> ()"
    "  v = Constant <value = float[2] {-1.0, 1.0}> ()  h = OneHot <axis = 1> (a, d, v)",
    "Or": "a = Less (x, zero)  b = Greater (x, two)  c = Or (a, b)  h = Where (c, two, x)",
    "PRelu": "h = PRelu (x, slope)",
    "Pad": "h = Pad <mode = 'reflect'> (x, margins)",
    "Pow": "a = Abs (x)  b = Pow (a, two)  h = Pow (two, b)",
    "RMSNormalization": "t = Transpose <perm = [0, 2, 3, 1]> (x)  h = RMSNormalization (t, scale)",
    "RNN": f"{STEPS}  n = Shape <start = 1, end = 2> (t)  four = Constant <value_int = 4> ()"
    "  f = Unsqueeze (four, nought)  s = Concat <axis = 0> (one, n, f)  z = ConstantOfShape (s)"
    "  l = Shape <start = 0, end = 1> (t)  m = Expand (l, n)  lengths = Cast <to = 6> (m)"
    "  a = RNN <hidden_size = 4, direction = 'reverse', activations = ['Relu']>"
    " (t, rnn_in, rnn_state, , lengths, z)  h = Transpose <perm = [2, 0, 1, 3]> (a)",
    "Range": "n = Shape <end = 1> (x)  b = Squeeze (n)  r = Range (first, b, step)  g = Gather <axis = 0> (x, r)"
    "  f = Cast <to = 1> (r)  u = Unsqueeze (f, later)  h = Mul (g, u)",
    "Reciprocal": "h = Reciprocal (x)",
    "ReduceL1": "h = ReduceL1 (x, space)",
    "ReduceL2": "h = ReduceL2 <keepdims = 0> (x, space)",
    "ReduceLogSum": "a = Abs (x)  h = ReduceLogSum (a, space)",
    "ReduceLogSumExp": "h = ReduceLogSumExp (x, space)",
    "ReduceMax": "h = ReduceMax <keepdims = 0> (x, space)",
    "ReduceMean": "h = ReduceMean <keepdims = 0> (x, space)",
    "ReduceMin": "h = ReduceMin (x, last)",
    "ReduceProd": "h = ReduceProd <keepdims = 0> (x, space)",
    "ReduceSum": "h = ReduceSum (x, space)",
    "ReduceSumSquare": "h = ReduceSumSquare (x, last)",
    "Relu": "h = Relu (x)",
    "Reshape": "h = Reshape (x, rows_of_three)",
    "Resize": "n = Shape <end = 2> (x)  s = Concat <axis = 0> (n, nine_seven)"
    "  h = Resize <mode = 'linear', coordinate_transformation_mode = 'align_corners'> (x, , , s)",
    "ReverseSequence": f"{STEPS}  i = ArgMax <axis = 2, keepdims = 0> (t)  n = ReduceMax <keepdims = 0> (i, nought)"
    "  b = ReverseSequence (t, n)  h = Transpose <perm = [1, 0, 2]> (b)",
    "RotaryEmbedding": "n = Shape <end = 1> (x)  s = Concat <axis = 0> (n, one)  p = Expand (places, s)"
    "  h = RotaryEmbedding <rotary_embedding_dim = 4> (x, turns, turns, p)",
    "Round": "h = Round (x)",
    "ScatterElements": "i = ArgMax <axis = 3> (x)  p = GlobalAveragePool (x)  s = Shape (i)  u = Expand (p, s)"
    "  h = ScatterElements <axis = 3, reduction = 'add'> (x, i, u)",
    "ScatterND": "t = Transpose <perm = [1, 0, 2, 3]> (x)  g = GatherND (t, rows)"
    "  u = ScatterND (t, rows, g)  h = Transpose <perm = [1, 0, 2, 3]> (u)",
    "Selu": "h = Selu (x)",
    "Shape": "s = Shape (x)  h = Reshape (x, s)",
    "Shrink": "h = Shrink <bias = 0.1, lambd = 0.3> (x)",
    "Sigmoid": "h = Sigmoid (x)",
    "Sign": "h = Sign (x)",
    "Sin": "h = Sin (x)",
    "Size": "n = Size (x)  d = Shape <end = 1> (x)  c = Div (n, d)  s = Concat <axis = 0> (rest, c)"
    "  h = Reshape (x, s)",
    "Slice": "h = Slice (x, start, end, last, backwards)",
    "Softmax": "h = Softmax <axis = -1> (x)",
    "Softplus": "h = Softplus (x)",
    "Softsign": "h = Softsign (x)",
    "SpaceToDepth": "h = SpaceToDepth <blocksize = 3> (x)",
    "Split": "a, b = Split <axis = 1> (x, parts)  h = Concat <axis = 1> (b, a)",
    "Sqrt": "a = Abs (x)  h = Sqrt (a)",
    "Squeeze": "p = GlobalAveragePool (x)  h = Squeeze (p, space)",
    "Sub": "h = Sub (x, two)",
    "Sum": "h = Sum (x, two, x)",
    "Swish": "h = Swish <alpha = 0.5> (x)",
    "Tanh": "h = Tanh (x)",
    "ThresholdedRelu": "h = ThresholdedRelu <alpha = 0.5> (x)",
    "Tile": "p = GlobalAveragePool (x)  r = Constant <value_ints = [1, 2, 3, 1]> ()  h = Tile (p, r)",
    "TopK": "v, i = TopK <axis = 3, largest = 0> (x, deepest)  f = Cast <to = 1> (i)  h = Add (v, f)",
    "Transpose": "h = Transpose <perm = [0, 2, 3, 1]> (x)",
    "Trilu": "h = Trilu <upper = 0> (x, step)",
    "Unsqueeze": "h = Unsqueeze (x, last)",
    "Upsample": "c = Conv (x, kernel)  h = Upsample (c, twofold)",
    "Where": "g = Greater (x, zero)  h = Where (g, x, two)",
    "Xor": "a = Less (x, two)  b = Greater (x, zero)  c = Xor (a, b)  h = Where (c, two, x)",
}
