use proptest::prelude::*;

use super::*;

mod qemu;

type Inspected = Result<Option<Inspection>, FormatError>;

/// What is said of a whole image.
fn inspected(image: &[u8]) -> Inspected {
    let head = &image[..image.len().min(HEAD)];
    let tail = &image[image.len().saturating_sub(TAIL)..];
    inspect(head, tail, image.len() as u64)
}

#[expect(clippy::unnecessary_wraps, reason = "what it is compared with may be an error")]
fn found(format: ImageFormat, virtual_size: impl Into<Option<u64>>) -> Inspected {
    Ok(Some(Inspection { format, virtual_size: virtual_size.into() }))
}

fn backing(format: ImageFormat, name: Option<&str>) -> Inspected {
    Err(FormatError::BackingFile { format, name: name.map(ToOwned::to_owned) })
}

fn external(format: ImageFormat, name: Option<&str>) -> Inspected {
    Err(FormatError::ExternalData { format, name: name.map(ToOwned::to_owned) })
}

fn damaged(format: ImageFormat, what: Damage) -> Inspected {
    Err(FormatError::Damaged { format, what })
}

fn put(image: &mut [u8], offset: usize, bytes: &[u8]) {
    image[offset..offset + bytes.len()].copy_from_slice(bytes);
}

fn qcow2(version: u32) -> Vec<u8> {
    let mut image = vec![0; 4096];
    put(&mut image, 0, b"QFI\xfb");
    put(&mut image, 4, &version.to_be_bytes());
    put(&mut image, 24, &(10_u64 << 30).to_be_bytes());
    put(&mut image, 100, &104_u32.to_be_bytes());
    image
}

fn vdi(image_type: u32) -> Vec<u8> {
    let mut image = b"<<< Oracle VM VirtualBox Disk Image >>>\n".to_vec();
    image.resize(1024, 0);
    put(&mut image, 0x40, &[0x7f, 0x10, 0xda, 0xbe, 1, 0, 1, 0]);
    put(&mut image, 0x4c, &image_type.to_le_bytes());
    put(&mut image, 0x170, &(3_u64 << 20).to_le_bytes());
    image
}

fn footer(disk_type: u32) -> Vec<u8> {
    let mut footer = vec![0; 512];
    put(&mut footer, 0, b"conectix");
    put(&mut footer, 16, &512_u64.to_be_bytes());
    put(&mut footer, 48, &(5_u64 << 20).to_be_bytes());
    put(&mut footer, 60, &disk_type.to_be_bytes());
    let sum: u32 = footer.iter().map(|byte| u32::from(*byte)).sum();
    put(&mut footer, 64, &(!sum).to_be_bytes());
    footer
}

fn sparse(descriptor: &str) -> Vec<u8> {
    let mut image = vec![0; 65536];
    put(&mut image, 0, b"KDMV\x01");
    put(&mut image, 12, &6144_u64.to_le_bytes());
    put(&mut image, 28, &1_u64.to_le_bytes());
    put(&mut image, 36, &20_u64.to_le_bytes());
    put(&mut image, 512, descriptor.as_bytes());
    image
}

fn iso9660() -> Vec<u8> {
    let mut image = vec![0; 40960];
    put(&mut image, 32768, b"\x01CD001\x01");
    image
}

#[test]
fn formats_are_told_by_their_magic_numbers() {
    for (head, format) in [
        (&b"QFI\xfb\0\0\0\x03rest"[..], Some(ImageFormat::Qcow2)),
        (b"QFI\xfb\0\0\0\x02", Some(ImageFormat::Qcow2)),
        (b"QFI\xfb\0\0\0\x01", Some(ImageFormat::Qcow2)),
        (b"KDMV\x01\0\0\0", Some(ImageFormat::Vmdk)),
        (b"COWD\x01\0\0\0", Some(ImageFormat::Vmdk)),
        (b"# Disk DescriptorFile\nversion=1\n", Some(ImageFormat::Vmdk)),
        (&vdi(1), Some(ImageFormat::Vdi)),
        (b"conectix", Some(ImageFormat::Vhd)),
        (b"vhdxfile", Some(ImageFormat::Vhdx)),
        (b"vhdxfil", None),
        (&iso9660(), Some(ImageFormat::Iso9660)),
        (b"", None),
    ] {
        assert_eq!(Image { head, tail: &[], bytes: head.len() as u64 }.format(), format, "{head:?}");
    }
}

