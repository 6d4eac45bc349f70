//! Bad input: each kind has a clear message and the right exit status, and leaves nothing behind.

use crate::folder::{Folder, PHONE, scenario};
use crate::onnx;

const SQUEEZENET: &[u8] = include_bytes!("../../../scenarios/models/squeezenet1_1.onnx");

/// Runs a command that must fail with `status` and say all of `words`.
fn check(folder: &Folder, arguments: &[&str], status: i32, words: &[&str]) {
    let ran = folder.socrates(arguments);
    assert_eq!(ran.status, Some(status), "{arguments:?}\n{}", ran.stderr);
    assert_eq!(ran.stdout, "", "{arguments:?}");
    for word in words {
        assert!(ran.stderr.contains(word), "{arguments:?} does not say `{word}`:\n{}", ran.stderr);
    }
    assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
    assert!(!folder.path().join("runs").join("small").exists(), "{arguments:?} left results behind");
}

/// A model file that must be refused, alone and in a scenario.
fn check_model(contents: &[u8], words: &[&str]) {
    let folder = Folder::new();
    folder.write("wrong.onnx", contents);
    folder.write("scenario.toml", scenario("").replace("squeezenet1_1", "./wrong.onnx"));
    check(&folder, &["model", "inspect", "wrong.onnx"], 2, words);
    check(&folder, &["run", "scenario.toml"], 2, words);
}

/// A scenario file that must be refused.
fn check_scenario(text: &str, words: &[&str]) {
    let folder = Folder::new();
    folder.write("scenario.toml", text);
    check(&folder, &["run", "scenario.toml"], 2, words);
}

#[test]
fn models() {
    let relu = |input| ("Relu", [input], ["result"]);
    let (op_type, inputs, outputs) = relu("image");
    assert_eq!(
        Folder::new()
            .write("right.onnx", onnx::model(&[1, 8], &[(op_type, &inputs, &outputs)]))
            .socrates(&["model", "inspect", "right.onnx"])
            .status,
        Some(0)
    );
    check_model(&SQUEEZENET[..SQUEEZENET.len() / 2], &["wrong.onnx", "truncated"]);
    check_model(b"", &["wrong.onnx"]);
    check_model(b"this is no protobuf at all", &["wrong.onnx"]);
    check_model(
        &onnx::model(&[1, 8], &[("Relu", &["b"], &["a"]), ("Add", &["a", "image"], &["b"]), ("Relu", &["b"], &["result"])]),
        &["cycl"],
    );
    check_model(&onnx::model(&[1, 8], &[("Relv", &["image"], &["result"])]), &["Relv"]);
    check_model(&onnx::model(&[1 << 40, 1 << 40], &[("Relu", &["image"], &["result"])]), &["image"]);
    check_model(&onnx::model(&[1000, 1_000_000], &[("Relu", &["image"], &["result"])]), &["image", "1000x1000000", "2^29"]);
    check_model(&onnx::model(&[1_000_000_000, 8], &[("Relu", &["image"], &["result"])]), &["image", "1000000000x8", "2^29"]);
    check_model(&onnx::model(&[1, 8], &[("Relu", &["imagd"], &["result"])]), &["imagd"]);
}

#[test]
fn missing_files_and_names() {
    let folder = Folder::new();
    folder.write("scenario.toml", scenario("").replace("./phone.toml", "./fone.toml"));
    check(&folder, &["run", "scenario.toml"], 2, &["device file `./fone.toml` does not exist", "scenario.toml:3:10"]);
    check(&folder, &["run", "nothing.toml"], 2, &["cannot read scenario `nothing.toml`"]);
    check(&folder, &["run", "pixel4-sole"], 2, &["unknown scenario `pixel4-sole`", "did you mean `pixel4-solo`?"]);
    check(
        &folder,
        &["model", "inspect", "mobilenet_v3"],
        2,
        &["unknown model `mobilenet_v3`", "hint: did you mean `mobilenet_v"],
    );
    check(&folder, &["model", "inspect", "resnet18", "--device", "./fone.toml"], 2, &["cannot read device `./fone.toml`"]);
    check(&folder, &["explain", "runs/nope"], 2, &["results directory `runs/nope` does not exist"]);
    let ran = folder.socrates(&["run", "nothing.toml"]);
    assert_eq!(ran.stderr.matches("No such file").count(), 1, "{}", ran.stderr);
    check(&folder, &["explain", "."], 2, &["is not a results directory"]);
}

