//! What is wrong with a scenario file, as the user sees it.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::Path;

use scenarios::Scenario;

#[test]
fn everything_wrong_at_once() {
    let text = r#"
schema_version = 1
name = "x"
devise = "pixel4"
strategies = ["cpu", "hefd", "cpu[workr=a]", "cpu"]
streams_run = "together!"
horizon = 33
seed = -1

[[stream]]
model = "mobilenet_v2"
arrivals.periodic = { period = "0ms" }
deadline = "33"
requests = 0
dimensions = { seq = 0 }

[[stream]]
model = "./missing.onnx"
arrivals.poison = { rate_per_second = nan }
"#;
    let errors = Scenario::parse("wrong.toml", text, Path::new("")).unwrap_err();
    println!("{errors}");
    for text in ["", "[[stream]]\n", "stream = 3\n[a", "name = \"x\" \"y\"\n=\n"] {
        println!("-----\n{}", Scenario::parse("wrong.toml", text, Path::new("")).unwrap_err());
    }
}