#[test]
fn what_has_no_magic_number_is_raw() {
    for image in [&b""[..], b"x", &vec![0; 100_000], b"QFI", b"CD001"] {
        assert_eq!(inspected(image), Ok(None));
    }
}

/// Of the older qcow, and of what is to come, nothing is known but the name.
#[test]
fn another_version_of_qcow2_is_refused() {
    for version in [0, 1, 4, u32::MAX] {
        let mut image = qcow2(3);
        put(&mut image, 4, &version.to_be_bytes());
        let major = u16::try_from(version).unwrap_or(u16::MAX);
        let what = Damage::Version { major, minor: 0 };
        assert_eq!(inspected(&image), Err(FormatError::Damaged { format: ImageFormat::Qcow2, what }));
    }
}

#[test]
fn qcow2_states_its_disk_s_size() {
    for version in [2, 3] {
        assert_eq!(inspected(&qcow2(version)), found(ImageFormat::Qcow2, 10 << 30));
    }
    // What a version 2 header has in the place of features and length are no such things.
    let mut image = qcow2(2);
    put(&mut image, 72, &[0xff; 32]);
    assert_eq!(inspected(&image), found(ImageFormat::Qcow2, 10 << 30));
}

#[test]
fn qcow2_cut_short_is_damaged() {
    let format = ImageFormat::Qcow2;
    for (version, length) in [(2, 72), (3, 104)] {
        let cut = |bytes: usize| inspected(&qcow2(version)[..bytes]);
        for bytes in [8, 71, length - 1] {
            let needed = if bytes < 72 { 72 } else { length as u64 };
            let what = Damage::Truncated { needed, bytes: bytes as u64 };
            assert_eq!(cut(bytes), damaged(format, what));
        }
        assert_eq!(cut(length), found(format, 10 << 30));
    }
    let mut image = qcow2(3);
    for length in [0, 96, 103, 105, 4092] {
        put(&mut image, 100, &u32::to_be_bytes(length));
        assert_eq!(inspected(&image), damaged(format, Damage::HeaderLength { length }));
    }
    put(&mut image, 100, &4104_u32.to_be_bytes());
    assert_eq!(inspected(&image), damaged(format, Damage::Truncated { needed: 4104, bytes: 4096 }));
    assert_eq!(
        inspected(&image).unwrap_err().to_string(),
        "the qcow2 image is damaged: its header takes 4104 bytes, the image has 4096"
    );
}

#[test]
fn qcow2_with_a_backing_file_is_refused() {
    let format = ImageFormat::Qcow2;
    let with = |offset: u64, name: &[u8], size: u32| {
        let mut image = qcow2(3);
        put(&mut image, 8, &offset.to_be_bytes());
        put(&mut image, 16, &size.to_be_bytes());
        put(&mut image, 512, name);
        inspected(&image)
    };
    assert_eq!(with(512, b"base.img", 8), backing(format, Some("base.img")));
    assert_eq!(
        with(512, b"base.img", 8).unwrap_err().to_string(),
        "the qcow2 image builds on another one: base.img"
    );
    assert_eq!(with(512, &[b'x'; 1023], 1023), backing(format, Some(&"x".repeat(1023))));
    for (offset, name, size) in [
        (512, &b""[..], 0),
        (512, &[b'x'; 1024], 1024),
        (512, b"base\n.img", 9),
        (512, b"\xff\xfe", 2),
        (4090, b"", 8),
        (u64::MAX, b"", u32::MAX),
    ] {
        assert_eq!(with(offset, name, size), backing(format, None));
    }
    assert_eq!(with(u64::MAX, b"", 1).unwrap_err().to_string(), "the qcow2 image builds on another one");
}

#[test]
fn qcow2_with_its_data_elsewhere_is_refused() {
    let format = ImageFormat::Qcow2;
    let with = |extensions: &[u8]| {
        let mut image = qcow2(3);
        put(&mut image, 72, &4_u64.to_be_bytes());
        put(&mut image, 104, extensions);
        inspected(&image)
    };
    let named = b"\x68\x03\xf8\x57\0\0\0\x03abc\0\0\0\0\0DATA\0\0\0\x05d.raw\0\0\0";
    assert_eq!(with(named), external(format, Some("d.raw")));
    assert_eq!(
        with(named).unwrap_err().to_string(),
        "the content of the qcow2 image is in another file: d.raw"
    );
    assert_eq!(with(b"\0\0\0\0\0\0\0\0DATA\0\0\0\x05d.raw"), external(format, None));
    assert_eq!(with(b"\0\0\0\x01\xff\xff\xff\xffDATA\0\0\0\x05d.raw"), external(format, None));
}

