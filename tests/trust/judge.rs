//! `openssl verify`, on the same certificates.

use std::{fs, path::Path, process::Command};

use stratuslab::{
    Certificate, Timestamp,
    dsig::AlgorithmPolicy,
    trust::{Anchors, PathError, PathRequest, Purpose, TrustedPath, verify_path},
};

use crate::{authority::certificate, pki::Identity};

/// A certificate, what comes with it, and who is trusted.
#[derive(Clone)]
pub(crate) struct Case<'a> {
    pub(crate) anchors: Vec<&'a Identity>,
    pub(crate) chain: Vec<&'a Identity>,
    pub(crate) leaf: &'a Identity,
    pub(crate) at: Timestamp,
    pub(crate) policy: AlgorithmPolicy,
    pub(crate) purpose: Purpose,
}

impl<'a> Case<'a> {
    pub(crate) fn new(anchors: &[&'a Identity], chain: &[&'a Identity], leaf: &'a Identity) -> Self {
        Self {
            anchors: anchors.to_vec(),
            chain: chain.to_vec(),
            leaf,
            at: crate::authority::used(),
            policy: AlgorithmPolicy::default(),
            purpose: Purpose::Endorsing,
        }
    }

    pub(crate) fn at(mut self, at: &str) -> Self {
        self.at = crate::authority::date(at);
        self
    }

    pub(crate) fn allowing_sha1(mut self) -> Self {
        self.policy = AlgorithmPolicy::new(true);
        self
    }

    pub(crate) fn stamping(mut self) -> Self {
        self.purpose = Purpose::TimeStamping;
        self
    }

    pub(crate) fn anchors_in(&self, folder: &Path) -> Anchors {
        let file = folder.join("anchors.pem");
        fs::write(&file, pem(&self.anchors)).unwrap();
        let mut anchors = Anchors::new();
        if !self.anchors.is_empty() {
            anchors.add_pem_file(&file).unwrap();
        }
        anchors
    }

    pub(crate) fn ours(&self) -> Result<TrustedPath, PathError> {
        let folder = tempfile::tempdir().unwrap();
        let chain: Vec<Certificate> = self.chain.iter().map(|identity| certificate(identity)).collect();
        let leaf = certificate(self.leaf);
        let request = PathRequest {
            purpose: self.purpose,
            policy: self.policy,
            ..PathRequest::new(&leaf, &chain, self.at, crate::authority::date("2021-02-01T00:00:00Z"))
        };
        verify_path(&self.anchors_in(folder.path()), &request)
    }

    /// Whether `openssl verify` accepts it, with the anchors in a file and in a directory; `None` if it
    /// need not be there.
    fn theirs(&self) -> Option<bool> {
        if std::env::var_os("STRATUSLAB_SKIP_PEERS").is_some() {
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, content: Vec<u8>| {
            let file = folder.path().join(name);
            fs::write(&file, content).unwrap();
            file
        };
        let mut hashes = Vec::new();
        for anchor in &self.anchors {
            let hash = crate::anchors::hash(anchor);
            // OpenSSL stops at a number that is missing.
            let number = hashes.iter().filter(|known| **known == hash).count();
            write(&format!("{hash}.{number}"), anchor.certificate_pem());
            hashes.push(hash);
        }
        let of_file = ["-no-CApath".into(), "-CAfile".into(), write("anchors.pem", pem(&self.anchors))];
        let of_folder = ["-no-CAfile".into(), "-CApath".into(), folder.path().to_owned()];
        let (leaf, chain) = (write("leaf.pem", pem(&[self.leaf])), write("chain.pem", pem(&self.chain)));
        // An empty file of anchors is an error of its own.
        let ways = if self.anchors.is_empty() { vec![of_folder] } else { vec![of_folder, of_file] };
        let verdicts: Vec<bool> = ways
            .iter()
            .map(|anchors| {
                let mut command = Command::new("openssl");
                command.args(["verify", "-no-CAstore", "-attime", &self.at.unix_seconds().to_string()]);
                command.args(["-auth_level", if self.policy.allow_sha1 { "0" } else { "2" }]).args(anchors);
                match self.purpose {
                    Purpose::TimeStamping => command.args(["-purpose", "timestampsign"]),
                    _ => command.arg("-allow_proxy_certs"),
                };
                if !self.chain.is_empty() {
                    command.arg("-untrusted").arg(&chain);
                }
                command.arg(&leaf).output().unwrap().status.success()
            })
            .collect();
        assert!(verdicts.windows(2).all(|pair| pair[0] == pair[1]), "openssl verify is of two minds");
        verdicts.first().copied()
    }

    /// Both accept it.
    #[track_caller]
    pub(crate) fn accepted(&self) -> TrustedPath {
        assert_ne!(self.theirs(), Some(false), "openssl verify refuses it");
        match self.ours() {
            Ok(path) => path,
            Err(error) => panic!("{error}"),
        }
    }

    /// Both refuse it.
    #[track_caller]
    pub(crate) fn refused(&self) -> PathError {
        assert_ne!(self.theirs(), Some(true), "openssl verify accepts it");
        self.refused_here()
    }

    /// We refuse it and `openssl verify` does not.
    #[track_caller]
    pub(crate) fn refused_by_us_alone(&self) -> PathError {
        assert_ne!(self.theirs(), Some(false), "openssl verify refuses it too");
        self.refused_here()
    }

    #[track_caller]
    fn refused_here(&self) -> PathError {
        match self.ours() {
            Ok(path) => panic!("accepted: {path:?}"),
            Err(error) => error,
        }
    }
}

pub(crate) fn pem(identities: &[&Identity]) -> Vec<u8> {
    identities.iter().flat_map(|identity| identity.certificate_pem()).collect()
}

/// Asserts that an error is of this variant, and what it says.
#[macro_export]
macro_rules! assert_told {
    ($error:expr, $variant:pat, $message:expr) => {{
        let error = $error;
        assert!(matches!(error, $variant), "{error:?}");
        assert_eq!(error.to_string(), $message);
    }};
}
