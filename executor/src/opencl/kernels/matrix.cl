// Products of matrices, and convolutions as such: one work-item makes ROWS x (VECTORS * VW) elements in registers.
//
// out[m][n] = function(bias + residual[m][n] + sum over k of left[m][k] * right[k][n])
//
// In a convolution k runs over channels and, in each, over `taps`: offsets from the channel's plane to where a tap's row of
// `columns` elements begins (see stage.cl). PACKED: `left` lies in blocks of ROWS rows, depth-major, padded with zero rows.
// `bases` has for each of the third dimension: first elements of left, right, bias, out.

#define WIDTH (VECTORS * VW)

__kernel void matrix(GLOBAL_IN left, GLOBAL_IN right, const __global int *restrict taps, GLOBAL_IN bias, GLOBAL_IN residual,
                     GLOBAL_OUT out, const __global int *restrict bases, int rows, int columns, int depth, int tap_count,
                     int left_row, int left_depth, int right_panel, int right_depth, int last_column, int out_row,
                     int options, int function, float a, float b) {
#if COLUMNS_FIRST
  const int column_tile = get_global_id(0), row_tile = get_global_id(1);
#else
  const int row_tile = get_global_id(0), column_tile = get_global_id(1);
#endif
  if (row_tile * ROWS >= rows || column_tile * WIDTH >= columns) return;
  const __global int *base = bases + 4 * get_global_id(2);
  const int m0 = row_tile * ROWS;
  // The last tile may overlap its neighbour, where nothing may be read past the end of `right`.
  const int n0 = min(column_tile * WIDTH, last_column);
  GLOBAL_IN right_at = right + base[1] + (right_panel ? column_tile * right_panel : n0);
#if PACKED
  GLOBAL_IN left_at = left + base[0] + row_tile * ROWS * depth * tap_count;
#else
  GLOBAL_IN left_at = left + base[0];
  int row_at[ROWS];
#pragma unroll
  for (int i = 0; i < ROWS; i++) row_at[i] = min(m0 + i, rows - 1) * left_row;
#endif
  V sums[ROWS][VECTORS];
#pragma unroll
  for (int i = 0; i < ROWS; i++) {
#pragma unroll
    for (int j = 0; j < VECTORS; j++) sums[i][j] = (V)0.0f;
  }
  for (int k = 0; k < depth; k++) {
#if TAPS
    for (int tap = 0; tap < tap_count; tap++) {
      GLOBAL_IN from = right_at + taps[tap];
#else
    {
      GLOBAL_IN from = right_at;
#endif
      V values[VECTORS];
#pragma unroll
      for (int j = 0; j < VECTORS; j++) values[j] = LOAD(j, from);
#pragma unroll
      for (int i = 0; i < ROWS; i++) {
#if PACKED
        const float weight = left_at[i];
#else
        const float weight = left_at[row_at[i]];
#endif
#pragma unroll
        for (int j = 0; j < VECTORS; j++) sums[i][j] = fma((V)weight, values[j], sums[i][j]);
      }
#if PACKED
      left_at += ROWS;
#else
      left_at += left_depth;
#endif
    }
    right_at += right_depth;
  }
  if (options & 1) {
#pragma unroll
    for (int i = 0; i < ROWS; i++) {
      const V offset = (V)bias[base[2] + min(m0 + i, rows - 1)];
#pragma unroll
      for (int j = 0; j < VECTORS; j++) sums[i][j] += offset;
    }
  }
  GLOBAL_OUT out_at = out + base[3] + m0 * out_row + n0;
  GLOBAL_IN residual_at = residual + base[3] + m0 * out_row + n0;
  if (!(options & 2) && function <= 1 && n0 + WIDTH <= columns) {
#pragma unroll
    for (int i = 0; i < ROWS; i++) {
      if (m0 + i < rows) {
#pragma unroll
        for (int j = 0; j < VECTORS; j++) {
          V value = sums[i][j];
          if (options & 4) value += LOAD(j, residual_at + i * out_row);
          if (function == 1) value = fmin(fmax(value, (V)a), (V)b);
          STORE(value, j, out_at + i * out_row);
        }
      }
    }
    return;
  }
  float spill[ROWS * WIDTH];
#pragma unroll
  for (int i = 0; i < ROWS; i++) {
#pragma unroll
    for (int j = 0; j < VECTORS; j++) STORE(sums[i][j], i * VECTORS + j, spill);
  }
  const int row_count = min(ROWS, rows - m0);
#pragma nounroll
  for (int i = 0; i < row_count; i++) {
#pragma nounroll
    for (int j = 0; j < VECTORS; j++) {
      const int count = columns - n0 - j * VW;
      if (count <= 0) break;
      V value = LOAD(i * VECTORS + j, spill);
      if (options & 2) value += load_some(bias + base[2] + n0 + j * VW, count);
      if (options & 4) value += load_some(residual_at + i * out_row + j * VW, count);
      store_some(apply(value, function, a, b), out_at + i * out_row + j * VW, count);
    }
  }
}
