//! Reads the profiles that ONNX Runtime writes: which node ran where, and for how long.

use serde_json::Value;

/// One run of one node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeTime {
    /// Name of the node: that of the operator, or of what optimisation made of several.
    pub node: String,
    /// Its operator type.
    pub op_type: String,
    /// The execution provider that ran it, e.g. `CPUExecutionProvider`; empty if the profile does not say.
    pub provider: String,
    /// Duration of the kernel.
    pub duration_ns: u64,
}

/// The nodes of a profile in the order in which they ended: events of category `Node` whose name ends in `_kernel_time`. Several
/// runs follow each other.
///
/// Fails with the reason if the text is no such profile.
pub(super) fn read_profile(text: &str) -> Result<Vec<NodeTime>, String> {
    let events: Vec<Value> = serde_json::from_str(text).map_err(|error| format!("no profile of ONNX Runtime: {error}"))?;
    Ok(events.iter().filter_map(node_time).collect())
}

fn node_time(event: &Value) -> Option<NodeTime> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    if event["cat"] != "Node" {
        return None;
    }
    let node = event["name"].as_str()?.strip_suffix("_kernel_time")?.to_owned();
    let arguments = &event["args"];
    // In microseconds.
    let duration_ns = event["dur"].as_u64()?.saturating_mul(1000);
    Some(NodeTime { node, op_type: text(&arguments["op_name"]), provider: text(&arguments["provider"]), duration_ns })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernels_are_read_and_all_else_is_left_out() {
        let text = r#"[
            {"cat": "Session", "pid": 7, "tid": 7, "dur": 120, "ts": 1, "ph": "X", "name": "model_loading_array", "args": {}},
            {"cat": "Node", "pid": 7, "tid": 7, "dur": 1, "ts": 130, "ph": "X", "name": "conv_1_fence_before", "args": {"op_name": "Conv"}},
            {"cat": "Node", "pid": 7, "tid": 7, "dur": 85, "ts": 131, "ph": "X", "name": "conv_1_kernel_time", "args":
                {"op_name": "FusedConv", "provider": "XnnpackExecutionProvider", "node_index": "3", "output_size": "64"}},
            {"cat": "Node", "pid": 7, "tid": 7, "dur": 4, "ts": 220, "ph": "X", "name": "soft_kernel_time", "args": {"op_name": "Softmax"}}
        ]"#;
        let times = read_profile(text).expect("a profile");
        let check = |index: usize, node: &str, op_type: &str, provider: &str, duration_ns: u64| {
            let (node, op_type, provider) = (node.to_owned(), op_type.to_owned(), provider.to_owned());
            assert_eq!(times[index], NodeTime { node, op_type, provider, duration_ns });
        };
        assert_eq!(times.len(), 2);
        check(0, "conv_1", "FusedConv", "XnnpackExecutionProvider", 85_000);
        check(1, "soft", "Softmax", "", 4_000);
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["", "{}", "[1,"] {
            assert!(read_profile(text).expect_err(text).starts_with("no profile of ONNX Runtime: "));
        }
    }
}
