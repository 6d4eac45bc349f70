//! Convolutions and matrix products against the reference.

use super::*;

#[test]
fn convolutions_agree_with_the_reference() {
    let Some(mut processors) = in_each_memory() else { return };
    let mut check = |input: &[u64], weight: &[u64], attributes: Attributes, has_bias: bool| {
        let bias = [weight[0]];
        let weights: Vec<&[u64]> = if has_bias { vec![weight, &bias] } else { vec![weight] };
        check(&mut processors, one("Conv", &[input], &weights, attributes));
    };
    let plain =
        |kernel: i64, stride: i64, pad: i64, group: i64| convolution(&[kernel; 2], &[stride; 2], &[pad; 4], &[1; 2], group);
    check(&[1, 8, 12, 10], &[24, 8, 1, 1], plain(1, 1, 0, 1), true);
    check(&[2, 5, 7, 7], &[13, 5, 1, 1], plain(1, 1, 0, 1), true);
    check(&[1, 5, 3, 3], &[13, 5, 1, 1], plain(1, 1, 0, 1), false);
    check(&[1, 8, 9, 9], &[16, 8, 1, 1], plain(1, 2, 0, 1), true);
    check(&[1, 3, 17, 19], &[9, 3, 3, 3], plain(3, 1, 1, 1), true);
    check(&[2, 4, 16, 15], &[8, 4, 3, 3], plain(3, 2, 1, 1), true);
    check(&[1, 3, 33, 31], &[10, 3, 7, 7], plain(7, 2, 3, 1), true);
    check(&[1, 3, 35, 35], &[8, 3, 11, 11], plain(11, 4, 2, 1), true);
    check(&[1, 3, 32, 32], &[20, 3, 16, 16], plain(16, 16, 0, 1), true);
    check(&[1, 6, 14, 14], &[7, 6, 3, 3], convolution(&[3; 2], &[1; 2], &[2; 4], &[2; 2], 1), true);
    check(&[1, 6, 14, 14], &[7, 6, 3, 3], convolution(&[3; 2], &[2; 2], &[12; 4], &[12; 2], 1), true);
    check(&[1, 6, 11, 13], &[7, 6, 1, 7], convolution(&[1, 7], &[1; 2], &[0, 3, 0, 3], &[1; 2], 1), true);
    check(&[1, 6, 11, 13], &[7, 6, 3, 1], convolution(&[3, 1], &[1, 2], &[1, 0, 1, 0], &[1; 2], 1), false);
    check(&[1, 6, 11, 13], &[7, 6, 3, 2], convolution(&[3, 2], &[3, 1], &[2, 0, 0, 1], &[1, 2], 1), true);
    // Rows cut out of a larger image have other padding above than below.
    check(&[1, 6, 6, 13], &[7, 6, 3, 3], convolution(&[3; 2], &[1; 2], &[0, 1, 1, 1], &[1; 2], 1), true);
    // Grouped.
    check(&[1, 12, 10, 10], &[24, 4, 3, 3], plain(3, 1, 1, 3), true);
    check(&[2, 16, 9, 9], &[18, 8, 1, 1], plain(1, 1, 0, 2), true);
    // Depthwise, also with several filters a channel.
    check(&[1, 16, 14, 14], &[16, 1, 3, 3], plain(3, 1, 1, 16), true);
    check(&[2, 5, 15, 17], &[5, 1, 3, 3], plain(3, 2, 1, 5), true);
    check(&[1, 7, 7, 7], &[7, 1, 5, 5], plain(5, 1, 2, 7), false);
    check(&[1, 3, 7, 7], &[6, 1, 3, 3], plain(3, 1, 1, 3), true);
    check(&[2, 3, 12, 12], &[48, 1, 3, 3], plain(3, 1, 1, 3), true);
    check(&[1, 4, 20, 20], &[4, 1, 5, 5], convolution(&[5; 2], &[2; 2], &[4; 4], &[2; 2], 4), true);
    check(&[1, 2, 140, 130], &[2, 1, 7, 7], plain(7, 1, 3, 2), true);
    let automatic = |mode: &str, stride: i64| {
        Attributes::new().with("auto_pad", AttributeValue::Text(mode.to_owned())).with("strides", integers(&[stride; 2]))
    };
    check(&[1, 4, 9, 10], &[6, 4, 3, 2], automatic("SAME_UPPER", 2), true);
    check(&[1, 4, 9, 10], &[6, 4, 2, 4], automatic("SAME_LOWER", 1), true);
    check(&[1, 4, 9, 10], &[6, 4, 3, 3], automatic("VALID", 1), true);
    // One spatial dimension.
    check(&[1, 4, 21], &[6, 4, 3], convolution(&[3], &[2], &[1, 1], &[1], 1), true);
}

