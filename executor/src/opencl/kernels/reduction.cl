// Reductions over the middle dimension of [outer][size][inner].

float total(V value) {
  float lanes[VW], sum = 0.0f;
  STORE(value, 0, lanes);
  for (int lane = 0; lane < VW; lane++) sum += lanes[lane];
  return sum;
}

float largest(V value) {
  float lanes[VW], result;
  STORE(value, 0, lanes);
  result = lanes[0];
  for (int lane = 1; lane < VW; lane++) result = fmax(result, lanes[lane]);
  return result;
}

V load_or(GLOBAL_IN from, int count, float filler) {
  if (count >= VW) return LOAD(0, from);
  float lanes[VW];
  for (int lane = 0; lane < VW; lane++) lanes[lane] = lane < count ? from[lane] : filler;
  return LOAD(0, lanes);
}

float sum_of(GLOBAL_IN from, int size) {
  V sum = (V)0.0f;
  for (int at = 0; at < size; at += VW) sum += load_some(from + at, size - at);
  return total(sum);
}

// Global: (vectors of the inner dimension, outer elements).
__kernel void mean(GLOBAL_IN in, GLOBAL_OUT out, int size, int inner, float factor, int function, float a, float b) {
  const size_t outer = get_global_id(1);
  if (inner == 1) {
    const V result = (V)(sum_of(in + outer * size, size) * factor);
    store_some(apply(result, function, a, b), out + outer, 1);
    return;
  }
  const int at = get_global_id(0) * VW;
  GLOBAL_IN from = in + outer * size * inner + at;
  V sum = (V)0.0f;
  for (int k = 0; k < size; k++) sum += load_some(from + k * inner, inner - at);
  store_some(apply(sum * factor, function, a, b), out + outer * inner + at, inner - at);
}

// Global: (vectors of the inner dimension, outer elements).
__kernel void softmax(GLOBAL_IN in, GLOBAL_OUT out, int size, int inner) {
  const size_t base = (size_t)get_global_id(1) * size * inner;
  if (inner == 1) {
    GLOBAL_IN from = in + base;
    GLOBAL_OUT to = out + base;
    V top = (V)-FLT_MAX;
    for (int at = 0; at < size; at += VW) top = fmax(top, load_or(from + at, size - at, -FLT_MAX));
    const float peak = largest(top);
    V sum = (V)0.0f;
    for (int at = 0; at < size; at += VW) {
      const V value = exp(load_or(from + at, size - at, -FLT_MAX) - peak);
      sum += value;
      store_some(value, to + at, size - at);
    }
    const float factor = 1.0f / total(sum);
    for (int at = 0; at < size; at++) to[at] *= factor;
    return;
  }
  const int at = get_global_id(0) * VW, count = inner - at;
  GLOBAL_IN from = in + base + at;
  GLOBAL_OUT to = out + base + at;
  V peak = (V)-FLT_MAX, sum = (V)0.0f;
  for (int k = 0; k < size; k++) peak = fmax(peak, load_some(from + k * inner, count));
  for (int k = 0; k < size; k++) {
    const V value = exp(load_some(from + k * inner, count) - peak);
    sum += value;
    store_some(value, to + k * inner, count);
  }
  const V factor = (V)1.0f / sum;
  for (int k = 0; k < size; k++) store_some(load_some(to + k * inner, count) * factor, to + k * inner, count);
}

// Instance and layer normalisation: each row of `size` gets mean 0 and variance 1, then scale and offset by
// `row / row_divisor % parameters` (instance) or, where `row_divisor` is 0, by the element (layer). Global: (rows).
__kernel void normalize_rows(GLOBAL_IN in, GLOBAL_IN scale, GLOBAL_IN offset, GLOBAL_OUT out, int size, int row_divisor, int parameters,
                        float epsilon, int function, float a, float b) {
  const int row = get_global_id(0);
  GLOBAL_IN from = in + (size_t)row * size;
  GLOBAL_OUT to = out + (size_t)row * size;
  const float centre = sum_of(from, size) / size;
  V squares = (V)0.0f;
  for (int at = 0; at < size; at += VW) {
    const V distance = load_or(from + at, size - at, centre) - centre;
    squares = fma(distance, distance, squares);
  }
  const float factor = rsqrt(total(squares) / size + epsilon);
  const int parameter = row_divisor ? row / row_divisor % parameters : 0;
  for (int at = 0; at < size; at += VW) {
    V value = (load_some(from + at, size - at) - centre) * factor;
    if (row_divisor) {
      value = fma(value, (V)scale[parameter], (V)offset[parameter]);
    } else {
      value = fma(value, load_some(scale + at, size - at), load_some(offset + at, size - at));
    }
    store_some(apply(value, function, a, b), to + at, size - at);
  }
}
