// Lays the planes of an image out so that every tap of a window reads contiguous rows (Cho and Brand, "MEC: Memory-efficient
// Convolution for Deep Neural Network", 2017): for each kernel column and each phase of the vertical stride a plane of
// `rows` x `out_width`, whose row r, column c is the input's row r * stride_height + phase - pad_top, column
// c * stride_width + kernel_column * dilation_width - pad_left, or `filler` outside.

STAGE_ROW(stage_row, __global)

// Global: (kernel columns * phases, planes).
__kernel void stage(GLOBAL_IN in, GLOBAL_OUT out, int in_height, int in_width, int rows, int out_width, int phases,
                    int stride_height, int stride_width, int dilation_width, int pad_top, int pad_left, int out_plane,
                    float filler) {
  const int place = get_global_id(0);
  const int plane = get_global_id(1);
  const int kernel_column = place / phases, phase = place % phases;
  GLOBAL_IN from = in + (size_t)plane * in_height * in_width;
  GLOBAL_OUT to = out + ((size_t)plane * get_global_size(0) + place) * out_plane;
  for (int row = 0; row < rows; row++) {
    const int y = row * stride_height + phase - pad_top;
    if (y >= 0 && y < in_height) {
      stage_row(from + y * in_width, to + row * out_width, out_width, in_width, stride_width,
                kernel_column * dilation_width - pad_left, filler);
    } else {
      for (int column = 0; column < out_width; column++) to[row * out_width + column] = filler;
    }
  }
}
