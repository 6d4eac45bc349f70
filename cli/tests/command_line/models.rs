//! Whole models: predictions, and predictions beside measurements.

use crate::folder::Folder;

/// Lines of a table that start with a word.
fn line<'a>(text: &'a str, word: &str) -> Vec<&'a str> {
    let line = text.lines().find(|line| line.split_whitespace().next() == Some(word));
    line.unwrap_or_else(|| panic!("no line `{word}`:\n{text}")).split_whitespace().collect()
}

#[test]
fn a_model_is_predicted_with_an_interval_on_every_processor() {
    let folder = Folder::new();
    let ran = folder.socrates(&["predict", "--device", "mi8se", "--model", "resnet18"]);
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    for processor in ["gpu", "1large", "6small"] {
        let cells = line(&ran.stdout, processor);
        let numbers: Vec<f64> = [1, 2, 4].map(|cell| cells[cell].parse().unwrap()).to_vec();
        assert!(numbers[1] < numbers[0] && numbers[0] < numbers[2], "{cells:?}");
    }
    let one = folder.socrates(&["predict", "--device", "mi8se", "--model", "resnet18", "--processor", "6small"]);
    assert_eq!(line(&one.stdout, "6small"), line(&ran.stdout, "6small"));
    assert!(!one.stdout.contains("1large"), "{}", one.stdout);
    let cpu = folder.socrates(&["predict", "--device", "mi8se", "--model", "resnet18", "--processor", "cpu"]);
    assert!(cpu.stdout.contains("1large") && !cpu.stdout.contains("gpu"), "{}", cpu.stdout);
}

/// The same operators by name, from a table of the user's and from an ONNX file take about as long.
#[test]
fn lists_and_files_agree() {
    let folder = Folder::new();
    let header = "model,op_idx,op,in_hw,in_ch,out_hw,out_ch,kernel,stride,groups\n";
    let list = include_str!("../../../hwcal/data/usc_operators.csv");
    let rows = list.lines().filter(|line| line.starts_with("resnet18,"));
    let rows: Vec<String> =
        rows.map(|line| line.replacen("resnet18", "mine", 1).split(',').take(10).collect::<Vec<_>>().join(",")).collect();
    folder.write("operators.csv", format!("{header}{}\n", rows.join("\n")));
    let latency = |arguments: &[&str]| -> f64 {
        let ran = folder.socrates(&[&["predict", "--processor", "1large"], arguments].concat());
        assert_eq!(ran.status, Some(0), "{}", ran.stderr);
        line(&ran.stdout, "1large")[1].parse().unwrap()
    };
    let own = latency(&["--model", "mine", "--operators", "operators.csv"]);
    let zoo = latency(&["--model", "resnet18"]);
    assert!((own / zoo - 1.0).abs() < 0.03, "{own} {zoo}");
    // A model that was held back and is in no zoo: its operators come with the program.
    assert!(latency(&["--model", "squeezenet_v1_0"]) > 1.0);
}

#[test]
fn measured_models_are_judged_by_processor_and_core_set() {
    let folder = Folder::new();
    let header = "framework,model,device_key,processor,cores,dtype,mean_ms,more\n";
    let rows = "\
tflite,resnet18,pixel4,cpu,1large,float,70.6,x
tflite,resnet18,pixel4,gpu,gpu,float,20,x
tflite,squeezenet_v1_0,pixel4,cpu,1large,float,40,x
tflite,resnet18,pixel4,cpu,1large,quant,30,x
tflite,resnet18,s10,cpu,1large,float,60,x
tflite,mine,pixel4,cpu,1large,float,30,x
";
    folder.write("measured.csv", format!("{header}{rows}"));
    let ran = folder.socrates(&["validate", "models", "--device", "pixel4", "measured.csv", "--json"]);
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    let found: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(found["device"], "pixel4");
    let groups = found["groups"].as_array().unwrap();
    assert_eq!(groups.len(), 2, "{}", ran.stdout);
    let cpu = &groups[0];
    assert_eq!(
        (&cpu["processor"], &cpu["cores"], &cpu["n"], &cpu["fitted_on"]),
        (&"cpu".into(), &"1large".into(), &2.into(), &1.into())
    );
    for number in ["mape", "within_10", "median", "p90", "bias", "coverage"] {
        assert!(cpu[number].is_number(), "{number}: {cpu}");
    }
    let refused: u64 = found["refused"].as_array().unwrap().iter().map(|it| it["rows"].as_u64().unwrap()).sum();
    assert_eq!(refused, 3, "{}", ran.stdout);
    let text = folder.socrates(&["validate", "models", "--device", "pixel4", "measured.csv"]).stdout;
    assert!(text.contains("not judged, 1 rows: dtype `quant`") && text.contains("(mine)"), "{text}");
}

/// Boards have threads, not clusters, and layers of their own framework.
#[test]
fn boards_are_judged_by_threads() {
    let folder = Folder::new();
    let header = "framework,model,device_key,processor,cores,dtype,mean_ms\n";
    folder.write("measured.csv", format!("{header}ncnn,mobilenet_v3,rpi5,cpu,4,float,9\nncnn,resnet50,rpi5,cpu,1,float,150\n"));
    let ran = folder.socrates(&["validate", "models", "--device", "rpi5", "measured.csv", "--json"]);
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    let found: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let cores: Vec<&str> = found["groups"].as_array().unwrap().iter().map(|group| group["cores"].as_str().unwrap()).collect();
    assert_eq!(cores, ["1thread", "4threads"]);
    assert!(found["groups"].as_array().unwrap().iter().all(|group| group["fitted_on"] == 0), "{}", ran.stdout);
}
