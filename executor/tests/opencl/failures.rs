//! What goes wrong, and what is told then.

use super::*;

#[test]
fn what_cannot_run_is_refused_by_name() {
    let Some(mut processor) = open(Transfer::Copy) else { return };
    let graph = one("Sin", &[&[3]], &[], Attributes::new()).build().expect("valid");
    let error = processor.support(&graph).expect_err("no kernel");
    assert_eq!(error.kind, ProcessorErrorKind::Unsupported);
    assert_eq!(error.to_string(), "OpenCL: operator `y` of type Sin cannot run: there is no kernel for it");
    let (unit, _) = unit(&graph);
    assert_eq!(processor.prepare(&unit).expect_err("no kernel").kind, ProcessorErrorKind::Unsupported);
    let error = OpenClProcessor::open(99, DeviceMemory::Buffer, Transfer::Copy).err().expect("no device");
    assert_eq!(error.kind, ProcessorErrorKind::Missing);
}

#[test]
fn mistakes_of_the_caller_are_told_and_do_no_harm() {
    let Some(mut processor) = open(Transfer::Copy) else { return };
    let (unit, inputs) = unit(&one("Relu", &[&[100]], &[], Attributes::new()).build().expect("valid"));
    let prepared = processor.prepare(&unit).expect("prepared");
    let (small, right) = (processor.allocate(396).expect("memory"), processor.allocate(400).expect("memory"));
    let launch = |processor: &mut OpenClProcessor, inputs: &[Operand], outputs: &[Operand]| {
        processor.launch(prepared, inputs, outputs).expect_err("a mistake")
    };
    for error in [
        launch(&mut processor, &[], &[right.into()]),
        launch(&mut processor, &[small.into()], &[right.into()]),
        launch(&mut processor, &[Operand { buffer: right, offset_bytes: 4 }], &[right.into()]),
        launch(&mut processor, &[executor::BufferId(77).into()], &[right.into()]),
        processor.map(right).expect_err("own memory"),
        processor
            .upload(&HostBuffer::zeroed(8), Region::whole(8), small, Region { offset_bytes: 392, ..Region::whole(8) })
            .expect_err("too long"),
        processor.download(small, Region::whole(8), &HostBuffer::zeroed(4), Region::whole(8)).expect_err("too long"),
    ] {
        assert_eq!(error.kind, ProcessorErrorKind::Misuse, "{error}");
    }
    processor.discard(prepared);
    assert_eq!(launch(&mut processor, &[right.into()], &[right.into()]).kind, ProcessorErrorKind::Misuse);
    run(&mut processor, &unit, &inputs);
}

#[test]
fn too_much_memory_is_told_and_a_lost_device_stays_lost() {
    let Some(mut processor) = open(Transfer::Copy) else { return };
    let error = processor.allocate(1 << 50).expect_err("too much");
    assert_eq!(error.kind, ProcessorErrorKind::OutOfMemory, "{error}");
    let (unit, inputs) = unit(&one("Relu", &[&[100]], &[], Attributes::new()).build().expect("valid"));
    run(&mut processor, &unit, &inputs);
    let buffer = processor.allocate(400).expect("memory");
    processor.lose();
    for error in [
        processor.allocate(4).expect_err("lost"),
        processor.prepare(&unit).expect_err("lost"),
        processor.wait().expect_err("lost"),
        processor.upload(&HostBuffer::zeroed(4), Region::whole(4), buffer, Region::whole(4)).expect_err("lost"),
    ] {
        assert_eq!(error.kind, ProcessorErrorKind::Lost, "{error}");
    }
}

/// Not a test by itself: what the next one runs in a process of its own, where drivers can be hidden.
#[test]
fn open_for_the_parent() {
    if std::env::var_os("SOCRATES_TEST_CHILD").is_some() {
        let error = OpenClProcessor::open(0, DeviceMemory::Buffer, Transfer::Copy).err();
        eprintln!("child: {error:?} {:?}", opencl::devices().err());
    }
}

#[test]
fn an_absent_library_or_driver_is_told_and_is_no_panic() {
    let check = |variable: &str, value: &std::ffi::OsStr, expected: &str| {
        let child = std::process::Command::new(std::env::current_exe().expect("this program"))
            .args(["--exact", "failures::open_for_the_parent", "--nocapture"])
            .env("SOCRATES_TEST_CHILD", "1")
            .env(variable, value)
            .output()
            .expect("started");
        let text = String::from_utf8_lossy(&child.stderr).into_owned();
        assert!(child.status.success() && text.contains("kind: Missing") && text.contains(expected), "{variable}: {text}");
    };
    check("OCL_ICD_VENDORS", "/nonexistent".as_ref(), "failed with");
    // A file of the library's name that is no library hides the real one.
    let folder = std::env::temp_dir().join(format!("socrates-no-opencl-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join("libOpenCL.so.1"), "nothing").expect("a file");
    check("LD_LIBRARY_PATH", folder.as_os_str(), "libOpenCL.so.1 was not found");
    std::fs::remove_dir_all(&folder).expect("removed");
}
