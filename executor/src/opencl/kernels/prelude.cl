// VW: floats in a vector; 16 where the device computes on CPU cores, 4 elsewhere.
#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#define V JOIN(float, VW)
#define LOAD JOIN(vload, VW)
#define STORE JOIN(vstore, VW)
#define GLOBAL_IN const __global float *restrict
#define GLOBAL_OUT __global float *restrict

// Abramowitz and Stegun, "Handbook of Mathematical Functions" (1964), 7.1.26: absolute error below 1.5e-7.
V error_function(V x) {
  V magnitude = fabs(x);
  V t = (V)1.0f / fma((V)0.3275911f, magnitude, (V)1.0f);
  V sum = fma(t, (V)1.061405429f, (V)-1.453152027f);
  sum = fma(t, sum, (V)1.421413741f);
  sum = fma(t, sum, (V)-0.284496736f);
  sum = fma(t, sum, (V)0.254829592f);
  return copysign((V)1.0f - sum * t * exp(-magnitude * magnitude), x);
}

// The codes are those of `Function` in opencl/function.rs.
V apply(V x, int function, float a, float b) {
  switch (function) {
    case 1: return fmin(fmax(x, (V)a), (V)b);
    case 2: return fmax(x, (V)0.0f) + a * fmin(x, (V)0.0f);
    case 3: return (V)1.0f / ((V)1.0f + exp(-x));
    case 4: return x / ((V)1.0f + exp(-x));
    case 5: return fmin(fmax(fma((V)a, x, (V)b), (V)0.0f), (V)1.0f);
    case 6: return x * fmin(fmax(fma((V)(1.0f / 6.0f), x, (V)0.5f), (V)0.0f), (V)1.0f);
    case 7: return (V)1.0f - (V)2.0f / (exp((V)2.0f * x) + (V)1.0f);
    case 8: return error_function(x);
    case 9: return sqrt(x);
    case 10: return exp(x);
    case 11: return -x;
    case 12: return fabs(x);
    case 13: return log(x);
    case 14: return (V)1.0f / x;
    case 15: return floor(x);
    case 16: return ceil(x);
    case 17: return fmax(x, (V)0.0f) + a * (exp(fmin(x, (V)0.0f)) - (V)1.0f);
    case 18: return (V)0.5f * x * ((V)1.0f + error_function(x * (V)0.70710678f));
    default: return x;
  }
}

// The first `count` lanes of a vector.
V load_some(GLOBAL_IN from, int count) {
  if (count >= VW) return LOAD(0, from);
  float lanes[VW];
  for (int lane = 0; lane < VW; lane++) lanes[lane] = lane < count ? from[lane] : 0.0f;
  return LOAD(0, lanes);
}

void store_some(V value, GLOBAL_OUT to, int count) {
  if (count >= VW) {
    STORE(value, 0, to);
    return;
  }
  float lanes[VW];
  STORE(value, 0, lanes);
  for (int lane = 0; lane < count; lane++) to[lane] = lanes[lane];
}

// One row for one kernel column: column c is the input's column c * stride + shift, or `filler` outside.
#define STAGE_ROW(name, space)                                                                                     \
  void name(GLOBAL_IN row, space float *to, int out_width, int in_width, int stride, int shift, float filler) {    \
    int begin = shift >= 0 ? 0 : min((-shift + stride - 1) / stride, out_width);                                   \
    int end = in_width <= shift ? begin : max(begin, min((in_width - shift + stride - 1) / stride, out_width));    \
    int column = 0;                                                                                                \
    for (; column < begin; column++) to[column] = filler;                                                          \
    if (stride == 1) {                                                                                             \
      for (; column + VW <= end; column += VW) STORE(LOAD(0, row + column + shift), 0, to + column);               \
    } else if (stride == 2) {                                                                                      \
      /* The last vector would read one element past the row. */                                                   \
      for (; column + VW < end; column += VW) {                                                                    \
        const V low = LOAD(0, row + column * 2 + shift), high = LOAD(1, row + column * 2 + shift);                 \
        STORE((V)(low.even, high.even), 0, to + column);                                                           \
      }                                                                                                            \
    }                                                                                                              \
    for (; column < end; column++) to[column] = row[column * stride + shift];                                      \
    for (; column < out_width; column++) to[column] = filler;                                                      \
  }
