//! What holds of every chart, whatever it is given.

use plots::Scene;
use plots::charts::{
    Alternative, Bar, Bars, Boxes, Cell, Curve, CurvePoint, ErrorCurves, Fusion, HeatMap, Lines, Operator, Pair, Pareto, Sample,
    Scatter, Span, Stacks, Swing, Task, TaskGraph, Timeline, Tornado,
};
use plots::style::Width;

/// Samples that charts must take: nothing, one value, equal values, huge ranges, values that cannot be drawn.
fn samples() -> Vec<Vec<f64>> {
    vec![
        vec![],
        vec![3.0],
        vec![0.0],
        vec![-2.0, -2.0],
        vec![5.0; 40],
        vec![1e-90, 1.0, 1e90],
        vec![-1e99, 1e99],
        vec![f64::MAX, f64::MIN_POSITIVE, -f64::MAX],
        vec![f64::NAN, f64::INFINITY, f64::NEG_INFINITY],
        vec![1.0, f64::NAN, 2.0],
        (1..400).map(|index| f64::from(index * index % 97) + 0.25).collect(),
        vec![0.999, 1.0, 1.001],
        vec![99_990.0, 100_010.0],
    ]
}

fn names(count: usize) -> Vec<String> {
    let name = |index| match index % 4 {
        0 => format!("m{index}"),
        1 => format!("a_long_name_of_a_network_with_a_number_{index}"),
        2 => format!("gpu[fallback=operator,window={index}]"),
        _ => format!("cpu.{index}large & <\"漢字\">"),
    };
    (0..count).map(name).collect()
}

/// Checks what must hold of each figure.
fn check(what: &str, draw: impl Fn() -> Scene, has_data: bool) {
    let scene = draw();
    assert_eq!(scene.collisions(), Vec::<String>::new(), "{what}: labels");
    // A point at the edge of the area for data reaches into the margin, not beyond it.
    for place in scene.shapes.iter().filter_map(|shape| shape.path.bounds()) {
        assert!(scene.page().contains(&place, 0.01), "{what}: {place:?} leaves the page");
    }
    let svg = scene.svg();
    assert_eq!(svg, draw().svg(), "{what}: bytes differ");
    assert!(!svg.contains("NaN") && !svg.contains("inf"), "{what}: not a number");
    assert_eq!(svg.contains("aria-label=\"no data"), !has_data, "{what}: `no data`");
    let png = scene.png(40.0).expect("a picture");
    assert!(png.starts_with(b"\x89PNG") && png == draw().png(40.0).expect("a picture"), "{what}: pixels");
}

fn pairs(values: &[f64], groups: usize) -> Vec<Pair> {
    let names = names(groups);
    let pair = |(index, value): (usize, &f64)| Pair {
        label: format!("pair {index}"),
        group: names[index % groups].clone(),
        predicted: value * 1.07,
        measured: *value,
    };
    values.iter().enumerate().map(pair).collect()
}

fn drawable(value: f64, logarithmic: bool) -> bool {
    value.is_finite() && value.abs() < 1e100 && (!logarithmic || value > 1e-100)
}

#[test]
fn comparisons_take_anything() {
    for values in samples() {
        for groups in [1, 3, 12] {
            for width in [Width::Single, Width::Double] {
                let pairs = pairs(&values, groups);
                let what = format!("{values:?} in {groups} groups, {width:?}");
                let some = values.iter().any(|value| drawable(*value, true));
                let scatter = Scatter { title: "a".into(), quantity: "time, ms".into(), pairs: pairs.clone(), width };
                check(&format!("scatter of {what}"), || scatter.draw(), some);
                let finite = pairs.iter().any(|pair| pair.error_percent().is_finite());
                let curves = ErrorCurves { title: "a".into(), pairs, width };
                check(&format!("errors of {what}"), || curves.draw(), finite);
            }
        }
    }
}

