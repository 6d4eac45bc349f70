//! Shape inference as a table: operator, attributes and inputs, then what comes out or what the error says.

use proptest::prelude::*;

use crate::graph::known_operator_types;
use crate::graph::{AttributeValue, Attributes, ConstantData, DataType, RawGraph, RawOperator, RawTensor, shape};

/// One case as text: `Conv pads=1,1,1,1 strides=2,2 | 1x3x224x224, 64x3x7x7`.
///
/// Inputs are shapes of single precision (`scalar` without dimensions, `int64:2x3` of another type), values (`[1 -1]` of
/// integers, `{0.5 2}` of floats) or `-` where absent. Attributes are integers, `text`, lists with commas, floats with a point.
fn outputs(case: &str, output_count: usize) -> Result<String, String> {
    let (operator, inputs) = case.split_once('|').unwrap_or((case, ""));
    let mut words = operator.split_whitespace();
    let op_type = words.next().expect("an operator");
    let attributes = words.map(|word| {
        let (name, value) = word.split_once('=').expect("name=value");
        (name.to_owned(), attribute(value))
    });
    let mut raw = RawGraph::new("case");
    let mut names = Vec::new();
    let attributes: Attributes = attributes.collect();
    for (index, text) in inputs.split(',').map(str::trim).filter(|text| !text.is_empty()).enumerate() {
        let name = format!("input{index}");
        match text {
            "-" => {
                names.push(String::new());
                continue;
            }
            text if text.starts_with(['[', '{']) => raw.initializers.push(values(&name, text)),
            text => {
                let (data_type, dimensions) = text.split_once(':').unwrap_or(("float32", text));
                let data_type = DataType::from_name(data_type).expect("a type");
                raw = raw.with_typed_input(&name, data_type, &dimensions_of(dimensions));
            }
        }
        names.push(name);
    }
    let outputs: Vec<String> = (0..output_count).map(|index| format!("output{index}")).collect();
    raw.outputs.clone_from(&outputs);
    raw.operators.push(RawOperator {
        name: "case".to_owned(),
        op_type: op_type.to_owned(),
        attributes,
        inputs: names,
        outputs: outputs.clone(),
        ..RawOperator::default()
    });
    let graph = raw.build().map_err(|error| error.to_string())?;
    let text = |name: &String| {
        let tensor = graph.tensor_named(name).expect("an output");
        let prefix = if tensor.data_type == DataType::Float32 { String::new() } else { format!("{}:", tensor.data_type) };
        let values = match &tensor.data {
            Some(ConstantData::Integers(values)) => format!(" = {values:?}"),
            Some(ConstantData::Floats(values)) => format!(" = {values:?}"),
            None => String::new(),
        };
        format!("{prefix}{}{values}", shape::text(&tensor.shape))
    };
    Ok(outputs.iter().map(text).collect::<Vec<_>>().join("; "))
}

fn dimensions_of(text: &str) -> Vec<u64> {
    if text == "scalar" {
        return Vec::new();
    }
    text.split('x').map(|size| size.parse().expect("a size")).collect()
}

fn values(name: &str, text: &str) -> RawTensor {
    let items: Vec<&str> = text[1..text.len() - 1].split_whitespace().collect();
    let (data_type, data) = if text.starts_with('[') {
        (DataType::Int64, ConstantData::Integers(items.iter().map(|item| item.parse().expect("an integer")).collect()))
    } else {
        (DataType::Float32, ConstantData::Floats(items.iter().map(|item| item.parse().expect("a number")).collect()))
    };
    RawTensor { name: name.to_owned(), data_type, shape: vec![items.len() as u64], data: Some(data) }
}

fn attribute(text: &str) -> AttributeValue {
    if let Ok(value) = text.parse() {
        return AttributeValue::Integer(value);
    }
    if let Ok(value) = text.parse() {
        return AttributeValue::Float(value);
    }
    match text.trim_end_matches(',').split(',').map(str::parse).collect() {
        Ok(values) => AttributeValue::Integers(values),
        Err(_) => AttributeValue::Text(text.to_owned()),
    }
}

