//! What all passes have in common.

use super::*;
use crate::graph::{Attributes, Graph, RawGraph};

/// Every operator as `output = Type(input, ...)`, in order.
fn written(graph: &Graph) -> Vec<String> {
    let name = |id| graph.tensor(id).name.as_str();
    let operators = graph.operators().iter().map(|operator| {
        let inputs: Vec<&str> = operator.inputs.iter().map(|input| input.map_or("", name)).collect();
        let outputs: Vec<&str> = operator.outputs.iter().map(|&output| name(output)).collect();
        format!("{} = {}({})", outputs.join(", "), operator.op_type, inputs.join(", "))
    });
    operators.collect()
}

/// Runs a pass, until nothing changes, and compares the operators with those expected, unless none are. Inputs and outputs must stay.
pub(super) fn check(pass: &str, raw: RawGraph, expected: &[&str]) -> Graph {
    let before = raw.build().expect("a valid graph");
    let passes = Passes::parse(pass).expect("a pass");
    let (after, report) = optimize(&before, &passes).expect("optimises");
    if !expected.is_empty() {
        assert_eq!(written(&after), expected);
    }
    let interface = |graph: &Graph| {
        let described = |&id: &_| {
            let tensor = graph.tensor(id);
            (tensor.name.clone(), tensor.data_type, tensor.shape.clone())
        };
        (graph.inputs().iter().map(described).collect::<Vec<_>>(), graph.outputs().iter().map(described).collect::<Vec<_>>())
    };
    assert_eq!(interface(&before), interface(&after));
    assert_eq!((report.before, report.after), (Totals::of(&before), Totals::of(&after)));
    if passes.are_exact() {
        let (again, second) = optimize(&after, &passes).expect("optimises");
        assert!(second.steps.is_empty() && again == after, "{pass} changes its own result");
        assert!(report.after.macs <= report.before.macs && report.after.operators <= report.before.operators);
    }
    after
}

#[test]
fn lists_are_read() {
    let names = |text: &str| Passes::parse(text).map(|passes| passes.passes().map(|pass| pass.name).collect::<Vec<_>>());
    assert_eq!(names(""), Ok(vec![]));
    assert_eq!(names(" dead , identity"), Ok(vec!["dead", "identity"]));
    assert_eq!(names("exact").map(|names| names.len()), Ok(PASSES.iter().filter(|pass| pass.is_exact).count()));
    let cases = [
        ("identiy", "unknown pass `identiy`: did you mean `identity`?"),
        ("dead,", "cannot read passes `dead,`"),
        ("dead[", "cannot read passes"),
        ("dead identity", "unknown pass `dead identity`"),
        ("dead[x=1]", "pass `dead` has no parameter `x`: it has none"),
    ];
    for (text, expected) in cases {
        let error = names(text).expect_err(expected).to_string();
        assert!(error.contains(expected), "`{expected}` is not in `{error}`");
    }
}

#[test]
fn the_table_is_consistent() {
    for (index, pass) in PASSES.iter().enumerate() {
        assert!(PASSES[..index].iter().all(|earlier| earlier.name != pass.name), "{} is there twice", pass.name);
        assert!(pass.parameters.iter().all(|parameter| (parameter.range.0..=parameter.range.1).contains(&parameter.default)));
    }
}

#[test]
fn the_report_names_what_changed() {
    let raw = RawGraph::new("test")
        .with_input("x", &[4])
        .with_operator("Identity", &["x"], &["a"], Attributes::new())
        .with_operator("Relu", &["a"], &["y"], Attributes::new())
        .with_output("y");
    let (_, report) = optimize(&raw.build().expect("valid"), &Passes::exact()).expect("optimises");
    let [step] = &report.steps[..] else { panic!("one step, not {:?}", report.steps) };
    assert_eq!((step.pass, step.round, step.removed.as_slice()), ("identity", 1, &["a".to_owned()][..]));
    assert_eq!((step.added.len(), step.changed.as_slice()), (0, &["y".to_owned()][..]));
    assert_eq!((step.before.operators, step.after.operators, step.after.activation_bytes), (2, 1, 16));
}
