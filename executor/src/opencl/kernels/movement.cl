// Copies with strides: Transpose, Slice, Split, Concat, Pad, depth-to-space. `shape` holds six sizes, six strides of the
// input, six of the output; the last dimension is the innermost. Global: (outer elements).

__kernel void move(GLOBAL_IN in, GLOBAL_OUT out, const __global int *restrict shape, int in_base, int out_base) {
  int rest = get_global_id(0);
  int from = in_base, to = out_base;
  for (int axis = 4; axis >= 0; axis--) {
    const int place = rest % shape[axis];
    rest /= shape[axis];
    from += place * shape[6 + axis];
    to += place * shape[12 + axis];
  }
  const int inner = shape[5], in_step = shape[11], out_step = shape[17];
  if (in_step == 1 && out_step == 1) {
    for (int at = 0; at < inner; at++) out[to + at] = in[from + at];
  } else {
    for (int at = 0; at < inner; at++) out[to + at * out_step] = in[from + at * in_step];
  }
}

// Global: (blocks of 16 vectors).
__kernel void fill(GLOBAL_OUT out, int elements, float value) {
  const int begin = get_global_id(0) * 16 * VW;
  const int end = min(begin + 16 * VW, elements);
  for (int at = begin; at < end; at++) out[at] = value;
}

// Rows of `inner` elements by index; indices are clamped into the axis. WIDE: of 64 bits. Global: (indices, outer elements).
#define GATHER(name, index_type)                                                                                        \
  __kernel void name(GLOBAL_IN in, const __global index_type *restrict indices, GLOBAL_OUT out, int axis_size, int inner) { \
    index_type index = indices[get_global_id(0)];                                                                       \
    if (index < 0) index += axis_size;                                                                                  \
    const int row = clamp((int)index, 0, axis_size - 1);                                                                \
    GLOBAL_IN from = in + ((size_t)get_global_id(1) * axis_size + row) * inner;                                         \
    GLOBAL_OUT to = out + ((size_t)get_global_id(1) * get_global_size(0) + get_global_id(0)) * inner;                   \
    for (int at = 0; at < inner; at++) to[at] = from[at];                                                               \
  }
GATHER(gather_int64, long)
GATHER(gather_int32, int)

#define CAST(name, from_type) \
  __kernel void name(const __global from_type *restrict in, GLOBAL_OUT out) { out[get_global_id(0)] = (float)in[get_global_id(0)]; }
CAST(cast_int64, long)
CAST(cast_int32, int)
CAST(cast_uint8, uchar)

// Linear and nearest resampling of planes: each output row and column mixes two of the input.
// Global: (output rows, planes).
__kernel void resample(GLOBAL_IN in, GLOBAL_OUT out, const __global int *restrict places, GLOBAL_IN shares, int in_height,
                       int in_width, int out_height, int out_width) {
  const int row = get_global_id(0);
  GLOBAL_IN plane = in + (size_t)get_global_id(1) * in_height * in_width;
  GLOBAL_IN upper = plane + places[2 * row] * in_width;
  GLOBAL_IN lower = plane + places[2 * row + 1] * in_width;
  GLOBAL_OUT to = out + ((size_t)get_global_id(1) * out_height + row) * out_width;
  const float down = shares[row];
  const __global int *columns = places + 2 * out_height;
  for (int column = 0; column < out_width; column++) {
    const int left = columns[2 * column], right = columns[2 * column + 1];
    const float across = shares[out_height + column];
    const float above = upper[left] + (upper[right] - upper[left]) * across;
    const float below = lower[left] + (lower[right] - lower[left]) * across;
    to[column] = above + (below - above) * down;
  }
}

// Sums the products of a transposed convolution that fall on the same element. `in` is [channels * kernel][in plane].
// Global: (output rows, output planes).
__kernel void scatter(GLOBAL_IN in, GLOBAL_IN bias, GLOBAL_OUT out, int in_height, int in_width, int out_height, int out_width,
                      int kernel_height, int kernel_width, int stride_height, int stride_width, int dilation_height,
                      int dilation_width, int pad_top, int pad_left, int channels, int options, int function, float a, float b) {
  const int y = get_global_id(0), plane = get_global_id(1);
  GLOBAL_IN from = in + (size_t)plane * kernel_height * kernel_width * in_height * in_width;
  GLOBAL_OUT to = out + ((size_t)plane * out_height + y) * out_width;
  const float start = (options & 1) ? bias[plane % channels] : 0.0f;
  for (int x = 0; x < out_width; x++) to[x] = start;
  for (int i = 0; i < kernel_height; i++) {
    const int up = y + pad_top - i * dilation_height;
    if (up < 0 || up % stride_height || up / stride_height >= in_height) continue;
    for (int j = 0; j < kernel_width; j++) {
      GLOBAL_IN row = from + ((size_t)(i * kernel_width + j) * in_height + up / stride_height) * in_width;
      for (int column = 0; column < in_width; column++) {
        const int x = column * stride_width + j * dilation_width - pad_left;
        if (x >= 0 && x < out_width) to[x] += row[column];
      }
    }
  }
  for (int x = 0; x < out_width; x += VW) {
    store_some(apply(load_some(to + x, out_width - x), function, a, b), to + x, out_width - x);
  }
}