#[test]
fn scenarios() {
    check_scenario("", &["missing key `stream`", "missing key `strategies`", "scenario.toml:1:1"]);
    check_scenario("\u{0}\u{1}", &["scenario.toml:1:1"]);
    check_scenario(&scenario("deadline = \"nan\"\n"), &["`nan` is not a duration", "write e.g. \"33ms\""]);
    check_scenario(&scenario("deadline = 33\n"), &["a duration needs a unit", "scenario.toml:9:12"]);
    check_scenario(&scenario("deadline = \"-1ms\"\n"), &["`-1ms` is negative"]);
    check_scenario(
        &scenario("arrivals.poisson = { rate_per_second = nan }\n"),
        &["`nan` is out of range", "must be a finite number"],
    );
    check_scenario(
        &scenario("arrivals.poisson = { rate_per_second = -1.0 }\n"),
        &["`-1.0` is out of range", "must be at least 0.000001"],
    );
    check_scenario(&scenario("deadlin = \"33ms\"\n"), &["unknown key `deadlin`", "did you mean `deadline`?"]);
    check_scenario(&scenario("").replace("heft", "hefd"), &["unknown strategy `hefd`", "did you mean `heft`?"]);
    check_scenario(&scenario("").replace("requests = 3", ""), &["the stream never ends"]);
}

#[test]
fn all_models_that_cannot_be_had_at_once() {
    let folder = Folder::new();
    folder.write("one.onnx", "this is no protobuf").write("two.onnx", "");
    let more = "\n[[stream]]\nmodel = \"./one.onnx\"\nrequests = 1\n\n[[stream]]\nmodel = \"./two.onnx\"\nrequests = 1\n";
    folder.write("scenario.toml", scenario(more));
    check(&folder, &["run", "scenario.toml"], 2, &["error: `./one.onnx`", "error: `./two.onnx`"]);
}

#[test]
fn runs_beyond_all_memory() {
    let many = scenario("").replace("requests = 3", "requests = 10_000_000");
    check_scenario(&many, &["case `squeezenet1_1`", "limit is 50_000_000", "lower `requests` or the `horizon`"]);
    let fast = scenario("arrivals.poisson = { rate_per_second = 1e9 }\n").replace("requests = 3\n", "");
    check_scenario(
        &fast.replace("strategies", "horizon = \"10s\"\nstrategies"),
        &["limit is 50_000_000", "10_000_000_000 requests"],
    );
    let clients = fast.replace("poisson = { rate_per_second = 1e9 }", "closed_loop = { clients = 4_000_000_000 }");
    check_scenario(&clients.replace("strategies", "horizon = \"1ms\"\nstrategies"), &["limit is 50_000_000"]);
}

#[test]
fn all_errors_of_a_file_at_once() {
    let text = scenario("deadlin = 33\npriority = 1.5\n").replace("heft", "hefd").replace("requests = 3", "requests = 0");
    check_scenario(&text, &["`hefd`", "`deadlin`", "`0` is out of range", "expected a whole number"]);
}

