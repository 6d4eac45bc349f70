//! Slices of a task: some output rows or output channels of its leading operator, carried through the operators after it.
//!
//! A slice is a graph of its own: a `Slice` of each request tensor that it reads in part (halo included), the operators with
//! their padding and weights cut to match, and a smaller output. Slices that tile the whole give the whole (a law in the tests).
//! Slices of consecutive tasks, each with the halo that the next reads, are a chain: one graph that hands over what it has cut.

use std::collections::{BTreeMap, BTreeSet};

use sim::graph::{AttributeValue, Attributes, DataType, Graph, RawGraph, RawOperator, RawTensor};
use sim::identifiers::{OperatorId, TensorId};
use sim::plan::Part;

use super::{Unit, UnitError, cut_out, window};
use crate::buffer::{Region, copy_region};
use crate::tensor::Tensor;
use crate::weights::{WeightError, Weights};

/// The stretch `begin..end` of one axis of a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// The axis.
    pub axis: usize,
    /// First index.
    pub begin: u64,
    /// One past the last index.
    pub end: u64,
}

/// A slice of a task.
#[derive(Clone, Debug)]
pub struct Sliced {
    /// What a processor runs; one output.
    pub unit: Unit,
    /// Where its output lies in the whole output.
    pub cut: Cut,
}

/// A part of a task that a chain computes.
#[derive(Clone, Copy, Debug)]
pub struct ChainLink<'a> {
    /// Operators of the task, in topological order.
    pub operators: &'a [OperatorId],
    /// The one that leads.
    pub lead: OperatorId,
    /// The part.
    pub part: Part,
}

/// Parts of consecutive tasks as one unit.
#[derive(Clone, Debug)]
pub struct Chain {
    /// What a processor runs; one output for each tensor that was wanted, in that order.
    pub unit: Unit,
    /// Where each output lies in the whole tensor.
    pub cuts: Vec<Cut>,
}

/// What an operator becomes when it makes only a stretch of its output.
pub(super) struct Rewrite {
    /// New attributes.
    pub(super) attributes: Attributes,
    /// What it reads of each input, by position; `None` for all of it.
    pub(super) reads: Vec<Option<Cut>>,
    /// Constants to be put in place of integer inputs (shapes), by position.
    pub(super) constants: Vec<(usize, Vec<i64>)>,
    /// What it makes of its output.
    pub(super) output: Cut,
}

impl Unit {
    /// A part of a task: of operators in topological order, a chain behind the first that is no view. `wanted` is its one output
    /// that is read elsewhere.
    ///
    /// Boundaries of the part are scaled to the leading operator's rows or channels and rounded down, as
    /// [`sim::cost::slice_work`] does.
    ///
    /// # Errors
    /// [`UnitError::NotSplittable`] where an operator cannot be cut there, or nothing would be left.
    pub fn of_part(
        model: &Graph,
        operators: &[OperatorId],
        lead: OperatorId,
        wanted: TensorId,
        part: Part,
        weights: &Weights,
    ) -> Result<Sliced, UnitError> {
        let link = ChainLink { operators, lead, part };
        let Chain { unit, cuts } = Self::of_chain(model, &[link], &[wanted], weights)?;
        Ok(Sliced { unit, cut: cuts[0] })
    }

