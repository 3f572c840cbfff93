//! Joining values of `xml:base`: `join-URI-References` of C14N 1.1 §2.4, which is RFC 3986 §5.2
//! changed so that the base may be relative too.

/// A reference in its parts (RFC 3986 appendix B), the fragment left out.
struct Reference<'a> {
    scheme: Option<&'a str>,
    authority: Option<&'a str>,
    path: &'a str,
    query: Option<&'a str>,
}

impl<'a> Reference<'a> {
    fn parse(text: &'a str) -> Self {
        let text = text.split_once('#').map_or(text, |(text, _)| text);
        let (scheme, rest) = match text.find([':', '/', '?']) {
            Some(end) if end > 0 && text[end..].starts_with(':') => (Some(&text[..end]), &text[end + 1..]),
            _ => (None, text),
        };
        let (rest, query) = rest.split_once('?').map_or((rest, None), |(rest, query)| (rest, Some(query)));
        let (authority, path) = match rest.strip_prefix("//") {
            Some(rest) => {
                let end = rest.find('/').unwrap_or(rest.len());
                (Some(&rest[..end]), &rest[end..])
            }
            None => (None, rest),
        };
        Self { scheme, authority, path, query }
    }
}

/// `reference`, seen from `base` (RFC 3986 §5.2.2). The value of `xml:base` that is left of two.
pub(super) fn join(base: &str, reference: &str) -> String {
    let (base, reference) = (Reference::parse(base), Reference::parse(reference));
    let (scheme, authority, path, query);
    if reference.scheme.is_some() || reference.authority.is_some() {
        scheme = reference.scheme.or(base.scheme);
        (authority, query) = (reference.authority, reference.query);
        path = remove_dot_segments(reference.path);
    } else {
        (scheme, authority) = (base.scheme, base.authority);
        if reference.path.is_empty() {
            query = reference.query.or(base.query);
            path = closed(base.path);
        } else {
            query = reference.query;
            path = if reference.path.starts_with('/') {
                remove_dot_segments(reference.path)
            } else {
                remove_dot_segments(&merge(&base, reference.path))
            };
        }
    }
    // RFC 3986 §5.3
    let scheme = scheme.map(|scheme| [scheme, ":"]);
    let authority = authority.map(|authority| ["//", authority]);
    let query = query.map(|query| ["?", query]);
    let parts = [scheme, authority, Some([&path, ""]), query];
    parts.into_iter().flatten().flatten().collect()
}

/// A path that ends in `..` means what it means with a slash behind it.
fn closed(path: &str) -> String {
    let slash = if path == ".." || path.ends_with("/..") { "/" } else { "" };
    [path, slash].concat()
}

/// RFC 3986 §5.2.3
fn merge(base: &Reference, path: &str) -> String {
    let directory = closed(base.path);
    match directory.rfind('/') {
        _ if base.authority.is_some() && directory.is_empty() => ["/", path].concat(),
        Some(last) => [&directory[..=last], path].concat(),
        None => path.to_owned(),
    }
}

/// RFC 3986 §5.2.4, but leading `..` stay, slashes do not repeat, and a last `..` ends with one.
fn remove_dot_segments(path: &str) -> String {
    let absolute = path.starts_with('/');
    let mut segments: Vec<&str> = Vec::new();
    let mut directory = true;
    for segment in path.split('/').filter(|segment| !segment.is_empty()) {
        directory = matches!(segment, "." | "..");
        match segment {
            "." => {}
            ".." if segments.last().is_some_and(|last| *last != "..") => {
                segments.pop();
            }
            ".." if absolute => {}
            segment => segments.push(segment),
        }
    }
    let root = if absolute { "/" } else { "" };
    let end = if !segments.is_empty() && (directory || path.ends_with('/')) { "/" } else { "" };
    [root, &segments.join("/"), end].concat()
}

#[cfg(test)]
mod tests {
    use super::{join, remove_dot_segments};

    /// C14N 1.1 appendix A
    #[test]
    fn dot_segments_are_removed_as_the_standard_s_table_has_it() {
        for (path, expected) in [
            ("no/.././/pseudo-netpath/seg/file.ext", "pseudo-netpath/seg/file.ext"),
            ("no/..//.///pseudo-netpath/seg/file.ext", "pseudo-netpath/seg/file.ext"),
            ("yes/no//..//.///pseudo-netpath/seg/file.ext", "yes/pseudo-netpath/seg/file.ext"),
            ("no/../yes", "yes"),
            ("no/../yes/", "yes/"),
            ("no/../yes/no/..", "yes/"),
            ("../../no/../..", "../../../"),
            ("no/../..", "../"),
            ("no/..", ""),
            ("no/../", ""),
            ("/a/b/c/./../../g", "/a/g"),
            ("mid/content=5/../6", "mid/6"),
            ("../../..", "../../../"),
            ("no/../../", "../"),
            ("..yes/..no/..no/..no/../../../..yes", "..yes/..yes"),
            ("..yes/..no/..no/..no/../../../..yes/", "..yes/..yes/"),
            ("../..", "../../"),
            ("../../../", "../../../"),
            (".", ""),
            ("./", ""),
            ("./.", ""),
            ("//no/..", "/"),
            ("../../no/..", "../../"),
            ("../../no/../", "../../"),
            ("yes/no/../", "yes/"),
            ("yes/no/no/../..", "yes/"),
            ("yes/no/../yes/no/no/../..", "yes/yes/"),
            ("yes/no/no/no/../../../yes", "yes/yes"),
            ("/no/../", "/"),
            ("/yes/no/no/no/../../..", "/yes/"),
            ("../../..no/..", "../../"),
            ("..yes/...no/..no/..no/../../..", "..yes/"),
            ("/..no/../", "/"),
            ("/", "/"),
            ("/.", "/"),
            ("/././", "/"),
            ("/../..", "/"),
            ("//..//..//..", "/"),
            ("/./.././.././..", "/"),
            ("..", "../"),
            ("../", "../"),
        ] {
            assert_eq!(remove_dot_segments(path), expected, "{path}");
        }
    }

    /// C14N 1.1 §2.4, and RFC 3986 §5.4 where the base is absolute.
    #[test]
    fn references_are_joined() {
        for (base, reference, expected) in [
            ("abc/", "../", ""),
            ("../", "../", "../../"),
            ("..", "..", "../../"),
            ("..", "x", "../x"),
            ("..", "../x", "../../x"),
            ("..", "", "../"),
            ("something/else", "bar/", "something/bar/"),
            ("bar/", "foo", "bar/foo"),
            ("a/", "b#fragment", "a/b"),
            ("a/", "#fragment", "a/"),
            ("a?q", "", "a?q"),
            ("a?q", "?r", "a?r"),
            ("something/else", "urn:x", "urn:x"),
            ("http://a/b/c/d;p?q", "g?y#s", "http://a/b/c/g?y"),
            ("http://a/b/c/d;p?q", "../../../g", "http://a/g"),
            ("http://a/b/c/d;p?q", "//g", "http://g"),
            ("http://a/b/c/d;p?q", "/./g", "http://a/g"),
            ("http://a/b/c/d;p?q", "", "http://a/b/c/d;p?q"),
            ("http://a", "g", "http://a/g"),
            ("//a/b", "c", "//a/c"),
            ("/b/c", "d", "/b/d"),
        ] {
            assert_eq!(join(base, reference), expected, "{base} and {reference}");
        }
    }
}
