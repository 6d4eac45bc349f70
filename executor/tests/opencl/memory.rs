//! Transfers between host and device.

use super::*;

#[test]
fn mapping_on_pocl_copies_nothing() {
    let Some(mut processor) = open(Transfer::Map) else { return };
    let host = HostBuffer::from_bytes(&[7; 10_000]);
    let buffer = processor.share(&host).expect("shared");
    if processor.device().kind == opencl::DeviceKind::Cpu {
        assert_eq!(processor.maps_without_copy(buffer, &host), Some(true));
    }
    processor.unmap(buffer).expect("unmapped");
    assert_eq!(processor.maps_without_copy(buffer, &host), None);
}

#[test]
fn regions_with_gaps_go_up_across_and_down() {
    let Some(mut processor) = open(Transfer::Copy) else { return };
    let source: Vec<u8> = (0..240).map(|value| value as u8).collect();
    let host = HostBuffer::from_bytes(&source);
    // Rows 2..5 of 6 in the middle of [4][6][10].
    let slice = Region::of_slice(&[4, 6, 10], 1, 1, 2, 5);
    let packed = Region::whole(slice.bytes());
    let mut expected = vec![0; slice.bytes()];
    executor::buffer::copy_region(&source, slice, &mut expected, packed);
    let small = processor.allocate(slice.bytes()).expect("memory");
    processor.upload(&host, slice, small, packed).expect("up, gathered");
    let back = HostBuffer::zeroed(slice.bytes());
    processor.download(small, packed, &back, packed).expect("down");
    assert_eq!(back.into_bytes().expect("own"), expected);
    let large = processor.allocate(240).expect("memory");
    processor.upload(&HostBuffer::zeroed(240), Region::whole(240), large, Region::whole(240)).expect("zeros");
    processor.copy(small, packed, large, slice).expect("across, scattered");
    let back = HostBuffer::zeroed(240);
    processor.download(large, slice, &back, slice).expect("down, scattered to scattered");
    let mut scattered = vec![0; 240];
    executor::buffer::copy_region(&expected, packed, &mut scattered, slice);
    assert_eq!(back.into_bytes().expect("own"), scattered);
}

/// Copies to, from and between windows, as merges of parts do.
#[test]
fn windows_are_memory_of_their_own() {
    let Some(mut processor) = open(Transfer::Copy) else { return };
    let alignment = processor.description().window_alignment_bytes.expect("gives windows");
    let source: Vec<u8> = (0..240).map(|value| value as u8).collect();
    let host = HostBuffer::from_bytes(&source);
    let slice = Region::of_slice(&[4, 6, 10], 1, 1, 2, 5);
    let packed = Region::whole(slice.bytes());
    let mut expected = vec![0; slice.bytes()];
    executor::buffer::copy_region(&source, slice, &mut expected, packed);
    let at = alignment.max(256);
    let arenas = [(); 2].map(|()| processor.allocate(4 * at).expect("memory"));
    let small = processor.window(arenas[0], at, slice.bytes()).expect("window");
    let large = processor.window(arenas[1], 2 * at, 240).expect("window");
    let nothing = processor.window(arenas[1], 3 * at, 0).expect("window");
    processor.upload(&host, slice, small, packed).expect("up, gathered");
    processor.upload(&HostBuffer::zeroed(240), Region::whole(240), large, Region::whole(240)).expect("zeros");
    processor.copy(small, packed, large, slice).expect("across, scattered");
    let back = HostBuffer::zeroed(240);
    processor.download(large, slice, &back, slice).expect("down, scattered to scattered");
    let mut scattered = vec![0; 240];
    executor::buffer::copy_region(&expected, packed, &mut scattered, slice);
    assert_eq!(back.into_bytes().expect("own"), scattered);
    // They show the bytes of the whole, and nothing behind them.
    let back = HostBuffer::zeroed(240);
    processor
        .download(arenas[1], Region { offset_bytes: 2 * at, ..Region::whole(240) }, &back, Region::whole(240))
        .expect("down");
    assert_eq!(back.into_bytes().expect("own"), scattered);
    let check = |result: Result<(), ProcessorError>, expected: &str| {
        let error = result.expect_err(expected);
        assert_eq!(error.kind, ProcessorErrorKind::Misuse);
        assert!(error.to_string().contains(expected), "{error}");
    };
    check(processor.upload(&host, Region::whole(1), nothing, Region::whole(1)), "ends at 1, but the buffer has 0 bytes");
    check(processor.window(arenas[0], 4 * at - 1, 2).map(drop), "window");
    let other = processor.window(arenas[1], 0, slice.bytes()).expect("window");
    check(processor.copy(other, packed, large, slice), "within one piece of memory");
    [small, large, nothing, other].into_iter().chain(arenas).for_each(|buffer| processor.release(buffer));
}