    /// Parts of consecutive tasks, each of which finds what it reads of another's output in what the other has made. `wanted` are the
    /// tensors that are read elsewhere, in the order of the unit's outputs.
    ///
    /// # Errors
    /// [`UnitError::NotSplittable`] where an operator cannot be cut there, nothing would be left, or something is read that was not made.
    pub fn of_chain(model: &Graph, links: &[ChainLink<'_>], wanted: &[TensorId], weights: &Weights) -> Result<Chain, UnitError> {
        let operators: Vec<OperatorId> = links.iter().flat_map(|link| link.operators.iter().copied()).collect();
        let mut raw = cut_out(model, &operators, wanted);
        for (begin, end, of) in links.iter().map(|link| link.part.range()) {
            raw.name = format!("{}[{begin}..{end}/{of}]", raw.name);
        }
        raw.operators.clear();
        let mut slicer = Slicer { model, raw, cuts: BTreeMap::new(), own: BTreeSet::new(), pieces: BTreeMap::new() };
        for link in links {
            slicer.own.clear();
            for &id in link.operators {
                let cut = if id == link.lead { Some(window::lead_cut(model, id, link.part)?) } else { None };
                slicer.add(id, cut)?;
            }
        }
        let cut_of = |tensor: &TensorId| {
            let unreached = || {
                let link = &links[links.len() - 1];
                UnitError::NotSplittable {
                    operator: model.operator(link.lead).name.clone(),
                    op_type: model.operator(link.lead).op_type.clone(),
                    dimension: dimension_name(link.part),
                    why: "its cut does not reach the output of the task".to_owned(),
                }
            };
            slicer.cuts.get(tensor).copied().ok_or_else(unreached)
        };
        let cuts = wanted.iter().map(cut_of).collect::<Result<Vec<Cut>, UnitError>>()?;
        let Slicer { mut raw, pieces, .. } = slicer;
        // What was cut is not read any more.
        let read: BTreeSet<&String> = raw.operators.iter().flat_map(|operator| &operator.inputs).collect();
        raw.initializers.retain(|initializer| read.contains(&initializer.name));
        let unit = Self::build(raw, |name| match pieces.get(name) {
            Some(Piece::Values(values)) => Ok(integers(values)),
            Some(&Piece::Cut(source, cut)) => cut_tensor(model, source, cut, weights),
            None => match model.tensor_named(name) {
                Some(tensor) => weights.tensor(model, tensor.id),
                None => unreachable!("initialisers of a slice are the model's or made here"),
            },
        })?;
        Ok(Chain { unit, cuts })
    }
}

/// Rows or channels, for messages.
pub(super) const fn dimension_name(part: Part) -> &'static str {
    match part {
        Part::Channels { .. } => "channels",
        Part::Rows { .. } | Part::Whole => "rows",
    }
}

/// Where an initialiser that was made here comes from.
enum Piece {
    Cut(TensorId, Cut),
    Values(Vec<i64>),
}

struct Slicer<'a> {
    model: &'a Graph,
    raw: RawGraph,
    /// What there is of each tensor that the tasks make.
    cuts: BTreeMap<TensorId, Cut>,
    /// Those that the present task has made.
    own: BTreeSet<TensorId>,
    pieces: BTreeMap<String, Piece>,
}

