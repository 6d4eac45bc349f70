// Depthwise convolution and pooling over staged planes (stage.cl): `taps` are the offsets at which each tap's rows begin.
// MODE 0: weighted sum; 1: largest; 2: sum times `weights[n]`, the reciprocal of the elements that count at position n.
// One work-item makes BLOCK vectors of one plane. Global: (blocks, planes).

#define BLOCK 4

__kernel void window(GLOBAL_IN staged, const __global int *restrict taps, GLOBAL_IN weights, GLOBAL_IN bias, GLOBAL_OUT out,
                     int planes, int columns, int tap_count, int staged_plane, int channels, int multiplier, int options, int function,
                     float a, float b) {
  const int plane = get_global_id(1);
  const int n0 = get_global_id(0) * BLOCK * VW;
  if (n0 >= columns || plane >= planes) return;
  const int channel = plane % channels;
  GLOBAL_IN from = staged + (size_t)((plane / channels) * (channels / multiplier) + channel / multiplier) * staged_plane + n0;
  GLOBAL_OUT to = out + (size_t)plane * columns + n0;
#if MODE == 0
  GLOBAL_IN own = weights + channel * tap_count;
#endif
  V results[BLOCK];
#pragma unroll
  for (int j = 0; j < BLOCK; j++) results[j] = (V)(MODE == 1 ? -FLT_MAX : 0.0f);
  for (int tap = 0; tap < tap_count; tap++) {
    GLOBAL_IN at = from + taps[tap];
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
  const float offset = (options & 1) ? bias[channel] : 0.0f;
  V spill[BLOCK];
#pragma unroll
  for (int j = 0; j < BLOCK; j++) spill[j] = results[j] + (V)offset;
  for (int j = 0; j < BLOCK; j++) {
    const int count = columns - n0 - j * VW;
    if (count <= 0) break;
    V value = spill[j];
#if MODE == 2
    value *= load_some(weights + n0 + j * VW, count);
#endif
    store_some(apply(value, function, a, b), to + j * VW, count);
  }
}
