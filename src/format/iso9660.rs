//! ISO 9660, the file system of CDs (ECMA-119).

/// Where the volume descriptors start: the sixteen sectors before are the system's (§6.2.1).
const DESCRIPTORS: usize = 16 * 2048;
/// Their standard identifier, behind the byte that says what each is (§8.1.2).
const IDENTIFIER: &[u8; 5] = b"CD001";

/// Whether a volume descriptor of a known type (§8.1.1) stands where the first has to.
pub(super) fn is_one(head: &[u8]) -> bool {
    let descriptor = head.get(DESCRIPTORS..).and_then(|rest| rest.split_first());
    descriptor.is_some_and(|(kind, rest)| matches!(kind, 0..=3 | 255) && rest.starts_with(IDENTIFIER))
}