/// Every line is a case, then `=>`, then what comes out; outputs are separated by `;`.
fn check(cases: &str) {
    for line in cases.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (case, expected) = line.split_once("=>").unwrap_or_else(|| panic!("no `=>` in {line}"));
        let expected = expected.trim();
        match outputs(case, expected.split(';').count()) {
            Ok(found) => assert_eq!(found, expected, "{case}"),
            Err(error) => panic!("{case}: {error}"),
        }
    }
}

/// Every line is a case, then `!>`, then a part of the error message.
fn check_errors(cases: &str) {
    for line in cases.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (case, expected) = line.split_once("!>").unwrap_or_else(|| panic!("no `!>` in {line}"));
        match outputs(case, 1) {
            Ok(found) => panic!("{case} gives {found}"),
            Err(error) => assert!(error.contains(expected.trim()), "{case} says: {error}"),
        }
    }
}

#[test]
fn convolutions() {
    check(
        "Conv strides=2,2 pads=3,3,3,3 | 1x3x224x224, 64x3x7x7 => 1x64x112x112
         Conv group=32 pads=1,1,1,1 | 1x32x56x56, 32x1x3x3, 32 => 1x32x56x56
         Conv dilations=2,2 | 1x3x32x32, 8x3x3x3 => 1x8x28x28
         Conv auto_pad=SAME_UPPER strides=2,2 | 1x3x7x8, 4x3x3x3 => 1x4x4x4
         Conv auto_pad=SAME_LOWER strides=3,3 | 1x3x7x8, 4x3x2x2 => 1x4x3x3
         Conv auto_pad=VALID | 1x3x7x8, 4x3x3x3 => 1x4x5x6
         Conv strides=2, pads=1,1 | 2x16x100, 32x16x3 => 2x32x50
         Conv | 1x2x5x6x7, 3x2x2x2x2 => 1x3x4x5x6
         ConvTranspose strides=2,2 | 1x8x14x14, 8x4x2x2 => 1x4x28x28
         ConvTranspose strides=2,2 pads=1,1,1,1 output_padding=1,1 | 1x8x14x14, 8x4x3x3 => 1x4x28x28
         ConvTranspose strides=2,2 auto_pad=SAME_UPPER | 1x8x14x14, 8x4x3x3 => 1x4x28x28
         ConvTranspose output_shape=30,30 strides=2,2 | 1x8x14x14, 8x4x3x3 => 1x4x30x30
         ConvTranspose group=2 | 1x8x4x4, 8x3x1x1 => 1x6x4x4",
    );
    check_errors(
        "Conv | 1x3x8x8, 4x4x3x3 !> has 3 channels, but weight 4x4x3x3 with 1 groups asks for 4
         Conv group=3 | 1x6x8x8, 4x2x3x3 !> which 3 groups do not divide
         Conv group=0 | 1x6x8x8, 4x2x3x3 !> a positive integer is expected
         Conv | 1x3x2x2, 4x3x3x3 !> does not fit into input 2x2
         Conv | 1x3, 4x3x3x3 !> input 0 has shape 1x3
         Conv strides=0,1 | 1x3x8x8, 4x3x3x3 !> 2 positive integers are expected
         Conv pads=1,1 | 1x3x8x8, 4x3x3x3 !> 4 integers are expected
         Conv kernel_shape=5,5 | 1x3x8x8, 4x3x3x3 !> the weight has shape 4x3x3x3
         Conv auto_pad=FULL | 1x3x8x8, 4x3x3x3 !> SAME_UPPER or SAME_LOWER
         Conv | 1x3x8x8 !> input 1 is required
         ConvTranspose pads=9,9,9,9 | 1x8x4x4, 8x4x2x2 !> crops",
    );
}

