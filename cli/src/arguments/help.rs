//! What help says beside the arguments: examples of every command, and exit statuses.

use clap::Command;

pub(crate) const EXIT_STATUSES: &str = "\
Exit status:
  0    done
  1    the command ended, but something asked for failed: a run stalled, a strategy has no plan for
       a model, or a check did not hold
  2    bad input: arguments, scenario, device profile, model, results to be explained
  3    the output cannot be written
  130  interrupted; nothing was written";

/// Examples of a command: its path without `socrates`, and command lines. `docs/check_commands.py` runs them in this order, in one folder
/// where `my-model.onnx`, `my-scenario.toml`, `measured.csv` and the like are at hand.
type Examples = (&'static str, &'static [&'static str]);

/// Of every command that does something.
const EXAMPLES: &[Examples] = &[
    (
        "run",
        &[
            "socrates run pixel4-solo",
            "socrates run my-scenario.toml --strategy heft --strategy \"band[scheduler=heft]\" --seed 7",
            "socrates run pixel4-together --replicates 20 --output runs/twenty",
        ],
    ),
    (
        "sweep",
        &[
            "socrates sweep examples/sweep/rates.toml",
            "socrates sweep examples/sweep/rates.toml --shard 0/2",
            "socrates sweep examples/sweep/rates.toml --shard 1/2",
        ],
    ),
    ("merge", &["socrates merge runs/rates-shard-0-of-2 runs/rates-shard-1-of-2 --output runs/merged"]),
    (
        "capacity",
        &[
            "socrates capacity pixel4-together --stream mobilenet_v2 --p95 100ms --strategy \"gpu[fallback=partitions]\" --replicates 2",
            "socrates capacity pixel4-together --stream mobilenet_v2 --deadline-miss 20% --vary copies --strategy \"gpu[fallback=partitions]\"",
        ],
    ),
    ("execute", &["socrates execute host-solo", "socrates execute my-host-scenario.toml --device host.toml --output runs/real"]),
    ("observe", &["socrates observe my-host-scenario.toml --output observed"]),
    ("replay", &["socrates replay observed"]),
    (
        "validate mappings",
        &[
            "socrates validate mappings --device rk3399pro mappings.csv",
            "socrates validate mappings --device rk3399pro mappings.csv --json",
        ],
    ),
    ("validate host", &["socrates validate host --quick"]),
    ("validate published", &["socrates validate published --output validation.md"]),
    ("validate models", &["socrates validate models --device s10 measured.csv"]),
    ("list", &["socrates list devices", "socrates list strategies"]),
    ("model inspect", &["socrates model inspect my-model.onnx --device pixel4"]),
    ("model optimize", &["socrates model optimize my-model.onnx --output optimized.onnx"]),
    (
        "predict",
        &[
            "socrates predict --device s10 --model my-model.onnx",
            "socrates predict --device pixel4 --processor gpu --model resnet50",
        ],
    ),
    ("explain", &["socrates explain runs/pixel4-solo --model swin_t --strategy \"gpu[fallback=operator]\""]),
    (
        "figure",
        &[
            "socrates figure timeline runs/pixel4-solo --model inception_v3 --strategy heft -o timeline.svg",
            "socrates figure graph runs/pixel4-solo --model mobilenet_v1 -o graph.png --dpi 150",
            "socrates figure table2 -o table2.md",
        ],
    ),
    ("study", &["socrates study", "socrates study --check"]),
    ("report", &["socrates report runs/pixel4-solo runs/twenty -o report.html"]),
    ("calibrate run", &["socrates calibrate run --quick"]),
    ("calibrate check", &["socrates calibrate check"]),
    ("calibrate fit", &["socrates calibrate fit --device pixel4 --check"]),
    ("calibrate refine", &["socrates calibrate refine observed --output better.toml"]),
    ("import band", &["socrates import band band.json -o imported.toml"]),
    ("import litert", &["socrates import litert benchmark_model.txt --model mobilenet_v2 --device pixel4 --cores 1large"]),
    ("import onnxruntime", &["socrates import onnxruntime onnxruntime_profile.json --operators"]),
    ("import aihub", &["socrates import aihub perf.yaml -o aihub.csv"]),
    ("import mlperf", &["socrates import mlperf mlperf_log_summary.txt --model mobilenet_v3_large --device galaxy-s24-sd8gen3"]),
    ("schema", &["socrates schema scenario"]),
];

/// The command with the examples of each command at the end of its help.
pub(crate) fn with_examples(command: Command) -> Command {
    of(command, "")
}

fn of(command: Command, path: &str) -> Command {
    let mut command = command;
    if let Some((_, examples)) = EXAMPLES.iter().find(|(of, _)| *of == path) {
        let examples: Vec<String> = examples.iter().map(|example| format!("  {example}")).collect();
        let before = command.get_after_help().map_or_else(String::new, |text| format!("\n\n{text}"));
        command = command.after_help(format!("Examples:\n{}{before}", examples.join("\n")));
    }
    let names: Vec<String> = command.get_subcommands().map(|it| it.get_name().to_owned()).collect();
    for name in names {
        let inner = if path.is_empty() { name.clone() } else { format!("{path} {name}") };
        command = command.mut_subcommand(name, |it| of(it, &inner));
    }
    command
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;
    use std::path::Path;

    use clap::CommandFactory;

    use super::*;
    use crate::arguments::Arguments;

    /// Paths of the commands that do something.
    fn leaves(command: &Command, path: &str, found: &mut Vec<String>) {
        let inner: Vec<&Command> = command.get_subcommands().filter(|it| it.get_name() != "help").collect();
        if inner.is_empty() {
            found.push(path.to_owned());
        }
        for subcommand in inner {
            leaves(subcommand, format!("{path} {}", subcommand.get_name()).trim(), found);
        }
    }

    /// Words of a command line; those in quotation marks may hold spaces.
    fn words(line: &str) -> Vec<String> {
        let parts = line.split('"').enumerate();
        parts
            .flat_map(
                |(index, part)| {
                    if index % 2 == 1 { vec![part.to_owned()] } else { part.split_whitespace().map(str::to_owned).collect() }
                },
            )
            .collect()
    }

    #[test]
    fn every_command_has_an_example_that_is_one_of_it() {
        let mut found = Vec::new();
        leaves(&Arguments::command(), "", &mut found);
        let known: Vec<&str> = EXAMPLES.iter().map(|(path, _)| *path).collect();
        assert_eq!(
            found.iter().filter(|path| !known.contains(&path.as_str())).collect::<Vec<_>>(),
            Vec::<&String>::new(),
            "no example"
        );
        assert_eq!(
            known.iter().filter(|path| !found.iter().any(|it| it == *path)).collect::<Vec<_>>(),
            Vec::<&&str>::new(),
            "no command"
        );
        for (path, examples) in EXAMPLES {
            assert!(!examples.is_empty(), "{path}");
            for example in *examples {
                assert!(example.starts_with(&format!("socrates {path} ")) || *example == format!("socrates {path}"), "{example}");
                Arguments::command().try_get_matches_from(words(example)).unwrap_or_else(|error| panic!("{example}: {error}"));
            }
        }
    }

    /// The reference page, from the help texts.
    fn reference(command: &mut Command, path: &str, text: &mut String) {
        let help = command.render_long_help().to_string();
        let help: Vec<&str> = help.lines().map(str::trim_end).collect();
        writeln!(text, "\n## `{path}`\n\n```text\n{}\n```", help.join("\n").trim_end()).unwrap();
        for subcommand in command.get_subcommands_mut().filter(|subcommand| subcommand.get_name() != "help") {
            reference(subcommand, &format!("{path} {}", subcommand.get_name()), text);
        }
    }

    #[test]
    fn the_reference_page_is_fresh() {
        let mut text = "# Command line\n\nGenerated from the program by `UPDATE=1 cargo test`.\n".to_owned();
        let mut command = with_examples(Arguments::command()).term_width(100).bin_name("socrates");
        command.build();
        reference(&mut command, "socrates", &mut text);
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/cli.md");
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&path, &text).unwrap();
        }
        assert!(std::fs::read_to_string(path).unwrap_or_default() == text, "docs/cli.md is stale: run `UPDATE=1 cargo test`");
    }
}
