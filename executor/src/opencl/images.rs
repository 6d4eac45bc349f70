//! Tensors in images: how they lie there, and the steps between buffers and images.
//!
//! A tensor is in a buffer, in an image, or in both. Whoever reads it in the form that it does not have yet gets a step that
//! makes it; so images cross operators that have kernels for buffers only, at the price of two transforms.

use sim::graph::DataType;
use sim::identifiers::TensorId;

use super::lowering::Lowering;
use super::step::{Argument, ImageSize, Source, Step, Storage, StorageId};

/// Channels in a texel.
pub(super) const LANES: usize = 4;

/// Work-items of a group where the device computes on CPU cores, whose groups are expensive to start.
const GROUP_ITEMS: usize = 16;

/// A tensor as images of channels, four of which share a texel: texel (x, y) holds channels 4b .. 4b+3 where
/// x = b * width + column and y = image * height + row. Lanes beyond the last channel are 0.
///
/// Tensors of four dimensions are batch, channels, height, width; of others each row (the last dimension) is an image of one
/// place whose channels it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) batch: usize,
    pub(super) channels: usize,
    pub(super) height: usize,
    pub(super) width: usize,
}

impl Layout {
    /// Of a shape of at most four dimensions without a size of 0.
    pub(super) fn of(shape: &[u64]) -> Option<Self> {
        if shape.len() > 4 || shape.contains(&0) {
            return None;
        }
        let sizes: Vec<usize> = shape.iter().map(|&size| size as usize).collect();
        Some(match sizes[..] {
            [batch, channels, height, width] => Self { batch, channels, height, width },
            [ref rows @ .., channels] => Self { batch: rows.iter().product(), channels, height: 1, width: 1 },
            [] => Self { batch: 1, channels: 1, height: 1, width: 1 },
        })
    }

    /// Texels that hold all channels of one place.
    pub(super) const fn blocks(self) -> usize {
        self.channels.div_ceil(LANES)
    }

    /// The image.
    pub(super) const fn size(self) -> ImageSize {
        ImageSize { width: self.width * self.blocks(), height: self.batch * self.height }
    }

    /// Row-major values as texels.
    fn packed(self, values: &[f32]) -> Vec<f32> {
        let elements = self.height * self.width;
        let mut texels = vec![0.0; self.size().elements()];
        for (index, &value) in values.iter().enumerate() {
            let (image, channel, place) =
                (index / (elements * self.channels), index / elements % self.channels, index % elements);
            let x = channel / LANES * self.width + place % self.width;
            let y = image * self.height + place / self.width;
            texels[(y * self.size().width + x) * LANES + channel % LANES] = value;
        }
        texels
    }
}