#[test]
fn pooling() {
    check(
        "MaxPool kernel_shape=3,3 strides=2,2 pads=1,1,1,1 | 1x64x112x112 => 1x64x56x56
         MaxPool kernel_shape=3,3 strides=2,2 ceil_mode=1 | 1x64x113x113 => 1x64x56x56
         MaxPool kernel_shape=3,3 strides=2,2 ceil_mode=1 | 1x64x112x112 => 1x64x56x56
         MaxPool kernel_shape=3,3 strides=2,2 | 1x64x112x112 => 1x64x55x55; int64:1x64x55x55
         AveragePool kernel_shape=2,2 strides=2,2 | 1x8x7x7 => 1x8x3x3
         GlobalAveragePool | 1x8x7x7 => 1x8x1x1
         RoiAlign output_height=7 output_width=5 | 1x8x32x32, 10x4, int64:10 => 10x8x7x5",
    );
    check_errors(
        "MaxPool | 1x8x4x4 !> attribute `kernel_shape` is required
         MaxPool kernel_shape=5,5 | 1x8x4x4 !> does not fit",
    );
}

#[test]
fn contractions() {
    check(
        "MatMul | 2x3x4x5, 5x6 => 2x3x4x6
         MatMul | 2x1x4x5, 3x5x6 => 2x3x4x6
         MatMul | 5, 5x6 => 6
         MatMul | 4x5, 5 => 4
         MatMul | 5, 5 => scalar
         Gemm transB=1 | 1x512, 1000x512, 1000 => 1x1000
         Gemm transA=1 | 512x2, 512x10 => 2x10
         FusedMatMul transB=1 | 2x4x5, 2x6x5 => 2x4x6
         MatMulInteger | uint8:4x5, int8:5x6 => int32:4x6
         Einsum equation=bhid,bhjd->bhij | 1x8x16x64, 1x8x20x64 => 1x8x16x20
         Einsum equation=ij,jk | 3x4, 4x5 => 3x5
         Einsum equation=ii->i | 3x3 => 3",
    );
    check_errors(
        "MatMul | 4x5, 6x7 !> matrices 4x5 and 6x7 do not fit
         MatMul | scalar, 5 !> at least one dimension
         Gemm | 1x2x3, 3x4 !> a matrix is expected
         Gemm | 2x3, 3x4, 5 !> cannot be broadcast
         Einsum equation=...ij,...jk->...ik | 3x4, 4x5 !> ellipsis
         Einsum equation=ij,jk->ik | 3x4, 5x6 !> letter `j` would be both 4 and 5
         Einsum equation=ij->ijk | 3x4 !> letter `k` of the result is in no input
         Einsum | 3x4 !> attribute `equation` is required",
    );
}

#[test]
fn elementwise() {
    check(
        "Add | 1x64x7x7, 64x1x1 => 1x64x7x7
         Mul | 8x1, 1x9 => 8x9
         Greater | 2x3, 3 => bool:2x3
         Where | bool:3x1, 1x4, scalar => 3x4
         Max | 3x1, 1x4, scalar => 3x4
         Cast to=10 | 2x3 => float16:2x3
         Relu | float16:2x3 => float16:2x3
         Clip | 2x3, -, {6} => 2x3
         PRelu | 1x8x4x4, 8x1x1 => 1x8x4x4
         Dropout | 2x3 => 2x3; bool:2x3
         BatchNormalization | 1x8x4x4, 8, 8, 8, 8 => 1x8x4x4
         LayerNormalization axis=-1 | 1x16x64, 64, 64 => 1x16x64; 1x16x1; 1x16x1
         Softmax axis=-1 | 1x1000 => 1x1000
         QuantizeLinear | 2x3, scalar, int8:scalar => int8:2x3
         DequantizeLinear | int8:2x3, scalar => 2x3",
    );
    check_errors(
        "Add | 2x3, 4 !> shapes 2x3 and 4 cannot be broadcast
         Cast | 2x3 !> attribute `to` is required
         Cast to=99 | 2x3 !> the codes of element types are 1 to 26
         Softmax axis=5 | 1x1000 !> axis 5 is outside of rank 2
         BatchNormalization | 1x8x4x4, 7, 8, 8, 8 !> has 8 channels, but input 1 has shape 7
         LayerNormalization | 1x16x64, 63 !> cannot be broadcast
         Sum | !> input 0 is required",
    );
}

