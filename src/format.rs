//! Disk image formats that can be told by their first bytes.

use std::fmt;

/// Bytes from the start of an image that [`ImageFormat::recognise`] looks at.
pub const HEAD: usize = 512;

/// A disk image format with a magic number. A raw image has none, so it is never recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ImageFormat {
    /// QEMU copy on write, version 2 or 3.
    Qcow2,
    /// Virtual machine disk: sparse extent, ESX sparse extent, or a descriptor file.
    Vmdk,
    /// Virtual disk image, by Oracle.
    Vdi,
    /// Hyper-V.
    Vhdx,
}

impl ImageFormat {
    /// The text of `dcterms:format`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Qcow2 => "qcow2",
            Self::Vmdk => "vmdk",
            Self::Vdi => "vdi",
            Self::Vhdx => "vhdx",
        }
    }

    /// The format of an image that starts with `head` ([`HEAD`] bytes or the whole image).
    pub fn recognise(head: &[u8]) -> Option<Self> {
        // The version, big-endian, tells qcow2 from the older qcow.
        let qcow2 = head.starts_with(b"QFI\xfb\0\0\0\x02") || head.starts_with(b"QFI\xfb\0\0\0\x03");
        let vmdk = [&b"KDMV"[..], b"COWD", b"# Disk DescriptorFile"];
        if qcow2 {
            Some(Self::Qcow2)
        } else if vmdk.into_iter().any(|magic| head.starts_with(magic)) {
            Some(Self::Vmdk)
        } else if head.get(0x40..0x44) == Some(&[0x7f, 0x10, 0xda, 0xbe]) {
            Some(Self::Vdi)
        } else if head.starts_with(b"vhdxfile") {
            Some(Self::Vhdx)
        } else {
            None
        }
    }
}

impl fmt::Display for ImageFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_told_by_their_magic_numbers() {
        let mut vdi = b"<<< Oracle VM VirtualBox Disk Image >>>\n".to_vec();
        vdi.resize(0x40, 0);
        vdi.extend([0x7f, 0x10, 0xda, 0xbe]);
        for (head, format) in [
            (&b"QFI\xfb\0\0\0\x03rest"[..], Some(ImageFormat::Qcow2)),
            (b"QFI\xfb\0\0\0\x02", Some(ImageFormat::Qcow2)),
            (b"QFI\xfb\0\0\0\x01", None),
            (b"KDMV\x01\0\0\0", Some(ImageFormat::Vmdk)),
            (b"COWD\x01\0\0\0", Some(ImageFormat::Vmdk)),
            (b"# Disk DescriptorFile\nversion=1\n", Some(ImageFormat::Vmdk)),
            (&vdi, Some(ImageFormat::Vdi)),
            (b"vhdxfile", Some(ImageFormat::Vhdx)),
            (b"vhdxfil", None),
            (b"", None),
        ] {
            assert_eq!(ImageFormat::recognise(head), format, "{head:?}");
        }
    }
}