#[test]
fn vdi_of_a_parent_is_refused() {
    let format = ImageFormat::Vdi;
    for image_type in [1, 2] {
        assert_eq!(inspected(&vdi(image_type)), found(format, 3 << 20));
    }
    for image_type in [3, 4] {
        assert_eq!(inspected(&vdi(image_type)), backing(format, None));
    }
    let mut old = vdi(1);
    put(&mut old, 0x44, &1_u32.to_le_bytes());
    assert_eq!(inspected(&old), damaged(format, Damage::Version { major: 0, minor: 1 }));
    let what = Damage::Truncated { needed: 0x178, bytes: 0x177 };
    assert_eq!(inspected(&vdi(1)[..0x177]), damaged(format, what));
}

#[test]
fn vhd_is_told_by_either_footer() {
    let format = ImageFormat::Vhd;
    let footer = |disk_type| footer(disk_type);
    let dynamic = |head, tail| inspected(&[footer(head), vec![0; 3000], footer(tail)].concat());
    assert_eq!(dynamic(3, 3), found(format, 5 << 20));
    for (head, tail) in [(4, 4), (3, 4), (4, 3)] {
        assert_eq!(dynamic(head, tail), backing(format, None));
    }
    let fixed = [vec![0; 3000], footer(2)].concat();
    assert_eq!(inspected(&fixed), found(format, 5 << 20));
    let of_a_cd = [iso9660(), footer(2)].concat();
    assert_eq!(inspected(&of_a_cd), found(format, 5 << 20));

    let mut wrong = footer(2);
    wrong[50] ^= 1;
    assert_eq!(inspected(&[vec![0; 3000], wrong.clone()].concat()), Ok(None));
    let at_both_ends = [wrong.clone(), vec![0; 3000], wrong.clone()].concat();
    assert_eq!(inspected(&at_both_ends), damaged(format, Damage::Checksum));
    assert_eq!(inspected(&[wrong, vec![0; 3000], footer(3)].concat()), found(format, 5 << 20));
    // Cut short, it has only the copy at its start.
    assert_eq!(inspected(&[footer(3), vec![0; 3000]].concat()), damaged(format, Damage::Checksum));
    let what = Damage::Truncated { needed: 512, bytes: 100 };
    assert_eq!(inspected(&footer(3)[..100]), damaged(format, what));
}

#[test]
fn the_parent_of_a_vhd_is_named() {
    let mut header = vec![0; 1024];
    put(&mut header, 0, b"cxsparse");
    let name: Vec<u8> = "père.vhd".encode_utf16().flat_map(u16::to_be_bytes).collect();
    put(&mut header, 64, &name);
    let image = [footer(4), header, footer(4)].concat();
    assert_eq!(inspected(&image), backing(ImageFormat::Vhd, Some("père.vhd")));
}

#[test]
fn vmdk_that_is_one_file_is_described() {
    let format = ImageFormat::Vmdk;
    let descriptor =
        "# Disk DescriptorFile\nCID=1\nparentCID=ffffffff\n\nRW 6144 SPARSE \"any.vmdk\"\nddb.x = \"1\"\n";
    assert_eq!(inspected(&sparse(descriptor)), found(format, 6144 * 512));
    // A descriptor cut off by the part looked at, or none at all.
    let mut image = sparse(descriptor);
    put(&mut image, 36, &u64::MAX.to_le_bytes());
    assert_eq!(inspected(&image), found(format, 6144 * 512));
    image = sparse("");
    put(&mut image, 28, &[0; 16]);
    assert_eq!(inspected(&image), found(format, 6144 * 512));
    let mut esx = vec![0; 2048];
    put(&mut esx, 0, b"COWD\x01\0\0\0\x03\0\0\0\0\x10\0\0");
    assert_eq!(inspected(&esx), found(format, 4096 * 512));
}