#[test]
fn movement_and_views() {
    check(
        "Concat axis=1 | 1x64x28x28, 1x96x28x28, 1x32x28x28 => 1x192x28x28
         Split axis=1 | 1x64x7x7, [16 48] => 1x16x7x7; 1x48x7x7
         Split axis=1 num_outputs=3 | 1x7 => 1x3; 1x3; 1x1
         Split | 6x2 => 3x2; 3x2
         Slice | 10x10, [1 -3], [9223372036854775807 -1], [0 1], [2 1] => 5x2
         Slice | 10, [-1], [-9223372036854775808], [0], [-1] => 10
         Slice starts=2,2 ends=5,9 axes=0,1 | 8x8 => 3x6
         Transpose perm=0,2,3,1 | 1x3x4x5 => 1x4x5x3
         Transpose | 2x3x4 => 4x3x2
         Reshape | 2x3x4, [0 -1] => 2x12
         Reshape | 1x512x1x1, [1 512] => 1x512
         Flatten axis=0 | 2x3x4 => 1x24
         Flatten axis=3 | 2x3x4 => 24x1
         Flatten | 2x3x4 => 2x12
         Squeeze | 1x3x1, [0] => 3x1
         Squeeze axes=0,2 | 1x3x1 => 3
         Squeeze | 1x3x1 => 3
         Unsqueeze | 3x4, [0 -1] => 1x3x4x1
         Expand | 3x1, [2 1 6] => 2x3x6
         Tile | 2x3, [2 1] => 4x3
         Pad | 1x3x8x8, [0 0 1 2 0 0 3 4] => 1x3x12x14
         Pad | 1x3x8x8, [1 -1], -, [-1] => 1x3x8x8
         DepthToSpace blocksize=3 | 1x27x4x5 => 1x3x12x15
         SpaceToDepth blocksize=2 | 1x64x26x26 => 1x256x13x13
         Resize | 1x3x8x8, -, {1 1 2 2} => 1x3x16x16
         Resize | 1x3x8x8, -, -, [1 3 20 30] => 1x3x20x30
         Resize axes=2,3 keep_aspect_ratio_policy=not_larger | 1x3x8x4, -, -, [20 30] => 1x3x20x10
         Upsample | 1x3x8x8, {1 1 2 3} => 1x3x16x24
         Gather axis=1 | 2x30x4, int64:5x6 => 2x5x6x4
         Gather | 30522x768, int64:1x128 => 1x128x768
         GatherElements axis=1 | 3x4, int64:3x2 => 3x2
         GatherND | 2x3x4, int64:5x2 => 5x4
         TopK axis=-1 | 1x1000, [5] => 1x5; int64:1x5
         ArgMax axis=1 keepdims=0 | 1x19x8x8 => int64:1x8x8
         ReduceMean axes=2,3 keepdims=0 | 1x64x7x7 => 1x64
         ReduceSum | 2x3x4, [-1] => 2x3x1
         ReduceMax | 2x3 => 1x1
         OneHot | int64:2x3, [10], {0 1} => 2x3x10
         GridSample | 1x3x8x8, 1x20x30x2 => 1x3x20x30
         LSTM hidden_size=32 direction=bidirectional | 10x1x16, 2x128x16, 2x128x32 => 10x2x1x32; 2x1x32; 2x1x32
         GRU hidden_size=32 | 10x1x16, 1x96x16, 1x96x32 => 10x1x1x32; 1x1x32",
    );
    check_errors(
        "Concat axis=1 | 1x3x4, 1x3x5 !> inputs 0 and 1 have shapes 1x3x4 and 1x3x5, which differ in more than axis 1
         Concat | 1x3, 1x3 !> attribute `axis` is required
         Split axis=1 | 1x64, [16 16] !> the parts must add up to 64
         Reshape | 2x3, [4 -1] !> are not a multiple
         Reshape | 2x3, [7] !> has 6 elements, not 7
         Reshape | 2x3, [-1 -1] !> one -1
         Reshape | 2x3, [0 0 0] !> dimension 2, which input 2x3 does not have
         Reshape | 2x3, [-2 3] !> sizes must be positive
         Reshape | 2x3, int64:2 !> depends on input 1 (`shape`), which is not a constant of the model
         Squeeze | 2x3, [0] !> dimension 0 of input 2x3 is not 1
         Unsqueeze | 2x3, [0 0] !> every axis may be named once
         Expand | 3x4, [1000000000 1000000000 3 4] !> has more than 2^40 elements
         Tile | 2x3, [-1 1] !> one non-negative integer per axis
         Tile | 2x3, [4611686018427387904 4] !> more than 2^40 elements
         Pad | 2x3, [0 -5 0 0] !> cannot be padded or cropped
         Resize | 1x3x8x8, -, {1 1 nan 2} !> keep tensors representable
         Resize | 1x3x8x8, -, -, [1 3 -1 2] !> non-negative integers
         Slice | 10, [0], [5], [0], [0] !> a step cannot be 0
         Slice | 10, [0], [5], [1] !> axis 1 is outside of rank 1
         TopK | 1x10, [11] !> at most 10
         DepthToSpace blocksize=3 | 1x8x4x4 !> must divide the 8 channels
         NonMaxSuppression | 1x10x4, 1x2x10 !> which is not a constant of the model
         ConstantOfShape | [1000000000 1000000000] !> more than 2^40 elements
         FancyOperator | 2x3 !> operator type is not known",
    );
}

