//! The library that ships with Socrates: devices and scenarios, by name.

use crate::read::ReadError;
use crate::text::suggestion;

/// A file of the library.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Name.
    pub name: &'static str,
    /// Text of the file.
    pub text: &'static str,
}

/// Name of the device that this machine is.
pub const HOST: &str = "host";

/// The file that holds its profile, in the current folder.
pub const HOST_FILE: &str = "host.toml";

/// Device profiles of the library, by name.
pub fn devices() -> &'static [Entry] {
    &[
        Entry { name: "a03s", text: include_str!("../devices/a03s.toml") },
        Entry { name: "galaxy-s24-sd8gen3", text: include_str!("../devices/galaxy-s24-sd8gen3.toml") },
        Entry { name: "galaxy-s24-sd8gen3-int8", text: include_str!("../devices/galaxy-s24-sd8gen3-int8.toml") },
        Entry { name: "galaxy-s25-sd8elite", text: include_str!("../devices/galaxy-s25-sd8elite.toml") },
        Entry { name: "honor_v30_pro_kirin990", text: include_str!("../devices/honor_v30_pro_kirin990.toml") },
        Entry { name: "huawei-p20-kirin970", text: include_str!("../devices/huawei-p20-kirin970.toml") },
        Entry { name: "iphone7", text: include_str!("../devices/iphone7.toml") },
        Entry { name: "iphonexs", text: include_str!("../devices/iphonexs.toml") },
        Entry { name: "jetson-agx-orin", text: include_str!("../devices/jetson-agx-orin.toml") },
        Entry { name: "jetson-nano", text: include_str!("../devices/jetson-nano.toml") },
        Entry { name: "mi8se", text: include_str!("../devices/mi8se.toml") },
        Entry { name: "pixel4", text: include_str!("../devices/pixel4.toml") },
        Entry { name: "qcs6490-int8", text: include_str!("../devices/qcs6490-int8.toml") },
        Entry { name: "redmi_k30_pro_sd865", text: include_str!("../devices/redmi_k30_pro_sd865.toml") },
        Entry { name: "rk3588-android", text: include_str!("../devices/rk3588-android.toml") },
        Entry { name: "rpi4b", text: include_str!("../devices/rpi4b.toml") },
        Entry { name: "rpi5", text: include_str!("../devices/rpi5.toml") },
        Entry { name: "s10", text: include_str!("../devices/s10.toml") },
        Entry { name: "sd8gen1", text: include_str!("../devices/sd8gen1.toml") },
        Entry { name: "sd8gen2", text: include_str!("../devices/sd8gen2.toml") },
        Entry { name: "sd8gen2-int8", text: include_str!("../devices/sd8gen2-int8.toml") },
        Entry { name: "xiaomi11_pro_sd888", text: include_str!("../devices/xiaomi11_pro_sd888.toml") },
        Entry { name: "xiaomi9_sd855", text: include_str!("../devices/xiaomi9_sd855.toml") },
    ]
}

/// Scenarios of the library, by name.
pub fn scenarios() -> &'static [Entry] {
    &[
        Entry { name: "adms-throttling", text: include_str!("../library/adms-throttling.toml") },
        Entry { name: "four-models-one-gpu", text: include_str!("../library/four-models-one-gpu.toml") },
        Entry { name: "gpu-comes-and-goes", text: include_str!("../library/gpu-comes-and-goes.toml") },
        Entry { name: "host-solo", text: include_str!("../library/host-solo.toml") },
        Entry { name: "phone-day", text: include_str!("../library/phone-day.toml") },
        Entry { name: "pixel4-solo", text: include_str!("../library/pixel4-solo.toml") },
        Entry { name: "pixel4-sustained", text: include_str!("../library/pixel4-sustained.toml") },
        Entry { name: "pixel4-together", text: include_str!("../library/pixel4-together.toml") },
        Entry { name: "study-best-cpu", text: include_str!("../library/study-best-cpu.toml") },
        Entry { name: "study-best-idle", text: include_str!("../library/study-best-idle.toml") },
        Entry { name: "study-best-interface", text: include_str!("../library/study-best-interface.toml") },
        Entry { name: "study-best-pair", text: include_str!("../library/study-best-pair.toml") },
        Entry { name: "study-fig1", text: include_str!("../library/study-fig1.toml") },
        Entry { name: "study-fig2", text: include_str!("../library/study-fig2.toml") },
        Entry { name: "study-fig3", text: include_str!("../library/study-fig3.toml") },
        Entry { name: "study-fig4", text: include_str!("../library/study-fig4.toml") },
        Entry { name: "study-fig4-together", text: include_str!("../library/study-fig4-together.toml") },
        Entry { name: "study-fig5", text: include_str!("../library/study-fig5.toml") },
        Entry { name: "study-levels", text: include_str!("../library/study-levels.toml") },
        Entry { name: "study-minutes", text: include_str!("../library/study-minutes.toml") },
        Entry { name: "study-sensitivity", text: include_str!("../library/study-sensitivity.toml") },
        Entry { name: "study-support", text: include_str!("../library/study-support.toml") },
        Entry { name: "study-table3-cpu", text: include_str!("../library/study-table3-cpu.toml") },
        Entry { name: "study-table3-gpu", text: include_str!("../library/study-table3-gpu.toml") },
        Entry { name: "study-table3-idle", text: include_str!("../library/study-table3-idle.toml") },
        Entry { name: "study-table3-memory", text: include_str!("../library/study-table3-memory.toml") },
        Entry { name: "study-table4", text: include_str!("../library/study-table4.toml") },
        Entry { name: "study-tradeoffs", text: include_str!("../library/study-tradeoffs.toml") },
        Entry { name: "ui-frozen-by-inference", text: include_str!("../library/ui-frozen-by-inference.toml") },
        Entry { name: "ui-under-load", text: include_str!("../library/ui-under-load.toml") },
        Entry { name: "xrbench-ar-assistant", text: include_str!("../library/xrbench-ar-assistant.toml") },
        Entry { name: "xrbench-ar-gaming", text: include_str!("../library/xrbench-ar-gaming.toml") },
        Entry { name: "xrbench-outdoor-a", text: include_str!("../library/xrbench-outdoor-a.toml") },
        Entry { name: "xrbench-outdoor-b", text: include_str!("../library/xrbench-outdoor-b.toml") },
        Entry { name: "xrbench-social-a", text: include_str!("../library/xrbench-social-a.toml") },
        Entry { name: "xrbench-social-b", text: include_str!("../library/xrbench-social-b.toml") },
        Entry { name: "xrbench-vr-gaming", text: include_str!("../library/xrbench-vr-gaming.toml") },
    ]
}

/// Names that a scenario may give as its device: those of the library, and this machine.
pub fn device_names() -> Vec<&'static str> {
    devices().iter().map(|entry| entry.name).chain([HOST]).collect()
}

/// The entry of a name.
pub(crate) fn find(what: &'static str, entries: &'static [Entry], name: &str) -> Result<&'static Entry, ReadError> {
    entries.iter().find(|entry| entry.name == name).ok_or_else(|| ReadError::Unknown {
        what,
        name: name.to_owned(),
        hint: suggestion(name, entries.iter().map(|entry| entry.name)),
    })
}
