//! The models that come with the program, without weights: `scenarios/models/*.onnx`, described in `zoo.toml` there.

use sim::graph::Graph;

use crate::onnx::{self, OnnxError, ReadOptions};

macro_rules! zoo {
    ($($name:literal),* $(,)?) => {
        /// Every model of the zoo, by name in alphabetical order, with the bytes of its ONNX file.
        pub static MODELS: &[(&str, &[u8])] = &[$(($name, include_bytes!(concat!("../models/", $name, ".onnx"))),)*];
    };
}

zoo! {
    "alexnet",
    "bert_base",
    "bert_tiny_4x312",
    "convnext_tiny",
    "deeplabv3_mobilenet_v3_large",
    "densenet121",
    "efficientnet_b0",
    "espcn_x3",
    "fast_style_transfer",
    "googlenet",
    "inception_v3",
    "mnasnet1_0",
    "mobilenet_v1",
    "mobilenet_v2",
    "mobilenet_v3_large",
    "posenet",
    "regnet_y_400mf",
    "resnet18",
    "resnet50",
    "retinaface_mobilenet025",
    "retinaface_r50",
    "shufflenet_v2_x1_0",
    "squeezenet1_1",
    "swin_t",
    "unet",
    "vgg16",
    "vit_b_16",
    "yolov2",
    "yolov8n_like",
}

/// Names of all models in alphabetical order.
pub fn names() -> impl Iterator<Item = &'static str> {
    MODELS.iter().map(|(name, _)| *name)
}

/// The ONNX file of a model; `None` if the zoo has none of that name.
pub fn bytes(name: &str) -> Option<&'static [u8]> {
    let index = MODELS.binary_search_by(|(other, _)| (*other).cmp(name)).ok()?;
    Some(MODELS[index].1)
}

/// Reads a model of the zoo; `None` if it has none of that name.
pub fn load(name: &str, options: &ReadOptions) -> Option<Result<Graph, OnnxError>> {
    bytes(name).map(|bytes| onnx::read_bytes(name, bytes, options))
}
