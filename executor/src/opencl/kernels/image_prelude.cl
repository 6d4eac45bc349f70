// Tensors in two-dimensional images of four floats a texel, as MACE and TFLite lay them out: four channels share a texel, at
// x = block of channels * width + column, y = image of the batch * height + row. Lanes beyond the last channel are 0.
// A matrix is a batch of its rows, each with its columns as channels.

#define IMAGE_IN __read_only image2d_t
#define IMAGE_OUT __write_only image2d_t

// The first `channels` lanes, 0 in the others.
float4 keep(float4 value, int channels) {
  return select((float4)0.0f, value, (int4)(0, 1, 2, 3) < (int4)channels);
}