#[test]
fn boxes_and_bars_take_anything() {
    for values in samples() {
        for count in [1, 4, 15] {
            for logarithmic in [false, true] {
                let what = format!("{values:?} by {count}, logarithmic {logarithmic}");
                let some = values.iter().any(|value| drawable(*value, logarithmic));
                let samples = names(count).into_iter().map(|name| Sample { name, values: values.clone() }).collect();
                let quantity = "time, ms".to_owned();
                let boxes = Boxes { title: "a".into(), quantity, samples, logarithmic, mark: Some(1.0), ..Boxes::default() };
                check(&format!("boxes of {what}"), || boxes.draw(), some);
                let bar = |value: &f64| Some(Bar { value: *value, interval: Some((0.9 * value, 1.2 * value)) });
                let first = &values[..values.len().min(30)];
                let bars = Bars {
                    title: "a".into(),
                    quantity: "latency, ms".into(),
                    places: names(first.len()),
                    series: names(count),
                    bars: first.iter().map(|value| vec![bar(value), None, bar(value)]).collect(),
                    logarithmic,
                    width: if count > 4 { Width::Double } else { Width::Single },
                    ..Bars::default()
                };
                check(&format!("bars of {what}"), || bars.draw(), first.iter().any(|value| drawable(*value, logarithmic)));
            }
        }
    }
}

#[test]
fn lines_and_stacks_take_anything() {
    for values in samples() {
        for count in [1, 5] {
            for logarithmic in [false, true] {
                let what = format!("{values:?} by {count}, logarithmic {logarithmic}");
                let some = values.iter().any(|value| drawable(*value, logarithmic));
                let point = |(index, value): (usize, &f64)| {
                    let interval = (index % 3 > 0).then_some((0.8 * value, 1.3 * value));
                    CurvePoint { x: (index + 1) as f64, y: *value, interval }
                };
                let points: Vec<CurvePoint> = values.iter().enumerate().map(point).collect();
                let curve = |(index, name)| Curve { name, points: points.clone(), steps: index % 2 == 1 };
                let curves = names(count).into_iter().enumerate().map(curve).collect();
                let (across, quantity) = ("time, s".into(), "clock, MHz".into());
                let lines = Lines { across, quantity, curves, logarithmic, logarithmic_across: count > 1, ..Lines::default() };
                check(&format!("lines of {what}"), || lines.draw(), some);
            }
            let (wholes, parts) = (names(count), names(values.len().min(9)));
            let rows = wholes.iter().map(|_| values.iter().take(9).copied().collect()).collect();
            let stacks = Stacks { quantity: "time, ms".into(), wholes, parts, values: rows, ..Stacks::default() };
            let some = values.iter().take(9).any(|value| drawable(*value, false) && *value >= 0.0);
            check(&format!("stacks of {values:?}"), || stacks.draw(), some);
        }
    }
}

#[test]
fn maps_tornadoes_and_fronts_take_anything() {
    for values in samples() {
        let first = &values[..values.len().min(25)];
        for logarithmic in [false, true] {
            let what = format!("{first:?}, logarithmic {logarithmic}");
            let some = first.iter().any(|value| drawable(*value, logarithmic));
            for grouped in [false, true] {
                let cell = |(index, value): (usize, &f64)| {
                    (index != 2).then(|| Cell { value: *value, group: grouped.then(|| names(7)[index % 7].clone()) })
                };
                let row: Vec<Option<Cell>> = first.iter().enumerate().map(cell).collect();
                let some = row.iter().flatten().any(|cell| drawable(cell.value, logarithmic));
                let (rows, columns, cells) = (names(3), names(row.len()), vec![row; 3]);
                let map = HeatMap { rows, columns, cells, logarithmic, width: Width::Double, ..HeatMap::default() };
                check(&format!("map of {what}"), || map.draw(), some);
            }
            let alternative = |(index, value): (usize, &f64)| Alternative {
                label: names(25)[index].clone(),
                group: names(3)[index % 3].clone(),
                x: *value,
                y: 3.0 / value + 1.0,
            };
            let alternatives = first.iter().enumerate().map(alternative).collect();
            let front = Pareto { alternatives, logarithmic, ..Pareto::default() };
            let both = front.alternatives.iter().any(|it| drawable(it.x, logarithmic) && drawable(it.y, logarithmic));
            check(&format!("front of {what}"), || front.draw(), both && some);
        }
        let swing =
            |(index, value): (usize, &f64)| Swing { name: names(25)[index].clone(), lowered: *value, raised: 2.0 - value };
        let parameters = first.iter().enumerate().map(swing).collect();
        let some = first.iter().any(|value| drawable(*value, false));
        let tornado = Tornado { base: 1.0, parameters, flips: Some((1.5, "gpu wins".into())), ..Tornado::default() };
        check(&format!("tornado of {first:?}"), || tornado.draw(), some);
    }
}

