//! What holds of every chart, whatever it is given.

use plots::Scene;
use plots::charts::{Bar, Bars, Boxes, ErrorCurves, Pair, Sample, Scatter};
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
