// From buffers to images and back. Global: (texels of a row, rows of the image).

__kernel void pack(GLOBAL_IN in, IMAGE_OUT out, int channels, int height, int width, int texels) {
  const int x = get_global_id(0), y = get_global_id(1);
  if (x >= texels) return;
  const int first = x / width * 4, plane = height * width;
  GLOBAL_IN from = in + ((size_t)(y / height) * channels + first) * plane + y % height * width + x % width;
  const int count = channels - first;
  float4 value = (float4)(from[0], 0.0f, 0.0f, 0.0f);
  if (count > 1) value.y = from[plane];
  if (count > 2) value.z = from[2 * plane];
  if (count > 3) value.w = from[3 * plane];
  write_imagef(out, (int2)(x, y), value);
}

__kernel void unpack(IMAGE_IN in, GLOBAL_OUT out, int channels, int height, int width, int texels) {
  const int x = get_global_id(0), y = get_global_id(1);
  if (x >= texels) return;
  const int first = x / width * 4, plane = height * width;
  GLOBAL_OUT to = out + ((size_t)(y / height) * channels + first) * plane + y % height * width + x % width;
  const int count = channels - first;
  const float4 value = read_imagef(in, (int2)(x, y));
  to[0] = value.x;
  if (count > 1) to[plane] = value.y;
  if (count > 2) to[2 * plane] = value.z;
  if (count > 3) to[3 * plane] = value.w;
}
