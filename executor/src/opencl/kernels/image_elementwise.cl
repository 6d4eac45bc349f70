// Functions of one or two images, texel by texel. Global: (texels of a row, rows of the image).

__kernel void unary(IMAGE_IN in, IMAGE_OUT out, int channels, int width, int texels, int function, float a, float b) {
  const int x = get_global_id(0), y = get_global_id(1);
  if (x >= texels) return;
  const float4 value = apply(read_imagef(in, (int2)(x, y)), function, a, b);
  write_imagef(out, (int2)(x, y), keep(value, channels - x / width * 4));
}

// The texel of an operand that may have but one column, row, image or channel; `step` is 1, or 0 along what there is one of:
// channel, column, row, image. `height` and `width` are the operand's.
float4 broadcast(IMAGE_IN in, int block, int column, int row, int image, int4 step, int height, int width) {
  const int2 at = (int2)(block * step.x * width + column * step.y, image * step.w * height + row * step.z);
  const float4 value = read_imagef(in, at);
  return step.x ? value : value.xxxx;
}

int4 steps(int bits) { return (int4)(bits & 1, bits >> 1 & 1, bits >> 2 & 1, bits >> 3 & 1); }

__kernel void binary(IMAGE_IN left, IMAGE_IN right, IMAGE_OUT out, int channels, int height, int width, int texels,
                     int left_steps, int left_height, int left_width, int right_steps, int right_height, int right_width,
                     int operation, int function, float a, float b) {
  const int texel = get_global_id(0), y = get_global_id(1);
  if (texel >= texels) return;
  const int block = texel / width, column = texel % width, row = y % height, image = y / height;
  const float4 x = broadcast(left, block, column, row, image, steps(left_steps), left_height, left_width);
  const float4 other = broadcast(right, block, column, row, image, steps(right_steps), right_height, right_width);
  const float4 value = apply(combine(x, other, operation), function, a, b);
  write_imagef(out, (int2)(texel, y), keep(value, channels - block * 4));
}

__kernel void scale(IMAGE_IN in, GLOBAL_IN factors, GLOBAL_IN offsets, IMAGE_OUT out, int channels, int width, int texels,
                    int function, float a, float b) {
  const int x = get_global_id(0), y = get_global_id(1);
  if (x >= texels) return;
  const int block = x / width;
  const float4 value = fma(read_imagef(in, (int2)(x, y)), vload4(block, factors), vload4(block, offsets));
  write_imagef(out, (int2)(x, y), keep(apply(value, function, a, b), channels - block * 4));
}

// An image into a part of another that has as many rows: from texel `begin` of a row on.
__kernel void insert(IMAGE_IN in, IMAGE_OUT out, int begin, int texels) {
  const int x = get_global_id(0), y = get_global_id(1);
  if (x < texels) write_imagef(out, (int2)(begin + x, y), read_imagef(in, (int2)(x, y)));
}