#[test]
fn transposed_convolutions_agree_with_the_reference() {
    let Some(mut processors) = in_each_memory() else { return };
    let mut check = |input: &[u64], weight: &[u64], stride: i64, pad: i64, extra: i64, dilation: i64| {
        let attributes = convolution(&[weight[2] as i64; 2], &[stride; 2], &[pad; 4], &[dilation; 2], 1)
            .with("output_padding", integers(&[extra; 2]));
        check(&mut processors, one("ConvTranspose", &[input], &[weight, &[weight[1]]], attributes));
    };
    check(&[1, 6, 7, 7], &[6, 5, 2, 2], 2, 0, 0, 1);
    check(&[2, 4, 5, 6], &[4, 3, 3, 3], 2, 1, 1, 1);
    check(&[1, 4, 2, 3], &[4, 9, 4, 4], 3, 1, 0, 1);
    check(&[1, 3, 6, 6], &[3, 3, 3, 3], 1, 1, 0, 2);
}

#[test]
fn matrix_products_agree_with_the_reference() {
    let Some(mut processors) = in_each_memory() else { return };
    let mut check = |op_type: &str, inputs: &[&[u64]], weights: &[&[u64]], attributes: Attributes| {
        check(&mut processors, one(op_type, inputs, weights, attributes));
    };
    let none = Attributes::new;
    check("MatMul", &[&[5, 17]], &[&[17, 33]], none());
    check("MatMul", &[&[2, 9, 24]], &[&[24, 40]], none());
    check("MatMul", &[&[1, 48]], &[&[48, 100]], none());
    check("MatMul", &[&[2, 3, 9, 24], &[2, 3, 24, 20]], &[], none());
    check("MatMul", &[&[2, 3, 9, 24], &[3, 24, 7]], &[], none());
    check("MatMul", &[&[3, 9, 24], &[2, 1, 24, 49]], &[], none());
    check("MatMul", &[&[9, 24], &[2, 24, 16]], &[], none());
    check("MatMul", &[&[4, 2, 5, 6]], &[&[2, 6, 5]], none());
    check("MatMul", &[&[4, 6, 70], &[70, 3]], &[], none());
    let gemm = |trans_a: i64, trans_b: i64, alpha: f32, beta: f32| {
        none()
            .with("transA", AttributeValue::Integer(trans_a))
            .with("transB", AttributeValue::Integer(trans_b))
            .with("alpha", AttributeValue::Float(alpha))
            .with("beta", AttributeValue::Float(beta))
    };
    check("Gemm", &[&[1, 64]], &[&[100, 64], &[100]], gemm(0, 1, 1.0, 1.0));
    check("Gemm", &[&[7, 30]], &[&[30, 50], &[50]], gemm(0, 0, 0.5, 2.0));
    check("Gemm", &[&[30, 7]], &[&[50, 30], &[1, 50]], gemm(1, 1, 1.0, 1.0));
    check("Gemm", &[&[7, 30]], &[&[30, 50]], gemm(0, 0, 1.0, 1.0));
    check("Gemm", &[&[7, 30], &[30, 50], &[7, 50]], &[], gemm(0, 0, 1.0, 1.0));
}