#[test]
fn timelines_and_graphs_take_anything() {
    for values in samples() {
        let span = |(index, value): (usize, &f64)| Span {
            row: index % 5,
            start: *value,
            end: value + 1.0,
            group: names(4)[index % 4].clone(),
            label: "conv".into(),
            hint: "a hint".into(),
        };
        let spans = values.iter().enumerate().map(span).collect();
        let (rows, arrivals) = (names(4), values.clone());
        let unit = "ms".to_owned();
        let timeline =
            Timeline { unit, rows, spans, arrivals, window: (0.0, 50.0), note: "a note".into(), ..Timeline::default() };
        let seen =
            |(index, value): (usize, &f64)| index % 5 < 4 && *value <= 50.0 && value + 1.0 >= 0.0 && drawable(*value, false);
        check(&format!("timeline of {values:?}"), || timeline.draw(), values.iter().enumerate().any(seen));
        let task = |(index, value): (usize, &f64)| Task {
            label: names(9)[index % 9].clone(),
            hint: String::new(),
            ran: names(index % 4).into_iter().map(|worker| (worker, *value)).collect(),
            fallback: index % 7 == 3,
            reads: if index == 0 { vec![] } else { vec![index - 1, index / 2, index + 1] },
        };
        let tasks = values.iter().enumerate().map(task).collect();
        let graph = TaskGraph { tasks, unit: "ms".into(), width: Width::Double, ..TaskGraph::default() };
        check(&format!("graph of {values:?}"), || graph.draw(), !values.is_empty());
    }
}

/// No alternative on the front is beaten, and every other one is.
#[test]
fn fronts_are_what_is_not_beaten() {
    let alternative = |index: u32| {
        let [x, y] = [index * 37 % 101, index * 53 % 97].map(f64::from);
        Alternative { label: index.to_string(), group: "a".into(), x, y }
    };
    let front = Pareto { alternatives: (0..80).map(alternative).collect(), ..Pareto::default() };
    let members = front.front();
    let beats =
        |one: &Alternative, other: &Alternative| one.x <= other.x && one.y <= other.y && (one.x < other.x || one.y < other.y);
    for (index, it) in front.alternatives.iter().enumerate() {
        let beaten = front.alternatives.iter().any(|other| beats(other, it));
        assert_eq!(members.contains(&index), !beaten, "{it:?}");
    }
}

#[test]
fn operators_and_their_tasks_take_anything() {
    for (count, lanes, each) in [(0, 0, 1), (1, 0, 1), (5, 1, 1), (40, 3, 3), (60, 12, 9), (9, 2, 40)] {
        let names = names(lanes.max(1));
        let operator = |index: usize| Operator {
            label: names[index % names.len()].clone(),
            hint: "an operator".into(),
            reads: (0..index).filter(|before| index - before == 1 || before % 7 == 3).chain([index, count + 3]).collect(),
            task: if index % 5 == 4 { None } else { Some(index / each) },
            gone: if index.is_multiple_of(2) { "removed by pass layout".into() } else { String::new() },
        };
        let task = |index: usize| Task {
            label: format!("{index}  depthwise convolution of a long name"),
            ran: (0..index % 4)
                .map(|part| (names[(index + part) % names.len()].clone(), [0.5, f64::NAN, -1.0][part % 3]))
                .collect(),
            reads: (0..index).filter(|before| index - before == 1 || index - before == 6).chain([count + 1]).collect(),
            ..Task::default()
        };
        let tasks: Vec<Task> = (0..count / each + 2).filter(|_| count > 0).map(task).collect();
        let headings = ("a  graph of the file".into(), "c  tasks and their placement, a long heading that does not fit".into());
        let lanes = names[..lanes].to_vec();
        let fusion = Fusion { title: "a".into(), headings, operators: (0..count).map(operator).collect(), tasks, lanes };
        check(&format!("{count} operators in {} lanes", fusion.lanes.len()), || fusion.draw(), count > 0);
    }
}