#[test]
fn profiles() {
    let folder = Folder::new();
    folder.write("scenario.toml", scenario(""));
    let check_profile = |from: &str, to: &str, words: &[&str]| {
        assert!(PHONE.contains(from), "{from}");
        folder.write("phone.toml", PHONE.replacen(from, to, 1));
        check(&folder, &["run", "scenario.toml"], 2, words);
    };
    check_profile("\"100us\"", "100", &["a duration needs a unit", "phone.toml:47:9"]);
    check_profile("14.2GB/s", "-1GB/s", &["`-1GB/s` is negative"]);
    check_profile("ns_per_byte = 0.25", "ns_per_byte = nan", &["`nan` is out of range"]);
    check_profile("launch = 2000.0", "launch = inf", &["`inf` is out of range"]);
    check_profile(
        "blocks = \"cpu.1large\"",
        "blocks = \"cpu.1larg\"",
        &["unknown worker `cpu.1larg`", "did you mean `cpu.1large`?"],
    );
    check_profile("\"swish\"]", "\"swich\"]", &["`swich`", "did you mean `swish`?"]);
    check_profile("schema_version = 1", "schema_version = 7", &["the file is of version 7, this program reads 1"]);
}

#[test]
fn arguments() {
    let folder = Folder::new();
    folder.write("scenario.toml", scenario(""));
    check(&folder, &["rum"], 2, &["unrecognized subcommand"]);
    check(&folder, &["run", "scenario.toml", "--threads", "0"], 2, &["--threads"]);
    check(&folder, &["run", "scenario.toml", "--seed", "-1"], 2, &["-1"]);
    check(&folder, &["run", "scenario.toml", "--strategy", "hefd"], 2, &["unknown strategy `hefd`", "did you mean `heft`?"]);
    check(&folder, &["run", "scenario.toml", "--strategy", "cpu[worker"], 2, &["cannot read strategy"]);
    check(&folder, &["model", "inspect", "resnet18", "--dimension", "n=0"], 2, &["cannot read `n=0`"]);
    check(&folder, &["list", "phones"], 2, &["phones"]);
}

#[test]
fn output_that_cannot_be_written() {
    let folder = Folder::new();
    folder.write("scenario.toml", scenario("")).write("file", "not a folder");
    check(&folder, &["run", "scenario.toml", "--output", "file/results"], 3, &["file"]);
    check(&folder, &["run", "scenario.toml", "--output", "file"], 3, &["file"]);
    std::fs::create_dir(folder.path().join("mine")).unwrap();
    folder.write("mine/letter.txt", "dear");
    check(&folder, &["run", "scenario.toml", "--output", "mine"], 3, &["`mine` exists and is not a results directory"]);
    assert_eq!(std::fs::read_to_string(folder.path().join("mine/letter.txt")).unwrap(), "dear");
}

#[test]
fn workers_named_in_strategies() {
    let folder = Folder::new();
    let command = ["run", "pixel4-solo", "--strategy", "cpu[worker=cpu.1larg]", "--strategy", "heft[workers=gpu+npu]"];
    check(
        &folder,
        &command,
        2,
        &["worker `cpu.1larg` (nearest: `cpu.1large`)", "worker `npu` (nearest: `gpu`)", "device `pixel4`"],
    );
}

#[test]
fn measurements_to_fit() {
    let folder = Folder::new();
    check(&folder, &["calibrate", "fit", "--data", "nowhere"], 2, &["cannot read `nowhere/usc_operators.csv`"]);
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/../hwcal/data");
    for file in ["usc_operators.csv", "usc_models.csv", "phones_published.csv"] {
        folder.write(file, std::fs::read_to_string(format!("{source}/{file}")).unwrap());
    }
    let text = std::fs::read_to_string(format!("{source}/usc_operators.csv")).unwrap();
    for wrong in ["NaN", "-3.5", "", "1e400"] {
        let mut lines: Vec<&str> = text.lines().collect();
        let mut fields: Vec<&str> = lines[2].split(',').collect();
        fields[10] = wrong;
        let third = fields.join(",");
        lines[2] = &third;
        folder.write("usc_operators.csv", lines.join("\n"));
        check(&folder, &["calibrate", "fit", "--data", "."], 2, &["usc_operators.csv:3", wrong]);
    }
}