#[test]
fn vmdk_that_is_not_the_whole_disk_is_refused() {
    let format = ImageFormat::Vmdk;
    for (descriptor, expected) in [
        ("parentCID=1\n", backing(format, None)),
        ("ParentCID = 1\r\nparentFileNameHint=\"a b.vmdk\"\r\n", backing(format, Some("a b.vmdk"))),
        ("parentCID=ffffffff\n#parentFileNameHint=base.vmdk\n", backing(format, Some("base.vmdk"))),
        ("RW 1 SPARSE \"1.vmdk\"\nRW 1 SPARSE \"2.vmdk\"\n", external(format, Some("2.vmdk"))),
        ("rw 6144 FLAT \"flat.vmdk\" 0\n", external(format, Some("flat.vmdk"))),
    ] {
        assert_eq!(inspected(&sparse(descriptor)), expected, "{descriptor}");
    }
    let mut none_of_its_own = sparse("RW 1 SPARSE \"1.vmdk\"\n");
    put(&mut none_of_its_own, 12, &[0; 8]);
    assert_eq!(inspected(&none_of_its_own), external(format, Some("1.vmdk")));

    let alone = |rest: &str| inspected(format!("# Disk DescriptorFile\n{rest}").as_bytes());
    assert_eq!(alone("parentCID=ffffffff\nRW 6 FLAT \"f.vmdk\" 0\n"), external(format, Some("f.vmdk")));
    assert_eq!(alone("parentCID=12\nRW 6 FLAT \"f.vmdk\" 0\n"), backing(format, None));
    assert_eq!(alone("RW 6 ZERO\n"), external(format, None));
}

#[test]
fn vmdk_with_an_impossible_header_is_damaged() {
    let format = ImageFormat::Vmdk;
    let mut image = sparse("");
    put(&mut image, 28, &128_u64.to_le_bytes());
    assert_eq!(inspected(&image), damaged(format, Damage::Descriptor));
    put(&mut image, 28, &u64::MAX.to_le_bytes());
    assert_eq!(inspected(&image), damaged(format, Damage::Descriptor));
    let mut image = sparse("");
    put(&mut image, 12, &[0xff; 8]);
    assert_eq!(inspected(&image), damaged(format, Damage::Capacity { sectors: u64::MAX }));
    let what = Damage::Truncated { needed: 512, bytes: 511 };
    assert_eq!(inspected(&sparse("")[..511]), damaged(format, what));
    let what = Damage::Truncated { needed: 2048, bytes: 4 };
    assert_eq!(inspected(b"COWD"), damaged(format, what));
}

#[test]
fn a_cd_is_told_by_its_volume_descriptor() {
    let mut image = iso9660();
    for (kind, known) in [(0, true), (1, true), (2, true), (3, true), (255, true), (4, false), (254, false)] {
        image[32768] = kind;
        let expected = if known { found(ImageFormat::Iso9660, None) } else { Ok(None) };
        assert_eq!(inspected(&image), expected, "{kind}");
    }
    image[32768] = 1;
    assert_eq!(inspected(&image[..32773]), Ok(None));
    // What else the image may be: it starts with a partition table.
    put(&mut image, 510, &[0x55, 0xaa]);
    assert_eq!(inspected(&image), found(ImageFormat::Iso9660, None));
}

proptest! {
    #[test]
    fn nothing_panics(
        head in prop::collection::vec(any::<u8>(), 0..3000),
        tail in prop::collection::vec(any::<u8>(), 0..600),
        bytes: u64,
    ) {
        let _ = inspect(&head, &tail, bytes);
    }

    #[test]
    fn no_damage_panics(
        which in 0..8_usize,
        damage in prop::collection::vec((0..600_usize, any::<u8>()), 0..20),
        field in (0..600_usize, any::<u64>()),
        cut in 0..70_000_usize,
        bytes: u64,
    ) {
        let descriptor = "parentCID=ffffffff\nparentFileNameHint=\"\"\nRW 1 SPARSE \"1.vmdk\"\n";
        let mut image = [
            qcow2(2),
            [qcow2(3), b"DATA\0\0\0\x05d.raw".to_vec()].concat(),
            vdi(1),
            [footer(3), footer(4)].concat(),
            sparse(descriptor),
            format!("# Disk DescriptorFile\n{descriptor}").into_bytes(),
            b"COWD".to_vec(),
            iso9660(),
        ][which].clone();
        image.resize(image.len().max(700), 0);
        // The magic number stays.
        let start = [8, 8, 0x44, 8, 4, 21, 4, 0][which];
        for (offset, byte) in damage {
            image[start + offset] = byte;
        }
        put(&mut image, start + field.0, &field.1.to_ne_bytes());
        image.truncate(cut);
        let tail = &image[image.len().saturating_sub(TAIL)..];
        let _ = inspect(&image[..image.len().min(HEAD)], tail, bytes);
        let _ = inspected(&image);
    }
}
