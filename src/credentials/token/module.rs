//! PKCS #11 modules: shared libraries that know how to talk to tokens.

use std::{
    env::consts::ARCH,
    fs, iter,
    ops::Deref,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use cryptoki::{
    context::{CInitializeArgs, CInitializeFlags, Pkcs11},
    error::{Error, RvError},
};

use super::{Pkcs11Uri, TokenError, error::described};

/// p11-kit's module, which hands out the tokens of all modules the system knows.
const PROXY: &str = "p11-kit-proxy";

/// A module that is loaded and initialized.
#[derive(Debug)]
pub(super) struct Module {
    file: PathBuf,
    pkcs11: Pkcs11,
}

/// The modules in use. `C_Initialize` and `C_Finalize` count for the whole process (PKCS #11 §5.4), so
/// that everyone who uses a module shares it, and the last one ends it.
static IN_USE: Mutex<Vec<InUse>> = Mutex::new(Vec::new());

struct InUse {
    file: PathBuf,
    pkcs11: Pkcs11,
    /// By how many [`Module`]s.
    users: usize,
    /// Somebody else in this process initialized it, and will end it.
    foreign: bool,
}

impl Module {
    /// The module that `uri` names, else `named`, else p11-kit's.
    pub(super) fn find(uri: &Pkcs11Uri, named: Option<&Path>) -> Result<Self, TokenError> {
        let tried = candidates(uri, named);
        match tried.iter().find(|file| file.try_exists().unwrap_or(true)) {
            Some(file) => Self::load(file),
            None => Err(TokenError::NoModule { tried }),
        }
    }

    fn load(file: &Path) -> Result<Self, TokenError> {
        let failed = |error: &Error| TokenError::Module { file: file.to_owned(), reason: described(error) };
        // Without a slash the loader would look elsewhere.
        let named = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
        let file = fs::canonicalize(file).unwrap_or_else(|_| named.clone());
        let mut modules = IN_USE.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(module) = modules.iter_mut().find(|module| module.file == file) {
            module.users += 1;
            return Ok(Self { file, pkcs11: module.pkcs11.clone() });
        }
        let pkcs11 = Pkcs11::new(named).map_err(|error| failed(&error))?;
        let foreign = match pkcs11.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
            Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => true,
            done => done.map(|()| false).map_err(|error| failed(&error))?,
        };
        modules.push(InUse { file: file.clone(), pkcs11: pkcs11.clone(), users: 1, foreign });
        Ok(Self { file, pkcs11 })
    }
}

impl Deref for Module {
    type Target = Pkcs11;

    fn deref(&self) -> &Pkcs11 {
        &self.pkcs11
    }
}

impl Drop for Module {
    fn drop(&mut self) {
        let mut modules = IN_USE.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(index) = modules.iter().position(|module| module.file == self.file) {
            modules[index].users -= 1;
            if modules[index].users == 0 {
                let last = modules.swap_remove(index);
                if !last.foreign {
                    // What has been signed is signed.
                    let _ = last.pkcs11.finalize();
                }
            }
        }
    }
}

/// Where the module may be, the first that exists counts. Only what someone asked for, and what the
/// system put where modules belong.
fn candidates(uri: &Pkcs11Uri, named: Option<&Path>) -> Vec<PathBuf> {
    match (uri.module_path(), uri.module_name(), named) {
        // RFC 7512 §2.3: the path may be the folder of the name.
        (Some(path), Some(name), _) if path.is_dir() => files(path, name).into(),
        (Some(path), ..) => vec![path.to_owned()],
        (None, Some(name), _) => folders().flat_map(|folder| files(&folder.join("pkcs11"), name)).collect(),
        (None, None, Some(file)) => vec![file.to_owned()],
        (None, None, None) => folders().map(|folder| folder.join(PROXY).with_extension("so")).collect(),
    }
}

/// The files a module of this name may be.
fn files(folder: &Path, name: &str) -> [PathBuf; 2] {
    ["", "lib"].map(|prefix| folder.join(format!("{prefix}{name}.so")))
}

/// Where systems keep libraries.
fn folders() -> impl Iterator<Item = PathBuf> {
    let multiarch = format!("/usr/lib/{ARCH}-linux-gnu");
    iter::once(multiarch)
        .chain(["/usr/lib64", "/usr/lib", "/usr/local/lib"].map(str::to_owned))
        .map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_uri_names_the_module_before_the_option_and_that_before_the_usual_one() {
        let named = Some(Path::new("/named.so"));
        let of = |uri: &str, named| {
            let files = candidates(&uri.parse().unwrap(), named);
            files.iter().map(|file| file.to_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(of("pkcs11:?module-path=/a/b.so", named), ["/a/b.so"]);
        assert_eq!(of("pkcs11:?module-path=/a/b.so&module-name=c", named), ["/a/b.so"]);
        assert_eq!(of("pkcs11:?module-path=/usr&module-name=c", named), ["/usr/c.so", "/usr/libc.so"]);
        assert_eq!(of("pkcs11:token=a", named), ["/named.so"]);
        let by_name = of("pkcs11:?module-name=c", named);
        assert!(by_name.contains(&"/usr/lib/pkcs11/c.so".to_owned()), "{by_name:?}");
        assert!(by_name.contains(&"/usr/lib/pkcs11/libc.so".to_owned()), "{by_name:?}");
        let usual = of("pkcs11:", None);
        assert!(usual.contains(&"/usr/lib64/p11-kit-proxy.so".to_owned()), "{usual:?}");
    }

    #[test]
    fn what_is_no_module_is_told_with_the_reason_of_the_loader() {
        let uri = "pkcs11:".parse().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("missing.so");
        let error = Module::find(&uri, Some(&missing)).unwrap_err();
        assert!(matches!(&error, TokenError::NoModule { tried } if *tried == [missing]), "{error}");
        let text = folder.path().join("text.so");
        fs::write(&text, "text").unwrap();
        let error = Module::find(&uri, Some(&text)).unwrap_err();
        assert!(
            matches!(&error, TokenError::Module { file, reason } if *file == text && reason.contains("file too short")),
            "{error}"
        );
        // A library, but of another kind.
        let other = folders().map(|folder| folder.join("libcrypto.so.3")).find(|file| file.exists());
        if let Some(other) = other {
            let error = Module::find(&uri, Some(&other)).unwrap_err();
            assert!(
                matches!(&error, TokenError::Module { reason, .. } if reason.contains("C_GetFunctionList")),
                "{error}"
            );
        }
    }
}