#[test]
fn measured_models_to_validate() {
    const HEADER: &str = "framework,model,device_key,processor,cores,dtype,mean_ms\n";
    let folder = Folder::new();
    let table = |rows: &str| format!("{HEADER}{rows}");
    let validate = |text: &str, more: &[&str], words: &[&str]| {
        folder.write("measured.csv", text);
        let arguments = [&["validate", "models", "--device", "s10", "measured.csv"], more].concat();
        check(&folder, &arguments, 2, words);
    };
    check(&folder, &["validate", "models", "--device", "s10", "nowhere.csv"], 2, &["cannot read `nowhere.csv`"]);
    check(&folder, &["validate", "models", "--device", "s11", "measured.csv"], 2, &["unknown device `s11`", "s10"]);
    validate("", &[], &["measured.csv"]);
    validate(HEADER, &[], &["measured.csv: no rows"]);
    validate("framework,model\ntflite,resnet18\n", &[], &["measured.csv:1: column `device_key` is missing"]);
    let cell =
        |value: &str, words: &[&str]| validate(&table(&format!("tflite,resnet18,s10,cpu,1large,float,{value}\n")), &[], words);
    for wrong in ["", "NaN", "-3", "0", "fast", "inf"] {
        cell(wrong, &[&format!("measured.csv:2: mean_ms is `{wrong}`: must be a finite number above 0")]);
    }
    cell("143000", &["measured.csv:2", "as if in microseconds", "must be in milliseconds"]);
    cell("0.143", &["measured.csv:2", "as if in seconds"]);
    validate(&table("tflite,,s10,cpu,1large,float,1\n"), &[], &["measured.csv:2: model is ``"]);
    validate(&table("tflite,resnet18,s10,cpu,1large\n"), &[], &["measured.csv", "fields"]);
    validate(
        &table("tflite,resnet18,pixel4,cpu,1large,float,1\n"),
        &[],
        &["no row can be judged on `s10`", "1 rows: device `pixel4`"],
    );
    validate(&table("tflite,resnet18,s10,cpu,9large,float,1\n"), &[], &["no worker of processor `cpu`, cores `9large`"]);
    validate(&table("tflite,resnet18,s10,cpu,1large,quant,1\n"), &[], &["dtype `quant`"]);
    validate(&table("torch_mobile,resnet18,s10,cpu,1large,float,1\n"), &[], &["framework `torch_mobile`", "TFLite"]);
    validate(&table("tflite,mine,s10,cpu,1large,float,1\n"), &[], &["operators of the model not known", "--operators"]);
    folder.write("operators.csv", "model,op_idx,op,in_hw,in_ch,out_hw,out_ch,kernel,stride\nmine,0,CONV_2D,8,8,8,8,1,1\n");
    validate(
        &table("tflite,mine,s10,cpu,1large,float,1\n"),
        &["--operators", "operators.csv"],
        &["operators.csv:1: column `groups`"],
    );
    folder
        .write("operators.csv", "model,op_idx,op,in_hw,in_ch,out_hw,out_ch,kernel,stride,groups\nmine,0,CONV_2D,8,x,8,8,1,1,1\n");
    validate(
        &table("tflite,mine,s10,cpu,1large,float,1\n"),
        &["--operators", "operators.csv"],
        &["operators.csv:2: in_ch is `x`"],
    );
}

#[test]
fn models_to_predict() {
    let folder = Folder::new();
    check(&folder, &["predict", "--model", "resnet18", "--device", "s11"], 2, &["unknown device `s11`"]);
    check(&folder, &["predict", "--model", "resnet19", "--device", "s10"], 2, &["unknown model `resnet19`", "resnet18"]);
    let processors = &["`s10` has no processor `3large`", "1large2med", "4small"];
    check(&folder, &["predict", "--model", "resnet18", "--device", "s10", "--processor", "3large"], 2, processors);
    let refused = &["does not run `bert_tiny_4x312`", "operator"];
    check(&folder, &["predict", "--model", "bert_tiny_4x312", "--device", "s10", "--processor", "gpu"], 2, refused);
    check(&folder, &["predict", "--model", "mine", "--operators", "nowhere.csv"], 2, &["cannot read `nowhere.csv`"]);
}