#[test]
fn shape_arithmetic_is_computed() {
    check(
        "Shape | 2x3x4 => int64:3 = [2, 3, 4]
         Shape start=-2 | 2x3x4 => int64:2 = [3, 4]
         Size | 2x3x4 => int64:scalar = [24]
         Gather | [5 6 7], [-1 0] => int64:2 = [7, 5]
         Concat axis=0 | [1 2], [3], [4 5] => int64:5 = [1, 2, 3, 4, 5]
         Slice | [1 2 3 4 5], [-1], [-9223372036854775808], [0], [-2] => int64:3 = [5, 3, 1]
         Split axis=0 | [1 2 3], [1 2] => int64:1 = [1]; int64:2 = [2, 3]
         Unsqueeze | [7 8], [0] => int64:1x2 = [7, 8]
         Cast to=1 | [3 4] => 2 = [3.0, 4.0]
         Cast to=7 | {2.9 -2.9} => int64:2 = [2, -2]
         Cast to=9 | [0 5] => bool:2 = [0, 1]
         Add | [1 2], [10] => int64:2 = [11, 12]
         Div | [7 8], [2] => int64:2 = [3, 4]
         Mod | [-7 8], [3] => int64:2 = [2, 2]
         Mul | {1.5 2}, {4} => 2 = [6.0, 8.0]
         Floor | {1.5 -1.5} => 2 = [1.0, -2.0]
         Equal | [1 -1], [-1] => bool:2 = [0, 1]
         Min | [4 9], [7] => int64:2 = [4, 7]
         Expand | [7], [3] => int64:3 = [7, 7, 7]
         Tile | [1 2], [2] => int64:4 = [1, 2, 1, 2]
         ReduceProd keepdims=0 | [2 3 4], [0] => int64:scalar = [24]
         Range | [2], [9], [3] => int64:3 = [2, 5, 8]
         NonZero | [0 3 0 4] => int64:1x2 = [1, 3]
         CumSum | [1 2 3], [0] => int64:3 = [1, 3, 6]
         ScatterND | [1 2 3], [1], [9] => int64:3 = [1, 9, 3]
         Identity | [1 2] => int64:2 = [1, 2]
         ConstantOfShape | [3] => 3 = [0.0, 0.0, 0.0]
         Div | [1], [0] => int64:1",
    );
    check_errors(
        "Gather | [5 6 7], [3] !> axis 0 of input 3 has 3 elements
         Range | [2], [9], [0] !> a finite number other than 0
         Range | [0], [9223372036854775807], [1] !> more than 2^40 elements
         ConstantOfShape | [-1] !> sizes must not be negative",
    );
}

/// Numbers that arithmetic trips over, and ordinary ones.
fn any_integer() -> impl Strategy<Value = i64> {
    prop_oneof![
        4 => -3_i64..6,
        1 => prop::sample::select(vec![i64::MIN, i64::MIN + 1, i64::MAX, 1 << 40, -(1 << 40), 1 << 62, 1000]),
    ]
}

