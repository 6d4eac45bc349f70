// Depthwise convolution and pooling: a work-group stages one plane of the image in local memory, as stage.cl does in global
// memory, then slides the window over it. A large plane comes in bands of output rows.
// MODE 0: weighted sum; 1: largest; 2: sum times `weights[n]`, the reciprocal of the elements that count at position n.
// Global: (bands, planes, work-items of a group), of which the last are one work-group.

#define BLOCK 4

STAGE_ROW(stage_band_row, __local)

__kernel void window(GLOBAL_IN in, const __global int *restrict taps, GLOBAL_IN weights, GLOBAL_IN bias, GLOBAL_OUT out,
                     __local float *restrict staged, int in_height, int in_width, int out_height, int out_width, int band_rows,
                     int staged_rows, int kernel_width, int phases, int stride_height, int stride_width, int dilation_width,
                     int pad_top, int pad_left, int place, int tap_count, int channels, int multiplier, float filler, int options,
                     int function, float a, float b) {
  const int plane = get_global_id(1);
  const int own_id = get_local_id(2), items = get_local_size(2);
  const int first_row = get_global_id(0) * band_rows;
  const int row_count = min(band_rows, out_height - first_row);
  const int channel = plane % channels;
  const int input_plane = (plane / channels) * (channels / multiplier) + channel / multiplier;
  GLOBAL_IN image = in + (size_t)input_plane * in_height * in_width;
  for (int part = 0; part < kernel_width * phases; part++) {
    const int kernel_column = part / phases, phase = part % phases;
    for (int row = own_id; row < staged_rows; row += items) {
      const int y = (first_row + row) * stride_height + phase - pad_top;
      __local float *to = staged + part * place + row * out_width;
      if (y >= 0 && y < in_height) {
        stage_band_row(image + y * in_width, to, out_width, in_width, stride_width, kernel_column * dilation_width - pad_left, filler);
      } else {
        for (int column = 0; column < out_width; column++) to[column] = filler;
      }
    }
  }
  barrier(CLK_LOCAL_MEM_FENCE);
  const int start = first_row * out_width;
  const int columns = row_count * out_width;
  GLOBAL_OUT to = out + (size_t)plane * out_height * out_width + start;
#if MODE == 0
  GLOBAL_IN own = weights + channel * tap_count;
#endif
  const float offset = (options & 1) ? bias[channel] : 0.0f;
  for (int n0 = own_id * BLOCK * VW; n0 < columns; n0 += items * BLOCK * VW) {
    const __local float *from = staged + n0;
    V results[BLOCK];
#pragma unroll
    for (int j = 0; j < BLOCK; j++) results[j] = (V)(MODE == 1 ? -FLT_MAX : offset);
    for (int tap = 0; tap < tap_count; tap++) {
      const __local float *at = from + taps[tap];
#if MODE == 0
      const V weight = (V)own[tap];
#endif
#pragma unroll
      for (int j = 0; j < BLOCK; j++) {
#if MODE == 0
        results[j] = fma(weight, LOAD(j, at), results[j]);
#elif MODE == 1
        results[j] = fmax(results[j], LOAD(j, at));
#else
        results[j] += LOAD(j, at);
#endif
      }
    }
#if MODE != 2
    if (function <= 1 && n0 + BLOCK * VW <= columns) {
#pragma unroll
      for (int j = 0; j < BLOCK; j++) {
        STORE(function ? fmin(fmax(results[j], (V)a), (V)b) : results[j], j, to + n0);
      }
      continue;
    }
#endif
    float spill[BLOCK * VW];
#pragma unroll
    for (int j = 0; j < BLOCK; j++) STORE(results[j], j, spill);
#pragma nounroll
    for (int j = 0; j < BLOCK; j++) {
      const int count = columns - n0 - j * VW;
      if (count <= 0) break;
      V value = LOAD(j, spill);
#if MODE == 2
      value *= load_some(weights + start + n0 + j * VW, count);
#endif
      store_some(apply(value, function, a, b), to + n0 + j * VW, count);
    }
  }
}
