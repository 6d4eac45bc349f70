// Depthwise convolution, pooling and means on images. MODE as in window.cl: 0 weighted sum, 1 largest, 2 sum times
// `factors[n]` at position n of a plane. A texel of `weights` holds four channels: at x = tap, y = block.
// Global: (blocks, PIXELS of a row, rows).

__kernel void window(IMAGE_IN in, IMAGE_IN weights, GLOBAL_IN factors, IMAGE_OUT out, int blocks, int channels, int in_height,
                     int in_width, int out_height, int out_width, int kernel_height, int kernel_width, int stride_height,
                     int stride_width, int dilation_height, int dilation_width, int pad_top, int pad_left, int function, float a,
                     float b) {
  const int block = get_global_id(0), x0 = get_global_id(1) * PIXELS, y = get_global_id(2);
  if (block >= blocks) return;
  const int image_row = y / out_height * in_height, top = y % out_height * stride_height - pad_top;
  float4 results[PIXELS];
#pragma unroll
  for (int p = 0; p < PIXELS; p++) {
#if MODE == 0
    results[p] = vload4(block, factors);
#else
    results[p] = (float4)(MODE == 1 ? -FLT_MAX : 0.0f);
#endif
  }
  for (int i = 0; i < kernel_height; i++) {
    const int row = top + i * dilation_height;
    if (row < 0 || row >= in_height) continue;
    for (int j = 0; j < kernel_width; j++) {
      const int left = x0 * stride_width + j * dilation_width - pad_left;
#if MODE == 0
      const float4 weight = read_imagef(weights, (int2)(i * kernel_width + j, block));
#endif
#pragma unroll
      for (int p = 0; p < PIXELS; p++) {
        const int column = left + p * stride_width;
        if (column >= 0 && column < in_width) {
          const float4 value = read_imagef(in, (int2)(block * in_width + column, image_row + row));
#if MODE == 0
          results[p] = fma(weight, value, results[p]);
#elif MODE == 1
          results[p] = fmax(results[p], value);
#else
          results[p] += value;
#endif
        }
      }
    }
  }
#pragma unroll
  for (int p = 0; p < PIXELS; p++) {
    if (x0 + p < out_width) {
#if MODE == 2
      results[p] *= factors[y % out_height * out_width + x0 + p];
#endif
      const float4 value = keep(apply(results[p], function, a, b), channels - block * 4);
      write_imagef(out, (int2)(block * out_width + x0 + p, y), value);
    }
  }
}

// Sum over the plane times `factor`. Global: (blocks, images of the batch).
__kernel void plane_mean(IMAGE_IN in, IMAGE_OUT out, int blocks, int channels, int height, int width, float factor, int function,
                         float a, float b) {
  const int block = get_global_id(0), image = get_global_id(1);
  if (block >= blocks) return;
  float4 sum = (float4)0.0f;
  for (int row = 0; row < height; row++) {
    for (int column = 0; column < width; column++) {
      sum += read_imagef(in, (int2)(block * width + column, image * height + row));
    }
  }
  write_imagef(out, (int2)(block, image), keep(apply(sum * factor, function, a, b), channels - block * 4));
}