impl Lowering<'_> {
    /// Whether an image may be so large.
    pub(super) fn can_hold(&self, size: ImageSize) -> bool {
        self.target.largest_image.is_some_and(|largest| largest.holds(size)) && i32::try_from(size.elements()).is_ok()
    }

    /// How a tensor lies in an image, if it may.
    pub(super) fn layout(&self, id: TensorId) -> Option<Layout> {
        let tensor = self.graph.tensor(id);
        let layout = Layout::of(&tensor.shape).filter(|layout| self.can_hold(layout.size()));
        layout.filter(|_| tensor.data_type == DataType::Float32)
    }

    /// Whether a tensor is in an image.
    pub(super) fn has_image(&self, id: TensorId) -> bool {
        self.image_places[id.index()].is_some()
    }

    /// The image of a tensor; made from its buffer or its constants when it is first read.
    pub(super) fn read_image(&mut self, id: TensorId) -> Result<StorageId, String> {
        if let Some(place) = self.image_places[id.index()] {
            return Ok(place);
        }
        let layout = self.layout(id).ok_or_else(|| format!("`{}` does not fit into an image", self.graph.tensor(id).name))?;
        let place = if self.is_constant(id) {
            let values = self.values(id)?;
            self.constant_image(layout, &values)
        } else {
            let buffer = self.read_floats(id)?;
            let image = self.storage(Storage::Image(layout.size()));
            self.transform("pack", [buffer, image], layout);
            image
        };
        self.image_places[id.index()] = Some(place);
        Ok(place)
    }

    /// An image of values known before any launch.
    pub(super) fn constant_image(&mut self, layout: Layout, values: &[f32]) -> StorageId {
        self.texels(layout.size(), || layout.packed(values))
    }

    /// An image of texels known before any launch; made only where constants were given.
    pub(super) fn texels(&mut self, size: ImageSize, texels: impl FnOnce() -> Vec<f32>) -> StorageId {
        let texels = if self.has_values() { texels() } else { Vec::new() };
        self.storage(Storage::ConstantImage(size, texels))
    }

    /// The image that an operator's result goes to.
    pub(super) fn write_image(&mut self, id: TensorId) -> Result<StorageId, String> {
        let layout = self.layout(id).ok_or_else(|| format!("`{}` does not fit into an image", self.graph.tensor(id).name))?;
        let place = self.storage(Storage::Image(layout.size()));
        self.image_places[id.index()] = Some(place);
        Ok(place)
    }

    /// Lets a view share the image of its input, where both lie in it alike. False if they do not, or there is none.
    pub(super) fn alias_image(&mut self, input: TensorId, view: TensorId) -> bool {
        let is_alike = self.layout(input).is_some_and(|layout| self.layout(view) == Some(layout));
        let place = self.image_places[input.index()].filter(|_| is_alike);
        self.image_places[view.index()] = place;
        place.is_some()
    }

    /// Puts a tensor that is only in an image into a buffer too: that of the tensor whose memory it shares.
    pub(super) fn unpack(&mut self, id: TensorId) -> Result<Option<StorageId>, String> {
        let (Some(image), Some(layout)) = (self.image_places[id.index()], self.layout(id)) else { return Ok(None) };
        let root = self.root(id);
        let buffer = if let Some(buffer) = self.places[root.index()] {
            buffer
        } else {
            let buffer = self.write(root)?;
            self.transform("unpack", [image, buffer], layout);
            buffer
        };
        self.alias(id, buffer);
        Ok(Some(buffer))
    }

    fn transform(&mut self, kernel: &'static str, storages: [StorageId; 2], layout: Layout) {
        let mut arguments = storages.map(Argument::Storage).to_vec();
        let size = layout.size();
        arguments.extend([layout.channels, layout.height, layout.width, size.width].map(count));
        self.texel_step(Source::ImagePack, kernel, "", arguments, [size.width, size.height, 1]);
    }

    /// Adds a kernel that checks whether its first index is below `global[0]`: that many work-items or more run.
    pub(super) fn texel_step(
        &mut self,
        source: Source,
        kernel: &'static str,
        options: &str,
        arguments: Vec<Argument>,
        global: [usize; 3],
    ) {
        let global = [global[0].next_multiple_of(GROUP_ITEMS), global[1], global[2]];
        let local = self.target.is_cpu.then_some([GROUP_ITEMS, 1, 1]);
        let options = options.to_owned();
        self.push(Step { operator: self.current, source, kernel, options, arguments, global, local });
    }
}

/// A size as an argument; sizes of images that devices can hold are far below 2^31.
pub(super) fn count(value: usize) -> Argument {
    Argument::Integer(i32::try_from(value).unwrap_or(i32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_channels_share_a_texel() {
        let layout = Layout::of(&[2, 5, 3, 2]).expect("an image");
        assert_eq!(layout.size(), ImageSize { width: 4, height: 6 });
        let values: Vec<f32> = (0..60_u8).map(f32::from).collect();
        let texels = layout.packed(&values);
        let check = |x: usize, y: usize, expected: [f32; 4]| assert_eq!(texels[(y * 4 + x) * 4..][..4], expected, "{x}, {y}");
        check(0, 0, [0.0, 6.0, 12.0, 18.0]);
        check(1, 2, [5.0, 11.0, 17.0, 23.0]);
        check(2, 0, [24.0, 0.0, 0.0, 0.0]);
        check(3, 5, [59.0, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn matrices_are_batches_of_rows() {
        let check = |shape: &[u64], expected: Option<[usize; 2]>| {
            let size = Layout::of(shape).map(|layout| [layout.size().width, layout.size().height]);
            assert_eq!(size, expected, "{shape:?}");
        };
        check(&[], Some([1, 1]));
        check(&[9], Some([3, 1]));
        check(&[7, 9], Some([3, 7]));
        check(&[2, 7, 9], Some([3, 14]));
        check(&[1, 9, 1, 1], Some([3, 1]));
        check(&[0, 9], None);
        check(&[1, 2, 3, 4, 5], None);
    }
}