impl Slicer<'_> {
    /// Adds an operator, cut where it leads or where what it reads is cut.
    fn add(&mut self, id: OperatorId, lead: Option<Cut>) -> Result<(), UnitError> {
        let model = self.model;
        let operator = model.operator(id);
        let main = operator.inputs.iter().position(|input| input.is_some_and(|input| self.own.contains(&input)));
        let rewrite = match (lead, main) {
            (Some(cut), _) => window::cut_lead(model, id, cut)?,
            (None, Some(position)) => {
                let read = operator.input(position).and_then(|input| self.cuts.get(&input).copied());
                window::cut_follower(model, id, position, read.expect("the input at this position is cut"))?
            }
            (None, None) => Rewrite {
                attributes: operator.attributes.clone(),
                reads: vec![None; operator.inputs.len()],
                constants: Vec::new(),
                output: Cut { axis: 0, begin: 0, end: 0 },
            },
        };
        let mut inputs = Vec::new();
        for (position, input) in operator.inputs.iter().enumerate() {
            inputs.push(match input {
                None => String::new(),
                Some(input) => self.read(id, *input, rewrite.reads.get(position).copied().flatten())?,
            });
        }
        for (position, values) in rewrite.constants {
            let name = format!("{}#{position}", operator.name);
            self.add_constant(&name, DataType::Int64, &[values.len() as u64], Piece::Values(values));
            inputs[position] = name;
        }
        if lead.is_some() || main.is_some() {
            self.cuts.insert(operator.outputs[0], rewrite.output);
            self.own.insert(operator.outputs[0]);
        }
        self.raw.operators.push(RawOperator {
            name: operator.name.clone(),
            op_type: operator.op_type.clone(),
            domain: operator.domain.clone(),
            attributes: rewrite.attributes,
            inputs,
            outputs: operator.outputs.iter().map(|&output| model.tensor(output).name.clone()).collect(),
        });
        Ok(())
    }

    /// The name of what is read of a tensor: itself, a cut constant, or the output of a `Slice`.
    fn read(&mut self, reader: OperatorId, id: TensorId, cut: Option<Cut>) -> Result<String, UnitError> {
        let tensor = self.model.tensor(id);
        let is_whole = |cut: Cut| cut.begin == 0 && cut.end == tensor.shape[cut.axis];
        let held = self.cuts.get(&id).copied();
        // Within its task, an operator reads what the one before it has made.
        let cut = match (held, cut) {
            (Some(_), _) if self.own.contains(&id) => None,
            (Some(held), Some(cut)) if held.axis == cut.axis && held.begin <= cut.begin && cut.end <= held.end => {
                let within = Cut { begin: cut.begin - held.begin, end: cut.end - held.begin, ..cut };
                (held != cut).then_some(within)
            }
            (Some(held), cut) => {
                let operator = self.model.operator(reader);
                return Err(UnitError::NotSplittable {
                    operator: operator.name.clone(),
                    op_type: operator.op_type.clone(),
                    dimension: "rows or channels",
                    why: format!("it reads {cut:?} of `{}`, of which the chain has {held:?}", tensor.name),
                });
            }
            (None, cut) => cut.filter(|&cut| !is_whole(cut)),
        };
        let Some(cut) = cut else { return Ok(tensor.name.clone()) };
        let name = format!("{}#{}:{}..{}", tensor.name, cut.axis, cut.begin, cut.end);
        if !tensor.role.is_dynamic() {
            let mut shape = tensor.shape.clone();
            shape[cut.axis] = cut.end - cut.begin;
            self.add_constant(&name, tensor.data_type, &shape, Piece::Cut(id, cut));
            return Ok(name);
        }
        if self.raw.operators.iter().any(|operator| operator.name == name) {
            return Ok(name);
        }
        let bounds = [cut.begin as i64, cut.end as i64, cut.axis as i64];
        let mut inputs = vec![tensor.name.clone()];
        for (value, what) in bounds.into_iter().zip(["starts", "ends", "axes"]) {
            let constant = format!("{name}/{what}");
            self.add_constant(&constant, DataType::Int64, &[1], Piece::Values(vec![value]));
            inputs.push(constant);
        }
        self.raw.operators.push(RawOperator {
            name: name.clone(),
            op_type: "Slice".to_owned(),
            domain: String::new(),
            attributes: Attributes::new(),
            inputs,
            outputs: vec![name.clone()],
        });
        Ok(name)
    }

    fn add_constant(&mut self, name: &str, data_type: DataType, shape: &[u64], piece: Piece) {
        if self.pieces.contains_key(name) {
            return;
        }
        let data = match &piece {
            Piece::Values(values) => Some(sim::graph::ConstantData::Integers(values.clone())),
            Piece::Cut(..) => None,
        };
        self.raw.initializers.push(RawTensor { name: name.to_owned(), data_type, shape: shape.to_vec(), data });
        self.pieces.insert(name.to_owned(), piece);
    }
}

fn integers(values: &[i64]) -> Tensor {
    Tensor::new(DataType::Int64, &[values.len() as u64], values)
}

/// A stretch of a weight.
fn cut_tensor(model: &Graph, id: TensorId, cut: Cut, weights: &Weights) -> Result<Tensor, WeightError> {
    let whole = weights.tensor(model, id)?;
    Ok(slice_tensor(&whole, cut))
}

/// A stretch of a tensor, as a tensor of its own.
///
/// # Panics
/// If the cut is outside the tensor.
pub fn slice_tensor(whole: &Tensor, cut: Cut) -> Tensor {
    let element_bytes = whole.data_type.bytes() as usize;
    let region = Region::of_slice(&whole.shape, element_bytes, cut.axis, cut.begin, cut.end);
    let mut bytes = vec![0_u8; region.bytes()];
    copy_region(whole.bytes(), region, &mut bytes, Region::whole(region.bytes()));
    let mut shape = whole.shape.clone();
    shape[cut.axis] = cut.end - cut.begin;
    Tensor::new(whole.data_type, &shape, &bytes)
}

/// One integer-list attribute more.
pub(super) fn with_integers(attributes: &Attributes, name: &str, values: &[u64]) -> Attributes {
    attributes.clone().with(name, AttributeValue::Integers(values.iter().map(|&value| value as i64).collect()))
}
