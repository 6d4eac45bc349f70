// Convolutions and matrix products on images. A work-item makes one block of channels of PIXELS neighbours: places of a row,
// or, of a matrix, rows. A texel of `weights` holds four output channels: at x = input channel, y = tap * blocks + block.

// sums[p] += the four input channels of values[p] times their weights.
#define ACCUMULATE(values, channel, filter_row)                                              \
  {                                                                                          \
    const float4 w0 = read_imagef(weights, (int2)((channel), (filter_row)));                 \
    const float4 w1 = read_imagef(weights, (int2)((channel) + 1, (filter_row)));             \
    const float4 w2 = read_imagef(weights, (int2)((channel) + 2, (filter_row)));             \
    const float4 w3 = read_imagef(weights, (int2)((channel) + 3, (filter_row)));             \
    _Pragma("unroll") for (int p = 0; p < PIXELS; p++) {                                     \
      sums[p] = fma((float4)values[p].x, w0, sums[p]);                                       \
      sums[p] = fma((float4)values[p].y, w1, sums[p]);                                       \
      sums[p] = fma((float4)values[p].z, w2, sums[p]);                                       \
      sums[p] = fma((float4)values[p].w, w3, sums[p]);                                       \
    }                                                                                        \
  }

// `in_blocks` and `group_blocks` are blocks of input and output channels of one group. Global: (blocks, PIXELS of a row, rows).
__kernel void convolution(IMAGE_IN in, IMAGE_IN weights, GLOBAL_IN bias, IMAGE_IN residual, IMAGE_OUT out, int blocks,
                          int channels, int in_blocks, int group_blocks, int in_height, int in_width, int out_height,
                          int out_width, int kernel_height, int kernel_width, int stride_height, int stride_width,
                          int dilation_height, int dilation_width, int pad_top, int pad_left, int has_residual, int function,
                          float a, float b) {
  const int block = get_global_id(0), x0 = get_global_id(1) * PIXELS, y = get_global_id(2);
  if (block >= blocks) return;
  const int first_block = block / group_blocks * in_blocks;
  const int image_row = y / out_height * in_height, top = y % out_height * stride_height - pad_top;
  float4 sums[PIXELS];
#pragma unroll
  for (int p = 0; p < PIXELS; p++) sums[p] = vload4(block, bias);
  for (int i = 0; i < kernel_height; i++) {
    const int row = top + i * dilation_height;
    if (row < 0 || row >= in_height) continue;
    for (int j = 0; j < kernel_width; j++) {
      const int left = x0 * stride_width + j * dilation_width - pad_left;
      for (int k = 0; k < in_blocks; k++) {
        const int from = (first_block + k) * in_width;
        float4 values[PIXELS];
#pragma unroll
        for (int p = 0; p < PIXELS; p++) {
          const int column = left + p * stride_width;
          const bool is_inside = column >= 0 && column < in_width;
          values[p] = is_inside ? read_imagef(in, (int2)(from + column, image_row + row)) : (float4)0.0f;
        }
        ACCUMULATE(values, k * 4, (i * kernel_width + j) * blocks + block)
      }
    }
  }
#pragma unroll
  for (int p = 0; p < PIXELS; p++) {
    if (x0 + p < out_width) {
      const int2 at = (int2)(block * out_width + x0 + p, y);
      if (has_residual) sums[p] += read_imagef(residual, at);
      write_imagef(out, at, keep(apply(sums[p], function, a, b), channels - block * 4));
    }
  }
}

// Global: (blocks, PIXELS rows).
__kernel void product(IMAGE_IN in, IMAGE_IN weights, GLOBAL_IN bias, IMAGE_IN residual, IMAGE_OUT out, int blocks, int channels,
                      int in_blocks, int rows, int has_residual, int function, float a, float b) {
  const int block = get_global_id(0), y0 = get_global_id(1) * PIXELS;
  if (block >= blocks) return;
  float4 sums[PIXELS];
#pragma unroll
  for (int p = 0; p < PIXELS; p++) sums[p] = vload4(block, bias);
  for (int k = 0; k < in_blocks; k++) {
    float4 values[PIXELS];
#pragma unroll
    for (int p = 0; p < PIXELS; p++) values[p] = read_imagef(in, (int2)(k, min(y0 + p, rows - 1)));
    ACCUMULATE(values, k * 4, block)
  }
#pragma unroll
  for (int p = 0; p < PIXELS; p++) {
    if (y0 + p < rows) {
      const int2 at = (int2)(block, y0 + p);
      if (has_residual) sums[p] += read_imagef(residual, at);
      write_imagef(out, at, keep(apply(sums[p], function, a, b), channels - block * 4));
    }
  }
}
