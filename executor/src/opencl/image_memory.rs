//! Images of a device.

use std::ffi::c_void;

use opencl3::context::Context;
use opencl3::memory::{
    CL_FLOAT, CL_MEM_COPY_HOST_PTR, CL_MEM_OBJECT_IMAGE2D, CL_MEM_READ_ONLY, CL_MEM_READ_WRITE, CL_RGBA, ClMem, Image,
};
use opencl3::types::{cl_image_desc, cl_image_format, cl_mem};

use super::error::{OrFailed, error};
use super::step::ImageSize;
use crate::processor::{ProcessorError, ProcessorErrorKind};

/// A two-dimensional image of four floats a texel.
#[derive(Debug)]
pub(super) struct ImageMemory(Image);

impl ImageMemory {
    /// An image with the given texels, or with any.
    pub(super) fn create(context: &Context, size: ImageSize, texels: Option<&[f32]>) -> Result<Self, ProcessorError> {
        let format = cl_image_format { image_channel_order: CL_RGBA, image_channel_data_type: CL_FLOAT };
        let description = cl_image_desc {
            image_type: CL_MEM_OBJECT_IMAGE2D,
            image_width: size.width,
            image_height: size.height,
            image_depth: 0,
            image_array_size: 0,
            image_row_pitch: 0,
            image_slice_pitch: 0,
            num_mip_levels: 0,
            num_samples: 0,
            buffer: std::ptr::null_mut(),
        };
        let what = format!("making an image of {} x {} texels", size.width, size.height);
        if texels.is_some_and(|texels| texels.len() != size.elements()) {
            return Err(error(ProcessorErrorKind::Failed, format!("{what}: the texels given are not as many")));
        }
        let (flags, pointer) = match texels {
            Some(texels) => (CL_MEM_READ_ONLY | CL_MEM_COPY_HOST_PTR, texels.as_ptr().cast::<c_void>().cast_mut()),
            None => (CL_MEM_READ_WRITE, std::ptr::null_mut()),
        };
        // SAFETY: texels, where given, are as many as the image has, without gaps, and are copied before the call returns.
        let image = unsafe { Image::create(context, flags, &raw const format, &raw const description, pointer) };
        image.map(Self).or_failed(&what)
    }

    /// The driver's name for it.
    pub(super) fn handle(&self) -> cl_mem {
        self.0.get()
    }
}
