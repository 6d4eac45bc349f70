//! Which tensors of four dimensions are images.
//!
//! `TFLite` has channels last, ONNX first. Tensors that an operator relates dimension by dimension have one layout; those of which one is an image
//! (a convolution reads or writes it) are images, and their shapes turn. Reshapes and transpositions separate layouts.

use super::names;
use super::schema::{Model, Operator};

/// Where each dimension of an image with channels first lies with channels last.
pub(super) const IMAGE: [usize; 4] = [0, 3, 1, 2];

/// What an operator says of the tensors that it touches.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    /// Its input and output are images.
    Image,
    /// They are stacks of matrices.
    Matrices,
    /// They are alike.
    Alike,
    /// Nothing.
    Nothing,
}

fn role(operator: &Operator<'_>) -> Role {
    use names as n;
    match operator.code {
        n::CONV_2D
        | n::DEPTHWISE_CONV_2D
        | n::TRANSPOSE_CONV
        | n::MAX_POOL_2D
        | n::AVERAGE_POOL_2D
        | n::RESIZE_BILINEAR
        | n::RESIZE_NEAREST_NEIGHBOR
        | n::DEPTH_TO_SPACE
        | n::SPACE_TO_DEPTH => Role::Image,
        n::BATCH_MATMUL => Role::Matrices,
        n::RESHAPE | n::TRANSPOSE | n::SQUEEZE | n::EXPAND_DIMS | n::FULLY_CONNECTED | n::GATHER | n::PACK | n::UNPACK => {
            Role::Nothing
        }
        _ => Role::Alike,
    }
}

/// For each tensor, whether it is an image; or what contradicts itself.
pub(super) fn images(model: &Model<'_>, is_constant: &[bool]) -> Result<Vec<bool>, String> {
    let count = model.tensors.len();
    let mut parent: Vec<usize> = (0..count).collect();
    let mut said = vec![(false, false); count];
    let touched = |operator: &Operator<'_>| -> Vec<usize> {
        let all = operator.inputs.iter().flatten().chain(&operator.outputs).copied();
        all.filter(|&tensor| !is_constant[tensor] && model.tensors[tensor].rank() == 4).collect()
    };
    for operator in &model.operators {
        let (role, tensors) = (role(operator), touched(operator));
        if role == Role::Nothing {
            continue;
        }
        for &tensor in &tensors {
            said[tensor].0 |= role == Role::Image;
            said[tensor].1 |= role == Role::Matrices;
            let (one, other) = (root(&mut parent, tensors[0]), root(&mut parent, tensor));
            parent[other] = one;
        }
    }
    let mut of_root = vec![(false, false); count];
    for (tensor, said) in said.iter().enumerate() {
        let root = root(&mut parent, tensor);
        of_root[root].0 |= said.0;
        of_root[root].1 |= said.1;
        if of_root[root] == (true, true) {
            return Err(format!(
                "tensor `{}` is an image to one operator and a stack of matrices to another, without a reshape between them",
                model.tensors[tensor].name
            ));
        }
    }
    Ok((0..count).map(|tensor| of_root[root(&mut parent, tensor)].0).collect())
}

fn root(parent: &mut [usize], mut tensor: usize) -> usize {
    while parent[tensor] != tensor {
        parent[tensor] = parent[parent[tensor]];
        tensor = parent[tensor];
    }
    tensor
}
