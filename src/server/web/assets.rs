//! Style, behaviour and pictures of the pages: compiled in, named by their content, kept for ever by browsers.

use std::sync::LazyLock;

use axum::{
    extract::Path,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use sha2::{Digest as _, Sha256};

use crate::{checksum::hex, server::problem::Problem};

/// Hexadecimal digits of the SHA-256 in a name.
const DIGITS: usize = 16;
/// A name stands for the same content for ever (RFC 8246).
const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

struct Asset {
    /// `style.css`
    name: &'static str,
    /// `style.0123456789abcdef.css`
    hashed: String,
    media_type: &'static str,
    bytes: &'static [u8],
}

static ASSETS: LazyLock<[Asset; 3]> = LazyLock::new(|| {
    [
        asset("style.css", "text/css; charset=utf-8", include_bytes!("assets/style.css")),
        asset("app.js", "text/javascript; charset=utf-8", include_bytes!("assets/app.js")),
        asset("icon.svg", "image/svg+xml", include_bytes!("assets/icon.svg")),
    ]
});

fn asset(name: &'static str, media_type: &'static str, bytes: &'static [u8]) -> Asset {
    let digest: String = hex(&Sha256::digest(bytes)).chars().take(DIGITS).collect();
    let (stem, suffix) = name.split_once('.').unwrap_or((name, ""));
    Asset { name, hashed: format!("{stem}.{digest}.{suffix}"), media_type, bytes }
}

/// The path of an asset, without the prefix of the public URL.
pub(crate) fn path(name: &str) -> String {
    let asset = ASSETS.iter().find(|asset| asset.name == name);
    format!("/assets/{}", asset.map_or(name, |asset| &asset.hashed))
}

/// An asset, by the name with its hash: any other is 404, since it would not be what it names.
///
/// # Errors
/// 404.
pub async fn serve(Path(name): Path<String>) -> Result<Response, Problem> {
    let found = ASSETS.iter().find(|asset| asset.hashed == name);
    let asset = found.ok_or_else(|| Problem::not_found("there is no such page"))?;
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(asset.media_type)),
        (header::CACHE_CONTROL, FOR_EVER),
    ];
    Ok((headers, asset.bytes).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn assets_are_found_by_their_hashed_names_only() {
        for name in ["style.css", "app.js", "icon.svg"] {
            let hashed = path(name).strip_prefix("/assets/").unwrap().to_owned();
            assert_ne!(hashed, name);
            let response = serve(Path(hashed)).await.unwrap();
            assert_eq!(response.headers()[header::CACHE_CONTROL], FOR_EVER);
            assert_eq!(serve(Path(name.to_owned())).await.unwrap_err().status, 404);
        }
    }

    #[test]
    fn pages_weigh_little() {
        let bytes: usize = ASSETS.iter().map(|asset| asset.bytes.len()).sum();
        assert!(bytes < 48 * 1024, "{bytes} bytes before compression");
    }
}