fn any_attribute() -> impl Strategy<Value = (String, AttributeValue)> {
    const NAMES: &[&str] = &[
        "axis",
        "axes",
        "pads",
        "strides",
        "dilations",
        "kernel_shape",
        "group",
        "auto_pad",
        "output_padding",
        "output_shape",
        "perm",
        "shape",
        "starts",
        "ends",
        "split",
        "num_outputs",
        "k",
        "to",
        "blocksize",
        "scales",
        "equation",
        "keepdims",
        "start",
        "end",
        "direction",
        "layout",
        "batch_dims",
        "ceil_mode",
        "transA",
        "transB",
        "broadcast",
        "allowzero",
        "repeats",
        "value",
        "sizes",
        "noop_with_empty_axes",
        "output_height",
        "output_width",
        "keep_aspect_ratio_policy",
        "stash_type",
    ];
    let texts = vec!["SAME_UPPER", "SAME_LOWER", "VALID", "ij,jk->ik", "ii", "bidirectional", "not_larger", "not_smaller", ""];
    let floats = vec![0.0_f32, -1.0, 0.5, 2.0, f32::NAN, f32::INFINITY, 1e38];
    let value = prop_oneof![
        any_integer().prop_map(AttributeValue::Integer),
        prop::collection::vec(any_integer(), 0..5).prop_map(AttributeValue::Integers),
        prop::collection::vec(prop::sample::select(floats), 0..5).prop_map(AttributeValue::Floats),
        prop::sample::select(texts).prop_map(|text| AttributeValue::Text(text.to_owned())),
    ];
    (prop::sample::select(NAMES).prop_map(str::to_owned), value)
}

fn any_input() -> impl Strategy<Value = RawTensor> {
    let tensor = |data_type, shape: Vec<u64>, data| RawTensor { name: String::new(), data_type, shape, data };
    let size = prop_oneof![8 => 0_u64..5, 1 => prop::sample::select(vec![1 << 13, 1 << 20, 1 << 40])];
    let integers = prop::collection::vec(any_integer(), 0..6);
    let floats = prop::collection::vec(prop::sample::select(vec![0.0, 1.0, 2.0, 0.5, -1.0, 1e300, f64::NAN]), 0..6);
    prop_oneof![
        prop::collection::vec(size, 0..5).prop_map(move |shape| tensor(DataType::Float32, shape, None)),
        integers
            .prop_map(move |values| { tensor(DataType::Int64, vec![values.len() as u64], Some(ConstantData::Integers(values))) }),
        floats
            .prop_map(move |values| { tensor(DataType::Float32, vec![values.len() as u64], Some(ConstantData::Floats(values))) }),
        any_integer().prop_map(move |value| tensor(DataType::Int64, Vec::new(), Some(ConstantData::Integers(vec![value])))),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4096, ..ProptestConfig::default() })]

    #[test]
    fn no_operator_panics_whatever_it_is_given(
        op_type in prop::sample::select(known_operator_types().collect::<Vec<_>>()),
        attributes in prop::collection::vec(any_attribute(), 0..5),
        inputs in prop::collection::vec(any_input(), 0..6),
        outputs in 1_usize..4,
    ) {
        let mut raw = RawGraph::new("any").with_output("output0");
        let mut operator = RawOperator {
            op_type: op_type.to_owned(),
            attributes: attributes.into_iter().collect(),
            outputs: (0..outputs).map(|index| format!("output{index}")).collect(),
            ..RawOperator::default()
        };
        for (index, mut input) in inputs.into_iter().enumerate() {
            input.name = format!("input{index}");
            operator.inputs.push(input.name.clone());
            if input.data.is_some() { raw.initializers.push(input) } else { raw.inputs.push(input) }
        }
        raw.operators.push(operator);
        if let Ok(graph) = raw.build() {
            for tensor in graph.tensors() {
                let elements = shape::elements(&tensor.shape).unwrap();
                prop_assert!(tensor.data.as_ref().is_none_or(|data| data.len() as u64 == elements));
            }
        }
    }
}
