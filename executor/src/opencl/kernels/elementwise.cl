// Functions of one or two tensors, element by element. Shapes are collapsed to `inner` contiguous elements and up to five
// outer dimensions; `shape` holds five outer sizes, then strides of the left and of the right operand for them.

// Global: (blocks of 16 vectors).
__kernel void unary(GLOBAL_IN in, GLOBAL_OUT out, int elements, int function, float a, float b) {
  const int begin = get_global_id(0) * 16 * VW;
  const int end = min(begin + 16 * VW, elements);
  for (int at = begin; at < end; at += VW) store_some(apply(load_some(in + at, end - at), function, a, b), out + at, end - at);
}

V power(V x, float exponent) {
  if (exponent == 2.0f) return x * x;
  if (exponent == 0.5f) return sqrt(x);
  if (exponent == 3.0f) return x * x * x;
  return pow(x, (V)exponent);
}

// Global: (blocks of 16 vectors of the inner dimension, outer elements).
__kernel void binary(GLOBAL_IN left, GLOBAL_IN right, GLOBAL_OUT out, const __global int *restrict shape, int inner, int left_step,
                     int right_step, int operation, int function, float a, float b) {
  int rest = get_global_id(1);
  GLOBAL_OUT to = out + (size_t)rest * inner;
  int left_at = 0, right_at = 0;
  for (int axis = 4; axis >= 0; axis--) {
    const int place = rest % shape[axis];
    rest /= shape[axis];
    left_at += place * shape[5 + axis];
    right_at += place * shape[10 + axis];
  }
  const int begin = get_global_id(0) * 16 * VW;
  const int end = min(begin + 16 * VW, inner);
  for (int at = begin; at < end; at += VW) {
    const V x = left_step ? load_some(left + left_at + at, end - at) : (V)left[left_at];
    V result;
    if (right_step) {
      result = combine(x, load_some(right + right_at + at, end - at), operation);
    } else if (operation == 4) {
      result = power(x, right[right_at]);
    } else {
      result = combine(x, (V)right[right_at], operation);
    }
    store_some(apply(result, function, a, b), to + at, end - at);
  }
}

// Global: (blocks of 16 vectors of a plane, planes).
__kernel void scale(GLOBAL_IN in, GLOBAL_IN factors, GLOBAL_IN offsets, GLOBAL_OUT out, int elements, int channels, int function,
                    float a, float b) {
  const int plane = get_global_id(1);
  const int channel = plane % channels;
  const V factor = (V)factors[channel], offset = (V)offsets[channel];
  const size_t base = (size_t)plane * elements;
  const int begin = get_global_id(0) * 16 * VW;
  const int end = min(begin + 16 * VW, elements);
  for (int at = begin; at < end; at += VW) {
    const V value = fma(load_some(in + base + at, end - at), factor, offset);
    store_some(apply(value, function, a, b), out + base + at, end - at);
  }
}
